/**
 * RFID readers, one in each zone where tagged items are. Impinj ones push webhooks (arrays of tagInventoryEvent, EPCs in
 * base64url, RSSI in hundredths of a dBm), Zebra ones publish with the IoT Connector (objects one behind the other without
 * anything between, hex, whole dBm). A model of what makes RFID hard, not of radio:
 *
 * - Each tag hangs in its own way: a lasting loss drawn once for a tag and a reader (orientation, metal, other goods).
 * - Path loss by distance within the zone, log-distance with exponent 2.2 and shadowing that changes from look to look.
 * - Bodies: with shoppers in the zone, some reads lose 8 dB.
 * - Walls are thin: tags of the zones next door are read too, 12 dB weaker and seldom. These are the stray reads.
 * - A tag that was read keeps quiet for a while (session S2), so a reader sees each about once in `quietMs`.
 * - Whether a read succeeds falls off around the reader's sensitivity of -72 dBm.
 */
import type { ZonePlan } from '../sim/world-file.ts';
import type { Random } from '../world/random.ts';
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
}

interface Heard {
  /** Simulated time of its last answer, ms. */
  at: number;
  readonly loss: number;
}

const SENSITIVITY_DBM = -72;
const AT_ONE_METRE_DBM = -38;
const EXPONENT = 22;
const WALL_DB = 12;
const BODY_DB = 8;
/** A stray is seldom: the reader's beam looks elsewhere. */
const STRAY_CHANCE = 0.08;
const MOST_IN_A_MESSAGE = 500;

/** A tag that was read in one look. */
interface Read {
  readonly epc: string;
  readonly rssi: number;
}

/** How a maker's reader says what it read; time: epoch ms of its own clock. */
interface Voice {
  readonly entry: Readonly<Record<string, unknown>>;
  say(reads: readonly Read[], time: number): Promise<void>;
  /** Nothing was read, but it is at work: silence of tags is news only then. */
  alive(time: number): Promise<void>;
}

export function openImpinjReader(plan: ReaderPlan, parts: DeviceParts): SimDevice {
  const { name, zone } = plan;
  const push = (time: number, events: readonly object[]): Promise<void> => {
    const timestamp = `${new Date(time).toISOString().slice(0, -1)}000000Z`;
    const body = events.map((event) => ({ timestamp, hostname: name, ...event }));
    return parts.links.post(`/push/${name}`, JSON.stringify(body));
  };
  return reader(plan, parts, {
    entry: { name, codec: 'impinj', push: true, antennas: { '1': zone.zone } },
    say(reads, time) {
      const events = reads.map(({ epc, rssi }) => {
        const detail = {
          epc: Buffer.from(epc, 'hex').toString('base64url'),
          ...{ antennaPort: 1, peakRssiCdbm: Math.round(rssi * 100), frequency: 866_900, transmitPowerCdbm: 3000 },
        };
        return { eventType: 'tagInventory', tagInventoryEvent: detail };
      });
      return push(time, events);
    },
    alive: (time) =>
      push(time, [{ eventType: 'inventoryStatus', inventoryStatusEvent: { inventoryStatus: 'running' } }]),
  });
}

export function openZebraReader(plan: ReaderPlan, parts: DeviceParts): SimDevice {
  const { name, zone } = plan;
  const topic = `zebra/${name}/events`;
  let eventNum = 0;
  const publish = (time: number, objects: readonly object[]): Promise<void> => {
    const timestamp = new Date(time).toISOString().replace('Z', '+0000');
    const text = objects.map((object) => JSON.stringify({ timestamp, ...object })).join('');
    return parts.links.publish(name, topic, text);
  };
  return reader(plan, parts, {
    entry: { name, codec: 'zebra', mqtt: { topic }, antennas: { '1': zone.zone } },
    say(reads, time) {
      const objects = reads.map(({ epc, rssi }) => {
        eventNum += 1;
        const tag = { format: 'epc', idHex: epc.toLowerCase(), antenna: 1, peakRssi: Math.round(rssi), reads: 1 };
        return { type: 'SIMPLE', data: { MAC: 'C4:7D:CC:00:00:01', eventNum, ...tag } };
      });
      return publish(time, objects);
    },
    alive(time) {
      eventNum += 1;
      const data = { radio_control: { cpu: 3, ram: 31, radioActivity: 'active', status: 'running' } };
      return publish(time, [{ component: 'RC', eventNum, eventType: 'heartbeat', data }]);
    },
  });
}

function reader(plan: ReaderPlan, { world, random, clock }: DeviceParts, voice: Voice): SimDevice {
  const { name, zone, nextDoor, everyMs, quietMs } = plan;
  const said = new Said();
  const heard = new Map<string, Heard>();
  let looked = Number.NEGATIVE_INFINITY;

  const listen = (epc: string, now: number, wall: number): number | undefined => {
    let tag = heard.get(epc);
    if (tag === undefined) {
      tag = { at: Number.NEGATIVE_INFINITY, loss: Math.abs(random.noise(5)) };
      heard.set(epc, tag);
    }
    if (now - tag.at < quietMs * (0.75 + 0.5 * random.next())) return undefined;
    if (wall > 0 && !random.chance(STRAY_CHANCE)) return undefined;
    const rssi = strength(tag.loss + wall, random, world.personsIn(zone.zone));
    // The chance of a read: half at the sensitivity, nearly all 6 dB above it.
    if (!random.chance(1 / (1 + Math.exp(-(rssi - SENSITIVITY_DBM) / 2)))) return undefined;
    tag.at = now;
    return rssi;
  };
  const look = (now: number): void => {
    looked = now;
    const reads: Read[] = [];
    const read = (epc: string, wall: number): void => {
      const rssi = listen(epc, now, wall);
      if (rssi !== undefined) reads.push({ epc, rssi });
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
    start: async () => undefined,
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
