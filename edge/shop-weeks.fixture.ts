/**
 * Weeks of a shop before liveness: when each of its devices says something, by a seed. Open Monday to Saturday from 8 to
 * 20; staff come at half past six and fill shelves, cashiers have breaks, rush-hour tills stay closed now and then,
 * radios lose one frame in twenty. It begins on a Friday at 10:00. Times in ms since that Friday's midnight.
 */
import { seeded } from './codecs/fuzzing.ts';
import { type KnownLiveness, Liveness, type LivenessNews, type WatchedDevice } from './sensing/liveness.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
const SUNDAY = 2;
const OPENS = 8 * HOUR;
const CLOSES = 20 * HOUR;

type Sort = 'till' | 'rush-till' | 'counter' | 'scale' | 'thermometer' | 'em400' | 'ble';

export interface ShopDevice extends WatchedDevice {
  readonly sort: Sort;
}

const LIKE: Readonly<Record<Sort, Partial<WatchedDevice>>> = {
  till: { kin: 'till', overnight: false },
  'rush-till': { kin: 'till', overnight: false },
  counter: { kin: 'line' },
  scale: { kin: 'shelf' },
  thermometer: { kin: 'unit', overnight: true, cold: true, way: 'lorawan/chirpstack' },
  em400: { kin: 'em400', way: 'lorawan/chirpstack' },
  ble: { kin: 'zone' },
};

/** So many of each sort. */
export function devicesOf(counts: Readonly<Partial<Record<Sort, number>>>): ShopDevice[] {
  return (Object.keys(LIKE) as Sort[]).flatMap((sort) =>
    Array.from({ length: counts[sort] ?? 0 }, (_, index) => ({ name: `${sort}-${index}`, sort, ...LIKE[sort] })),
  );
}

export const SUPERMARKET = devicesOf({
  ...{ till: 2, 'rush-till': 4, counter: 2, scale: 8, thermometer: 12, em400: 14, ble: 4 },
});
export const PHARMACY = devicesOf({ till: 1, counter: 1, thermometer: 2, em400: 2, ble: 1 });

export interface Weeks {
  readonly days: number;
  readonly seed: number;
  /** On these days the shop stays closed. */
  readonly holidays?: readonly number[];
  /** From then on a device says nothing. */
  readonly dead?: readonly [device: string, at: number];
  /** From then on, and until then, the way is silent. */
  readonly away?: readonly [way: string, from: number, until: number];
  /** The hub starts anew at this time of each day. */
  readonly restart?: number;
  readonly open?: (wall: number) => boolean;
}

/** What is told in these weeks, and what is remembered at their end. */
export function live(devices: readonly ShopDevice[], weeks: Weeks) {
  const { days, dead, away, restart } = weeks;
  const memory = new Map<string, KnownLiveness>();
  const begin = (): Liveness => {
    const recall = (name: string) => memory.get(name);
    const remember = (name: string, known: KnownLiveness | null) => void (known && memory.set(name, known));
    const liveness = new Liveness(devices, { recall, remember }, weeks.open);
    liveness.load();
    return liveness;
  };
  const said = devices
    .flatMap((device) => talk(device, weeks).map((at) => ({ device, at })))
    .filter(({ device, at }) => !(device.name === dead?.[0] && at >= dead[1]))
    .filter(({ device, at }) => !(away !== undefined && device.way === away[0] && at >= away[1] && at < away[2]))
    .sort((a, b) => a.at - b.at);
  const told: { readonly at: number; readonly news: LivenessNews }[] = [];
  let liveness = begin();
  let now = 10 * HOUR;
  const tell = (news: readonly LivenessNews[]): void => void told.push(...news.map((one) => ({ at: now, news: one })));
  tell(liveness.due(now, now));
  const pass = (until: number): void => {
    for (;;) {
      const next = liveness.nextAt;
      if (next === undefined || next > until) break;
      now = Math.max(now, next);
      tell(liveness.due(now, now));
    }
    now = until;
  };
  let restartAt = restart === undefined ? Number.POSITIVE_INFINITY : DAY + restart;
  for (const { device, at } of said) {
    for (; restartAt <= at; restartAt += DAY) {
      pass(restartAt);
      liveness = begin();
      tell(liveness.due(now, now));
    }
    pass(at);
    tell(liveness.heard({ device: device.name }, at, at, true));
  }
  pass(days * DAY);
  return { told, memory };
}

function talk({ name, sort }: ShopDevice, { days, seed, holidays = [] }: Weeks): number[] {
  const random = seeded(seed * 1009 + [...name].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), 7));
  const every = { thermometer: 10 * MINUTE, em400: HOUR, ble: 2 * MINUTE } as const;
  if (sort === 'thermometer' || sort === 'em400' || sort === 'ble')
    return beats(every[sort], sort === 'ble' ? 0.01 : 0.05, days * DAY, random);
  const index = Number(name.slice(name.lastIndexOf('-') + 1));
  return Array.from({ length: days }, (_, day) => day)
    .filter((day) => day % 7 !== SUNDAY && !holidays.includes(day))
    .flatMap((day) => spansOf(sort, index, random).flatMap((span) => bursts(span, random).map((at) => day * DAY + at)))
    .filter((at) => at >= 10 * HOUR);
}

function beats(every: number, loss: number, until: number, random: () => number): number[] {
  const said: number[] = [];
  for (let at = 10 * HOUR + random() * every; at < until; at += every * (0.995 + random() / 100))
    if (random() >= loss) said.push(at);
  return said;
}

/** Of one day: from, until, and the mean of the gaps. */
type Span = readonly [from: number, until: number, mean: number];

function spansOf(sort: Sort, index: number, random: () => number): Span[] {
  switch (sort) {
    case 'till': {
      const spans: Span[] = [];
      for (let from = OPENS; from < CLOSES; ) {
        const until = from + (2 + 2 * random()) * HOUR;
        spans.push([from, Math.min(until, CLOSES + 5 * MINUTE), 3 * MINUTE]);
        from = until + (10 + 20 * random()) * MINUTE;
      }
      return spans;
    }
    case 'rush-till': {
      const rush = (from: number, until: number): Span[] =>
        random() < 0.05 ? [] : [[from + random() * HOUR, until + random() * HOUR, 3 * MINUTE]];
      return [...rush(10.5 * HOUR, 13 * HOUR), ...rush(15.5 * HOUR, 18.5 * HOUR)];
    }
    case 'counter':
      return [
        [6.5 * HOUR, OPENS, 12 * MINUTE],
        [OPENS, CLOSES, (index === 0 ? 2 : 8) * MINUTE],
        [CLOSES, CLOSES + 45 * MINUTE, 10 * MINUTE],
      ];
    default: {
      const filled = (6 + random()) * HOUR;
      return [
        [filled, filled + 20 * MINUTE, 3 * MINUTE],
        [OPENS, CLOSES, 15 * (1 + (index % 4)) * MINUTE],
      ];
    }
  }
}

function bursts([from, until, mean]: Span, random: () => number): number[] {
  const said: number[] = [];
  const gap = (): number => -Math.log(1 - random()) * mean;
  for (let at = from + gap(); at < until; at += gap()) said.push(at);
  return said;
}
