import { describe, expect, it } from 'vitest';
import { seeded } from '../codecs/fuzzing.ts';
import { type KnownLiveness, Liveness, type WatchedDevice } from './liveness.ts';
import { Pauses } from './pauses.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Devices with a memory and a clock in the test's hand. */
class Shop {
  readonly memory = new Map<string, KnownLiveness>();
  liveness: Liveness;
  now = 5 * HOUR;
  #devices: readonly WatchedDevice[];
  open: ((wall: number) => boolean) | undefined;

  constructor(...devices: WatchedDevice[]) {
    this.#devices = devices;
    this.liveness = this.#begin();
    this.liveness.due(this.now, this.now);
  }

  restart(away: number): void {
    this.now += away;
    this.liveness = this.#begin();
    this.liveness.due(this.now, this.now);
  }

  /** As with another configuration. */
  reconfigure(...devices: WatchedDevice[]): void {
    this.#devices = devices;
    this.restart(0);
  }

  /** Time passes; what is told meanwhile, as the writer asks when it is due. */
  pass(ms: number): string[] {
    const told: string[] = [];
    for (const end = this.now + ms; ; ) {
      const next = this.liveness.nextAt;
      this.now = Math.min(end, Math.max(this.now, next ?? end));
      told.push(...this.liveness.due(this.now, this.now).map(({ is, device }) => `${device} ${is}`));
      if (this.now === end) return told;
    }
  }

