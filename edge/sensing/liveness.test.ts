import { describe, expect, it } from 'vitest';
import { seeded } from '../codecs/fuzzing.ts';
import { type KnownLiveness, Liveness, type WatchedDevice } from './liveness.ts';
import { Rhythm } from './rhythm.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Devices with a memory and a clock in the test's hand. */
class Shop {
  readonly memory = new Map<string, KnownLiveness>();
  liveness: Liveness;
  now = 5 * HOUR;
  readonly #devices: readonly WatchedDevice[];

  constructor(...devices: WatchedDevice[]) {
    this.#devices = devices;
    this.liveness = this.#begin();
    this.liveness.due(this.now);
  }

  restart(away: number): void {
    this.now += away;
    this.liveness = this.#begin();
    this.liveness.due(this.now);
  }

  /** Time passes; what is told meanwhile, as the writer asks when it is due. */
  pass(ms: number): string[] {
    const told: string[] = [];
    for (const end = this.now + ms; ; ) {
      const next = this.liveness.nextAt;
      this.now = Math.min(end, Math.max(this.now, next ?? end));
      told.push(...this.liveness.due(this.now).map(({ is, device }) => `${device} ${is}`));
      if (this.now === end) return told;
    }
  }

  hears(device: string, offset?: number, canTell = true): string[] {
    return this.liveness.heard({ device, ...(offset !== undefined && { offset }) }, this.now, canTell).map((news) => {
      return news.is === 'clock'
        ? `${news.device} clock ${news.off ? news.seconds : 'right'}`
        : `${news.device} ${news.is}`;
    });
  }

  /** Heard again and again; what is told meanwhile. */
  beats(device: string, every: number, times: number): string[] {
    return Array.from({ length: times }, () => [...this.pass(every), ...this.hears(device)]).flat();
  }

  #begin(): Liveness {
    const liveness = new Liveness(this.#devices, {
      recall: (device) => this.memory.get(device),
      remember: (device, known) => void (known && this.memory.set(device, known)),
    });
    liveness.load();
    return liveness;
  }
}

describe('a device with a given rhythm', () => {
  it('is silent after it, once, and back when it is heard', () => {
    const shop = new Shop({ name: 'fridge', rhythm: 10 * MINUTE });
    expect(shop.beats('fridge', 9 * MINUTE, 5)).toEqual([]);
    expect(shop.pass(10 * MINUTE - 1)).toEqual([]);
    expect(shop.pass(1)).toEqual(['fridge silent']);
    expect(shop.liveness.quiet).toEqual(['fridge']);
    expect(shop.pass(48 * HOUR)).toEqual([]);
    expect(shop.hears('fridge')).toEqual(['fridge back']);
    expect(shop.liveness.quiet).toEqual([]);
  });

  it('that was never heard is silent a rhythm after the start', () => {
    const shop = new Shop({ name: 'fridge', rhythm: 10 * MINUTE });
    expect(shop.pass(10 * MINUTE)).toEqual(['fridge silent']);
  });

  it('has one rhythm of grace when the hub was down, and stays silent over a restart', () => {
    const shop = new Shop({ name: 'fridge', rhythm: 10 * MINUTE }, { name: 'door', rhythm: HOUR });
    shop.hears('fridge');
    shop.restart(8 * HOUR);
    expect(shop.pass(9 * MINUTE)).toEqual([]);
    expect(shop.pass(MINUTE)).toEqual(['fridge silent']);
    shop.restart(HOUR);
    expect(shop.liveness.quiet).toEqual(['fridge']);
    expect(shop.pass(30 * MINUTE)).toEqual([]);
    expect(shop.hears('fridge')).toEqual(['fridge back']);
  });

  it('is waited for anew after a time in which nobody could be heard', () => {
    const shop = new Shop({ name: 'fridge', rhythm: 10 * MINUTE });
    shop.hears('fridge');
    shop.liveness.pause();
    shop.now += HOUR;
    expect(shop.liveness.due(shop.now)).toEqual([]);
    expect(shop.pass(10 * MINUTE)).toEqual(['fridge silent']);
  });

  it('that comes back while nothing can be stored is told of the next time', () => {
    const shop = new Shop({ name: 'fridge', rhythm: 10 * MINUTE });
    shop.pass(10 * MINUTE);
    expect(shop.hears('fridge', undefined, false)).toEqual([]);
    expect(shop.liveness.quiet).toEqual(['fridge']);
    expect(shop.hears('fridge')).toEqual(['fridge back']);
  });
});

