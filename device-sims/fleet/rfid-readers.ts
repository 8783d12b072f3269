/**
 * RFID readers, one in each zone where tagged items are: Impinj ones push webhooks, Zebra ones publish with the IoT
 * Connector. What they read: rfid-physics.ts. Beside that,
 *
 * - a tag that was read keeps quiet for a while (session S2), so a reader sees each about once in `quietMs`;
 * - a reader does not transmit all the time, and needs some of it for each tag: a round reads so many, whoever comes first.
 */
import type { ZonePlan } from '../sim/world-file.ts';
import { impinjReport, impinjRunning, type TagRead, zebraHeartbeat, zebraReport } from '../vendors/rfid-reports.ts';
import { type Hanging, inTime, RadioField } from './rfid-physics.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

export interface ReaderPlan {
  readonly name: string;
  readonly zone: ZonePlan;
  /** Zones behind a wall or an open way: strays come from there. */
  readonly nextDoor: readonly string[];
  readonly everyMs: number;
  /** After a read a tag answers no more for so long. */
  readonly quietMs: number;
  /** Their numbers; default: two. */
  readonly antennas?: readonly number[];
}

interface Tag {
  /** Simulated time of its last answer, ms. */
  at: number;
  hangs: Hanging;
}

const TWO = [1, 2] as const;
/** Of the time, it transmits: a law and the heat of its amplifier have it pause. */
const DUTY = 0.4;
const TAGS_PER_SECOND = 150;
const MOST_IN_A_MESSAGE = 500;

/** How a maker's reader says what it read; time: epoch ms of its own clock. */
export interface Voice {
  readonly entry: Readonly<Record<string, unknown>>;
  say(reads: readonly TagRead[], time: number): Promise<void>;
  /** Nothing was read, but it is at work: silence of tags is news only then. */
  alive(time: number): Promise<void>;
}

export function openImpinjReader(plan: ReaderPlan, { links, ...parts }: DeviceParts): SimDevice {
  const { name, zone } = plan;
  const push = (body: string): Promise<void> => links.post(`/push/${name}`, body);
  return openReader(
    plan,
    { links, ...parts },
    {
      entry: { name, codec: 'impinj', push: true, antennas: antennasIn(zone) },
      say: (reads, time) => push(impinjReport(name, time, reads)),
      alive: (time) => push(impinjRunning(name, time)),
    },
  );
}

export function openZebraReader(plan: ReaderPlan, { links, ...parts }: DeviceParts): SimDevice {
  const { name, zone } = plan;
  const topic = `zebra/${name}/events`;
  let events = 0;
  return openReader(
    plan,
    { links, ...parts },
    {
      entry: { name, codec: 'zebra', mqtt: { topic }, antennas: antennasIn(zone) },
      say(reads, time) {
        const first = events + 1;
        events += reads.length;
        return links.publish(name, topic, zebraReport(time, first, reads));
      },
      alive(time) {
        events += 1;
        return links.publish(name, topic, zebraHeartbeat(time, events));
      },
    },
  );
}

function antennasIn({ zone }: ZonePlan): Readonly<Record<string, string>> {
  return Object.fromEntries(TWO.map((antenna) => [String(antenna), zone]));
}

export function openReader(plan: ReaderPlan, { world, random, clock }: DeviceParts, voice: Voice): SimDevice {
  const { zone, nextDoor, everyMs, quietMs, antennas = TWO } = plan;
  const said = new Said();
  const field = new RadioField(zone, antennas, world, random);
  const zones = [zone, ...nextDoor.flatMap((name) => world.floor.zones.get(name) ?? [])];
  const tags = new Map<string, Tag>();
  const blind = new Set<number>();
  const mostInARound = Math.round(TAGS_PER_SECOND * DUTY * (everyMs / 1000));
  let looked = Number.NEGATIVE_INFINITY;

  const listen = (epc: string, where: ZonePlan, now: number): TagRead | undefined => {
    const known = tags.get(epc);
    if (known !== undefined && now - known.at < quietMs * (0.75 + 0.5 * random.next())) return undefined;
    const hangs = field.hanging(epc, where, known?.hangs);
    if (known === undefined) tags.set(epc, { at: Number.NEGATIVE_INFINITY, hangs });
    else known.hangs = hangs;
    const answer = field.answer(hangs, blind);
    return answer && { epc, rssi: answer.rssi, antenna: answer.antenna };
  };
  const look = (now: number): void => {
    looked = now;
    const answers: TagRead[] = [];
    for (const where of zones) {
      for (const epc of world.tagsIn(where.zone)) {
        const read = listen(epc, where, now);
        if (read !== undefined) answers.push(read);
      }
    }
    const reads = inTime(answers, mostInARound, random);
    for (const { epc } of reads) {
      const tag = tags.get(epc);
      if (tag !== undefined) tag.at = now;
    }
    const time = clock(now);
    if (reads.length === 0) said.add(voice.alive(time));
    for (let from = 0; from < reads.length; from += MOST_IN_A_MESSAGE)
      said.add(voice.say(reads.slice(from, from + MOST_IN_A_MESSAGE), time));
  };
  return {
    name: plan.name,
    entry: voice.entry,
    antennas,
    start: async () => undefined,
    blind(antenna, isBlind) {
      for (const one of antenna === undefined ? antennas : [antenna]) {
        if (isBlind) blind.add(one);
        else blind.delete(one);
      }
    },
    look(now) {
      if (now - looked >= everyMs) look(now);
    },
    settled: () => said.settled(),
    async stop() {
      look(world.now);
      await said.settled();
    },
  };
}