  hears(device: string, offset?: number, canTell = true): string[] {
    const heard = { device, ...(offset !== undefined && { offset }) };
    return this.liveness.heard(heard, this.now, this.now, canTell).map((news) => {
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
    const memory = {
      recall: (device: string) => this.memory.get(device),
      remember: (device: string, known: KnownLiveness | null) => void (known && this.memory.set(device, known)),
    };
    const liveness = new Liveness(this.#devices, memory, this.open);
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
    expect(shop.liveness.due(shop.now, shop.now)).toEqual([]);
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
  it('is never called silent before it was known for a day and a night', () => {
    const shop = new Shop({ name: 'sensor' });
    expect(shop.beats('sensor', MINUTE, 23 * 60)).toEqual([]);
    expect(shop.pass(30 * DAY)).toEqual([]);
  });

  it('that measures cold is called silent within hours, if it is regular', () => {
    const shop = new Shop({ name: 'fridge', cold: true, overnight: true });
    expect(shop.beats('fridge', 10 * MINUTE, 25)).toEqual([]);
    expect(shop.pass(40 * MINUTE)).toEqual([]);
    expect(shop.pass(10 * MINUTE)).toEqual(['fridge silent']);
    const door = new Shop({ name: 'door', cold: true, overnight: true });
    const random = seeded(3);
    for (let i = 0; i < 60; i += 1) door.beats('door', (random() < 0.8 ? 1 : 60 * random()) * MINUTE, 1);
    expect(door.pass(30 * DAY)).toEqual([]);
  });

  it('is silent well beyond the longest pause of its days, and never within five minutes', () => {
    for (const [every, least, most] of [
      [10 * MINUTE, 30 * MINUTE, 60 * MINUTE],
      [5 * SECOND, 5 * MINUTE - SECOND, 5 * MINUTE],
    ] as const) {
      const shop = new Shop({ name: 'sensor' });
      expect(shop.beats('sensor', every, Math.ceil((3 * DAY) / every) + 5)).toEqual([]);
      expect(shop.pass(least)).toEqual([]);
      expect(shop.pass(most - least)).toEqual(['sensor silent']);
    }
  });

  it('is remembered over a restart, in few bytes, and goes on learning its day', () => {
    const shop = new Shop({ name: 'sensor' });
    shop.beats('sensor', 10 * MINUTE, 100);
    shop.restart(MINUTE);
    shop.beats('sensor', 10 * MINUTE, 60);
    expect(JSON.stringify(shop.memory.get('sensor')).length).toBeLessThan(60);
    shop.restart(HOUR);
    expect(shop.pass(40 * MINUTE)).toEqual([]);
    expect(shop.pass(10 * MINUTE)).toEqual(['sensor silent']);
  });

  it('learns a pause that comes again, and not an outage', () => {
    const one = new Shop({ name: 'sensor' });
    one.beats('sensor', MINUTE, 1500);
    expect(one.pass(6 * HOUR)).toEqual(['sensor silent']);
    one.beats('sensor', MINUTE, 100);
    expect(one.pass(10 * MINUTE)).toEqual(['sensor silent']);
    const two = new Shop({ name: 'sensor' });
    const hours = [0, 1, 2, 3].map(() => [...two.beats('sensor', MINUTE, 23 * 60 + 30), ...two.pass(30 * MINUTE)]);
    const silences = hours.map((told) => told.filter((news) => news === 'sensor silent').length);
    // Of the first day nothing is said, and by then it is known.
    expect(silences).toEqual([0, 0, 0, 0]);
  });

  it('that sleeps costs no looks of its own while the shop does', () => {
    const tills = ['till-1', 'till-2'].map((name) => ({ name, overnight: false, rhythm: 41 * MINUTE }));
    const shop = new Shop(...tills);
    for (let i = 0; i < 60; i += 1) {
      expect(shop.pass(5 * MINUTE)).toEqual([]);
      shop.hears('till-1');
      shop.hears('till-2');
    }
    // A minute before it were silent the shop closes.
    expect(shop.beats('till-2', 4 * MINUTE, 9)).toEqual([]);
    let looks = 0;
    for (const end = shop.now + 14 * HOUR; ; looks += 1) {
      shop.now = shop.liveness.nextAt ?? end;
      if (shop.now >= end) break;
      expect(shop.liveness.due(shop.now, shop.now)).toEqual([]);
    }
    expect(looks).toBeLessThanOrEqual((14 * HOUR) / (5 * MINUTE));
    expect(shop.beats('till-2', 4 * MINUTE, 4)).toEqual(['till-1 silent']);
  });

  it('that is quiet every night is judged by the work of the shop: by others, or by its opening hours', () => {
    for (const devices of [['till-1', 'till-2'], ['till-1']]) {
      const open = devices.length > 1 ? undefined : (wall: number) => (wall - 5 * HOUR) % DAY < 10 * HOUR;
      const shop = new Shop(...devices.map((name) => ({ name, overnight: false })));
      shop.open = open;
      shop.restart(0);
      const day = (who: readonly string[], minutes: number): string[] =>
        Array.from({ length: minutes }, () => [
          ...shop.pass(MINUTE),
          ...who.flatMap((name) => shop.hears(name)),
        ]).flat();
      for (let i = 0; i < 5; i += 1) expect([...day(devices, 600), ...shop.pass(14 * HOUR)]).toEqual([]);
      // A holiday that no calendar knows; where nobody is to compare with, a calendar must know it.
      if (devices.length > 1) expect(shop.pass(2 * DAY)).toEqual([]);
      day(devices, 60);
      const alive = devices.slice(1);
      expect(day(alive, 25)).toEqual([]);
      expect(day(alive, 30)).toEqual(['till-1 silent']);
    }
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

describe('devices that come by one way', () => {
  const sensors = ['a', 'b', 'c'].map((name) => ({ name, rhythm: 20 * MINUTE, way: 'lorawan/x' }));
  const round = (shop: Shop, who: readonly string[], times: number): string[] =>
    Array.from({ length: times }, () => who.flatMap((name) => [...shop.pass(3 * MINUTE), ...shop.hears(name)])).flat();

  it('are one silence when all of them are quiet, and single ones again when it is back', () => {
    const shop = new Shop(...sensors);
    expect(round(shop, ['a', 'b', 'c'], 10)).toEqual([]);
    expect(shop.pass(20 * MINUTE)).toEqual(['lorawan/x silent']);
    expect(shop.liveness.quiet).toEqual(['a', 'b', 'c']);
    shop.restart(HOUR);
    expect(shop.pass(DAY)).toEqual([]);
    expect(shop.hears('a')).toEqual(['lorawan/x back']);
    expect(round(shop, ['a', 'b'], 4)).toEqual(['c silent']);
    expect(shop.hears('c')).toEqual(['c back']);
  });

  it('are told of one by one while others are heard', () => {
    const shop = new Shop(...sensors);
    round(shop, ['a', 'b', 'c'], 10);
    expect(round(shop, ['c'], 10)).toEqual(['a silent', 'b silent']);
    expect(shop.pass(3 * HOUR)).toEqual(['c silent']);
  });

  it('are folded into it where they were called silent first, and are back with what they say', () => {
    const shop = new Shop({ name: 'a', rhythm: 5 * MINUTE, way: 'w/x' }, { name: 'b', rhythm: HOUR, way: 'w/x' });
    shop.beats('b', 0, 1);
    expect(shop.beats('a', MINUTE, 3)).toEqual([]);
    expect(shop.pass(10 * MINUTE)).toEqual(['a silent']);
    expect(shop.pass(20 * MINUTE)).toEqual(['w/x silent', 'a folded']);
    expect(shop.liveness.quiet).toEqual(['a', 'b']);
    shop.restart(0);
    expect(shop.hears('b')).toEqual(['w/x back']);
    expect(shop.liveness.quiet).toEqual(['a']);
    expect(shop.hears('a')).toEqual(['a back']);
  });

  it('that are folded and stay away when the way is back, or is no way any more, are told of again', () => {
    const [a, b] = [
      { name: 'a', rhythm: 5 * MINUTE },
      { name: 'b', rhythm: HOUR },
    ];
    const shop = new Shop({ ...a, way: 'w/x' }, { ...b, way: 'w/x' });
    const fold = (): void => {
      for (const name of ['b', 'a']) shop.hears(name);
      expect(shop.pass(30 * MINUTE)).toEqual(['a silent', 'w/x silent', 'a folded']);
    };
    fold();
    shop.restart(0);
    expect([...shop.pass(DAY), ...shop.hears('b')]).toEqual(['w/x back']);
    expect(shop.beats('b', MINUTE, 4)).toEqual([]);
    expect(shop.beats('b', MINUTE, 4)).toEqual(['a silent']);
    shop.restart(0);
    expect(shop.beats('b', MINUTE, 30)).toEqual([]);
    expect(shop.hears('a')).toEqual(['a back']);
    fold();
    shop.reconfigure(a, b);
    expect(shop.pass(6 * MINUTE)).toEqual(['a silent']);
    expect(shop.hears('a')).toEqual(['a back']);
  });

  it('have a rhythm together that is learned, too: of many the way is noticed soon', () => {
    const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const shop = new Shop(...names.map((name) => ({ name, way: 'lorawan/x' })));
    const random = seeded(8);
    for (let i = 0; i < 4 * 144; i += 1)
      for (const name of names) {
        expect(shop.pass(50 * SECOND)).toEqual([]);
        if (random() > 0.05) shop.hears(name);
      }
    expect(shop.pass(40 * MINUTE)).toEqual(['lorawan/x silent']);
  });
});

it('pauses are those of a week, one letter a day, without the worst day', () => {
  const pauses = new Pauses();
  const day = (...gaps: number[]): void => {
    for (const gap of gaps) pauses.add(gap);
    pauses.turn();
  };
  day(MINUTE, 5 * HOUR);
  expect(pauses.usual).toBeGreaterThan(5 * HOUR);
  for (let i = 0; i < 4; i += 1) day(MINUTE, 10 * MINUTE);
  expect([pauses.days, Math.round(pauses.usual / MINUTE)]).toEqual([5, 11]);
  expect(new Pauses(pauses.toString()).usual).toBe(pauses.usual);
  for (let i = 0; i < 100; i += 1) day(MINUTE);
  expect([pauses.days, Math.round(pauses.usual / MINUTE), pauses.toString().length]).toEqual([7, 1, 8]);
  expect(new Pauses('what is this?').days).toBe(0);
});
