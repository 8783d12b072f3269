/**
 * LoRaWAN sensors of Milesight behind a network server: thermometers in fridges (EM300-TH) and a people counter with
 * totals of 16 bits (VS121) by ChirpStack, distance meters above shelves (EM400-TLD) and a people counter with totals of
 * 32 bits (VS133) by The Things Stack.
 */
import type { Shelf } from '../sim/floor.ts';
import { em300Th, em400Tld, vs121, vs133 } from '../vendors/milesight.ts';
import {
  chirpstackTopic,
  chirpstackUp,
  thingsStackTopic,
  thingsStackUp,
  type Uplink,
} from '../vendors/network-servers.ts';
import { type CounterPlan, type Counts, counting } from './people-counters.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

interface SensorPlan {
  readonly name: string;
  readonly everyMs: number;
}

export interface ThermometerPlan extends SensorPlan {
  readonly unit: string;
}

export interface DepthPlan extends SensorPlan {
  readonly shelf: Shelf;
  /** Distance to the goods of a full shelf and to the back of an empty one. */
  readonly fullMm: number;
  readonly emptyMm: number;
}

const BATTERY = 92;
const HUMIDITY = 50.5;
/** It has counted for months: its register of 16 bits is nearly full. */
const COUNTED_BEFORE = [65_380, 65_460] as const;

export function openThermometer(plan: ThermometerPlan, parts: DeviceParts): SimDevice {
  const { world, random } = parts;
  const { unit } = plan;
  return uplinks(plan, parts, {
    ...{ server: 'chirpstack', model: 'EM300-TH', place: { unit } },
    payload: () => em300Th({ battery: BATTERY, celsius: world.celsius(unit) + random.noise(0.05), humidity: HUMIDITY }),
  });
}

export function openDepthSensor(plan: DepthPlan, parts: DeviceParts): SimDevice {
  const { shelf, fullMm, emptyMm } = plan;
  const { world, random } = parts;
  return uplinks(plan, parts, {
    ...{ server: 'things-stack', model: 'EM400-TLD' },
    place: { shelf: shelf.shelf, calibration: { full_mm: fullMm, empty_mm: emptyMm } },
    payload() {
      const fill = Math.min(1, world.countOn(shelf.shelf) / shelf.capacity);
      const mm = Math.round(emptyMm - fill * (emptyMm - fullMm) + random.noise(2));
      return em400Tld({ battery: BATTERY, mm: Math.max(0, mm) });
    },
  });
}

export function openVs133(plan: SensorPlan & CounterPlan, parts: DeviceParts): SimDevice {
  const totals: Counts = { in: 0, out: 0 };
  const voice: Voice = {
    ...{ server: 'things-stack', model: 'VS133', place: { line: plan.line } },
    payload: () => vs133(totals),
  };
  return counter(plan, parts, { totals, voice });
}

export function openVs121(plan: SensorPlan & CounterPlan, parts: DeviceParts): SimDevice {
  const begun = parts.random.whole(...COUNTED_BEFORE);
  const totals: Counts = { in: begun, out: begun - 7 };
  const told: Counts = { ...totals };
  const voice: Voice = {
    ...{ server: 'chirpstack', model: 'VS121', place: { line: plan.line } },
    payload() {
      const since = { in: Math.max(0, totals.in - told.in), out: Math.max(0, totals.out - told.out) };
      Object.assign(told, totals);
      return vs121(totals, since);
    },
  };
  return counter(plan, parts, { totals, voice });
}

function counter(
  plan: SensorPlan & CounterPlan,
  parts: DeviceParts,
  { totals, voice }: { readonly totals: Counts; readonly voice: Voice },
): SimDevice {
  const device = uplinks(plan, parts, voice);
  return {
    ...device,
    async start() {
      counting(plan, parts, totals);
      // The first total only sets the mark that the hub counts from.
      device.look(parts.world.now);
      await device.settled();
    },
    reboot() {
      device.reboot?.();
      totals.in = 0;
      totals.out = 0;
    },
  };
}

function euiOf(name: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return `24e124${hash.toString(16).padStart(8, '0')}01`;
}

/** What one sensor says, and by which server. */
interface Voice {
  readonly server: 'chirpstack' | 'things-stack';
  readonly model: string;
  /** Of its entry. */
  readonly place: object;
  payload(): Buffer;
}

/** At its beat, and once at the end: the last word of a sensor is how things stood when the shop was left. */
function uplinks({ name, everyMs }: SensorPlan, { world, clock, links }: DeviceParts, voice: Voice): SimDevice {
  const { server, model, place } = voice;
  const eui = euiOf(name);
  const topic = server === 'chirpstack' ? chirpstackTopic(eui) : thingsStackTopic(name);
  const said = new Said();
  let sent = Number.NEGATIVE_INFINITY;
  let session = 0;
  /** Frames are counted from 0 in each session. */
  let count = 0;
  const send = (now: number): void => {
    sent = now;
    const time = clock(now);
    // It joins with its first uplink.
    if (count === 0) session = time;
    const up: Uplink = { eui, device: name, profile: model, session, count, time, payload: voice.payload() };
    count += 1;
    said.add(links.publish('network-server', topic, server === 'chirpstack' ? chirpstackUp(up) : thingsStackUp(up)));
  };
  return {
    name,
    entry: { name, codec: server, model: model.toLowerCase(), mqtt: { topic }, ...place },
    start: async () => undefined,
    reboot() {
      count = 0;
    },
    look(now) {
      if (now - sent >= everyMs) send(now);
    },
    settled: () => said.settled(),
    async stop() {
      send(world.now);
      await said.settled();
    },
  };
}