describe('a device whose rhythm is learned', () => {
  it('is never called silent before it is known', () => {
    const shop = new Shop({ name: 'sensor' });
    expect(shop.beats('sensor', MINUTE, 15)).toEqual([]);
    expect(shop.pass(30 * 24 * HOUR)).toEqual([]);
  });

  it('is silent after about three times its usual gap, never within a minute', () => {
    for (const [every, most] of [
      [10 * MINUTE, 45 * MINUTE],
      [5 * SECOND, MINUTE],
    ] as const) {
      const shop = new Shop({ name: 'sensor' });
      expect(shop.beats('sensor', every, 40)).toEqual([]);
      expect(shop.pass(Math.max(MINUTE - 1, every * 3))).toEqual([]);
      expect(shop.pass(most)).toEqual(['sensor silent']);
    }
  });

  it('of irregular habits is not called silent for its pauses', () => {
    const shop = new Shop({ name: 'till' });
    const random = seeded(5);
    const told: string[] = [];
    // Customers come in groups, with pauses of up to 20 minutes.
    for (let i = 0; i < 500; i += 1)
      told.push(...shop.beats('till', (random() < 0.9 ? 20 : 1200 * random()) * SECOND, 1));
    expect(told).toEqual([]);
  });

  it('is remembered over a restart, and written seldom', () => {
    const shop = new Shop({ name: 'sensor' });
    shop.beats('sensor', 10 * MINUTE, 40);
    const { learned = 0 } = shop.memory.get('sensor') ?? {};
    expect(learned).toBeGreaterThanOrEqual(30 * MINUTE);
    shop.restart(HOUR);
    expect(shop.pass(learned - 1)).toEqual([]);
    expect(shop.pass(1)).toEqual(['sensor silent']);
  });

  it('learns a pause that comes again, such as the night, and not an outage', () => {
    const shop = new Shop({ name: 'till' });
    const nights: string[][] = [];
    for (let day = 0; day < 5; day += 1) {
      const busy = shop.beats('till', 2 * MINUTE, 300);
      nights.push([...busy.slice(1), ...shop.pass(14 * HOUR)]);
    }
    expect(nights).toEqual([['till silent'], ['till silent'], [], [], []]);
    const one = new Shop({ name: 'fridge' });
    one.beats('fridge', MINUTE, 100);
    one.pass(6 * HOUR);
    one.beats('fridge', MINUTE, 100);
    expect(one.pass(10 * MINUTE)).toEqual(['fridge silent']);
  });
});

describe('a clock', () => {
  const beat = (shop: Shop, offset: number, times: number): string[] =>
    Array.from({ length: times }, () => {
      shop.now += 30 * SECOND;
      return shop.hears('till', offset);
    }).flat();

  it('that is off by more than a minute for long is told of, and when it is right again', () => {
    const shop = new Shop({ name: 'till', rhythm: HOUR });
    expect(beat(shop, 90 * SECOND, 19)).toEqual([]);
    expect(beat(shop, 90 * SECOND, 5)).toEqual(['till clock 90']);
    shop.restart(0);
    expect(beat(shop, 90 * SECOND, 25)).toEqual([]);
    expect(beat(shop, 45 * SECOND, 25)).toEqual([]);
    expect(beat(shop, 0, 25)).toEqual(['till clock right']);
  });

  it('is judged by the middle of twenty: a late delivery is none', () => {
    const shop = new Shop({ name: 'till', rhythm: HOUR });
    for (let i = 0; i < 10; i += 1) expect([...beat(shop, 0, 6), ...beat(shop, -2 * HOUR, 4)]).toEqual([]);
    expect(beat(shop, -65 * SECOND, 20)).toEqual(['till clock -65']);
  });
});

it('a rhythm forgets what is older than two days, and holds no more for more gaps', () => {
  const rhythm = new Rhythm();
  let now = 0;
  const add = (gap: number, times: number): void => {
    for (let i = 0; i < times; i += 1) {
      now += gap;
      rhythm.add(gap, now);
    }
  };
  add(HOUR, 30);
  expect(rhythm.expected(now)).toBeGreaterThan(3 * HOUR - 1);
  add(SECOND, 200_000);
  expect(rhythm.expected(now)).toBe(MINUTE);
  now += 60 * HOUR;
  expect(rhythm.expected(now)).toBeUndefined();
});
