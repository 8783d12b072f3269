/**
 * RFID readers, one in each zone where tagged items are. Impinj ones push webhooks (arrays of tagInventoryEvent, EPCs in
 * base64url, RSSI in hundredths of a dBm), Zebra ones publish with the IoT Connector (objects one behind the other without
 * anything between, hex, whole dBm). A model of what makes RFID hard, not of radio:
 *
 * - Each tag hangs in its own way: a lasting loss drawn once for a tag and a reader (orientation, metal, other goods).
 * - Path loss by distance within the zone, log-distance with exponent 2.2 and shadowing that changes from look to look.
 * - Bodies: with shoppers in the zone, some reads lose 8 dB.
 * - Walls are thin: tags of the zones next door are read too, 12 dB weaker and seldom. These are the stray reads.
 * - A reader has two antennas, and half of the tags are seen by one of them only: what nobody sees when that is blind.
 * - A tag that was read keeps quiet for a while (session S2), so a reader sees each about once in `quietMs`.
 * - Whether a read succeeds falls off around the reader's sensitivity of -72 dBm.
 */

import type { Random } from '../sim/random.ts';
import type { ZonePlan } from '../sim/world-file.ts';
import { impinjReport, impinjRunning, type TagRead, zebraHeartbeat, zebraReport } from '../vendors/rfid-reports.ts';
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
  /** Their numbers, one or two; absent: two. */
  readonly antennas?: readonly number[];
}

interface Heard {
  /** Simulated time of its last answer, ms. */
  at: number;
  readonly loss: number;
  /** The one that sees it best, and whether the other sees it at all. */
  readonly antenna: number;
  readonly byBoth: boolean;
}

const SENSITIVITY_DBM = -72;
const AT_ONE_METRE_DBM = -38;
const EXPONENT = 22;
const WALL_DB = 12;
/** Two of them, one to each side; between them both see a tag, the one that is farther away so much weaker. */
const ANTENNAS: readonly number[] = [1, 2];
const BETWEEN = 0.5;
const ASIDE_DB = 10;
const BODY_DB = 8;
/** A stray is seldom: the reader's beam looks elsewhere. */
const STRAY_CHANCE = 0.08;
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
  return Object.fromEntries(ANTENNAS.map((antenna) => [String(antenna), zone]));
}

export function openReader(plan: ReaderPlan, { world, random, clock }: DeviceParts, voice: Voice): SimDevice {
  const { name, zone, nextDoor, everyMs, quietMs, antennas = ANTENNAS } = plan;
  const said = new Said();
  const heard = new Map<string, Heard>();
  let looked = Number.NEGATIVE_INFINITY;

  const blind = new Set<number>();
  const listen = (epc: string, now: number, wall: number): Omit<TagRead, 'epc'> | undefined => {
    let tag = heard.get(epc);
    if (tag === undefined) {
      const antenna = random.pick(antennas, () => 1);
      const byBoth = random.chance(BETWEEN);
      tag = { at: Number.NEGATIVE_INFINITY, loss: Math.abs(random.noise(5)), antenna, byBoth };
      heard.set(epc, tag);
    }
    if (now - tag.at < quietMs * (0.75 + 0.5 * random.next())) return undefined;
    if (wall > 0 && !random.chance(STRAY_CHANCE)) return undefined;
    const { antenna: best } = tag;
    const antenna = blind.has(best) && tag.byBoth ? antennas.find((one) => one !== best) : best;
    if (antenna === undefined || blind.has(antenna)) return undefined;
    const aside = antenna === best ? 0 : ASIDE_DB;
    const rssi = strength(tag.loss + wall + aside, random, world.personsIn(zone.zone));
    // The chance of a read: half at the sensitivity, nearly all 6 dB above it.
    if (!random.chance(1 / (1 + Math.exp(-(rssi - SENSITIVITY_DBM) / 2)))) return undefined;
    tag.at = now;
    return { rssi, antenna };
  };
  const look = (now: number): void => {
    looked = now;
    const reads: TagRead[] = [];
    const read = (epc: string, wall: number): void => {
      const seen = listen(epc, now, wall);
      if (seen !== undefined) reads.push({ epc, rssi: seen.rssi, antenna: seen.antenna });
    };
    for (const epc of world.tagsIn(zone.zone)) read(epc, 0);
    for (const other of nextDoor) for (const epc of world.tagsIn(other)) read(epc, WALL_DB);
    const time = clock(now);
    if (reads.length === 0) said.add(voice.alive(time));
    for (let from = 0; from < reads.length; from += MOST_IN_A_MESSAGE)
      said.add(voice.say(reads.slice(from, from + MOST_IN_A_MESSAGE), time));
  };
  return {
    name,
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

/** dBm of one read at a place of its own between half a metre and six. */
function strength(loss: number, random: Random, persons: number): number {
  const metres = random.between(0.5, 6);
  const body = persons > 0 && random.chance(Math.min(0.5, persons / 20)) ? BODY_DB : 0;
  return AT_ONE_METRE_DBM - EXPONENT * Math.log10(metres) - loss - body + random.noise(2);
}
