/** A dead antenna of a living reader empties no zone; told of by the reader, or found out by what is gone. */
import { describe, expect, it } from 'vitest';
import { EdgexPresence } from './edgex-presence.ts';
import type { DeadAntenna, KnownTag, ReaderZones, TagTransition } from './tag-presence.ts';

const MINUTE = 60_000;
const READERS = [
  { name: 'ceiling', zones: ['floor', 'back'], antennas: { 1: 'floor', 2: 'back', 3: 'back' }, others: false },
  { name: 'dock', zones: ['dock'] },
];

class Shop {
  readonly presence: EdgexPresence;
  readonly #readers: readonly ReaderZones[];
  now = 5 * MINUTE;

  constructor(readers: readonly ReaderZones[] = READERS, profile: 'default' | 'garment' = 'default') {
    this.#readers = readers;
    this.presence = new EdgexPresence({ profile, departedAfter: 10 * MINUTE, readers, most: 1000 });
  }

  see(antenna: number | undefined, tag: string, rssi = -60, reader = 'ceiling'): TagTransition | undefined {
    const zone = reader === 'dock' ? 'dock' : antenna === 1 ? 'floor' : 'back';
    this.presence.heard(reader, this.now);
    return this.presence.see({ tag, reader, antenna, zone, rssi, count: 1 }, this.now);
  }

  /** That many tags at an antenna. */
  fill(antenna: number | undefined, many: number, reader = 'ceiling'): void {
    for (let tag = 0; tag < many; tag += 1) this.see(antenna, `${reader}-${antenna}-${tag}`, -60, reader);
  }

  say(antennas: Record<string, boolean>, reader = 'ceiling'): void {
    this.presence.say(reader, antennas, this.now);
    this.presence.heard(reader, this.now);
  }

  /** Time passes; readers say that they live, antennas that are named read one tag of their own. */
  pass(minutes: number, reading: readonly number[] = [], living = this.#readers.map(({ name }) => name)): string[] {
    const departed: string[] = [];
    for (const end = this.now + minutes * MINUTE; this.now < end; ) {
      this.now += 10_000;
      for (const name of living) this.presence.heard(name, this.now);
      for (const antenna of reading) this.see(antenna, `own-${antenna}`);
      while ((this.presence.nextSweep ?? Number.POSITIVE_INFINITY) <= this.now)
        departed.push(...this.presence.sweep(this.now).map(({ tag }) => tag));
    }
    return departed;
  }

  news(): string[] {
    return this.presence.takeNews().map(({ reader, antenna, zone, state, items }) => {
      return [reader, antenna, zone, state, ...(items === undefined ? [] : [items])].join(' ');
    });
  }
}

describe('an antenna of which the reader says that it is not connected', () => {
  it('keeps what only it can read, and others depart; plugged in again it has ten minutes to read it', () => {
    const shop = new Shop();
    shop.see(1, 'shirt');
    shop.see(2, 'box');
    shop.say({ 1: false });
    expect(shop.news()).toEqual(['ceiling 1 floor disconnected']);
    expect(shop.pass(11, [3])).toEqual(['box']);
    expect(shop.pass(24 * 60, [3])).toEqual([]);
    shop.say({ 1: true });
    expect(shop.news()).toEqual(['ceiling 1 floor connected']);
    expect(shop.pass(9.5, [3])).toEqual([]);
    expect(shop.pass(1, [3])).toEqual(['shirt']);
  });

  it('one of two of a zone lets it depart, both do not', () => {
    const shop = new Shop();
    shop.see(2, 'box');
    shop.say({ 2: false });
    expect(shop.pass(11)).toEqual(['box']);
    shop.see(2, 'box-2');
    shop.say({ 2: false, 3: false });
    expect(shop.pass(60)).toEqual([]);
    shop.say({ 3: true });
    expect(shop.pass(11)).toEqual(['box-2']);
  });

  it('is told of once, and a port that nobody uses never', () => {
    const shop = new Shop();
    for (let beat = 0; beat < 3; beat += 1) shop.say({ 1: true, 2: false, 7: false, 8: true });
    shop.say({ 1: false }, 'dock');
    shop.say({ 1: false }, 'nobody');
    expect(shop.news()).toEqual(['ceiling 2 back disconnected']);
    shop.see(1, 'pallet', -60, 'dock');
    shop.say({ 1: false }, 'dock');
    expect(shop.news()).toEqual(['dock 1 dock disconnected']);
    expect([shop.presence.isNews('dock', { 1: false }), shop.presence.isNews('dock', { 1: true })]).toEqual([
      false,
      true,
    ]);
  });

  it('is believed to be there when it reads, but not by what comes in late', () => {
    const shop = new Shop();
    shop.see(1, 'shirt');
    shop.say({ 1: false });
    shop.now += 2000;
    shop.see(1, 'shirt');
    expect(shop.news()).toEqual(['ceiling 1 floor disconnected']);
    shop.now += MINUTE;
    shop.see(1, 'shirt');
    expect(shop.news()).toEqual(['ceiling 1 floor connected']);
    expect(shop.pass(11)).toEqual(['shirt']);
  });

  it('loses its tags to whoever hears them better than it did, not to strays', () => {
    const shop = new Shop();
    shop.see(1, 'shirt', -60);
    shop.see(1, 'trousers', -60);
    shop.say({ 1: false });
    const strays = Array.from({ length: 30 }, () => {
      shop.now += MINUTE;
      return [shop.see(2, 'shirt', -61), shop.see(2, 'trousers', -55)];
    }).flat();
    expect(strays.filter((told) => told !== undefined)).toMatchObject([{ tag: 'trousers', is: 'moved', zone: 'back' }]);
  });
});

describe('an antenna of which nobody says anything', () => {
  it('of which twenty tags are gone at once, and nothing is read since, keeps them until it reads something', () => {
    const shop = new Shop();
    shop.fill(undefined, 25, 'dock');
    expect(shop.pass(60)).toEqual([]);
    expect(shop.news()).toEqual(['dock  dock deaf 25']);
    shop.see(undefined, 'dock-undefined-0', -60, 'dock');
    expect(shop.news()).toEqual(['dock  dock connected']);
    expect(shop.pass(9.5)).toEqual([]);
    expect(shop.pass(1)).toHaveLength(25);
  });

  it.each([
    ['it had few', (shop: Shop) => shop.fill(1, 19), []],
    [
      'they went one by one',
      (shop: Shop) => {
        for (let tag = 0; tag < 25; tag += 1) {
          shop.see(1, `shirt-${tag}`);
          shop.pass(0.5);
        }
      },
      [],
    ],
    ['it reads others still', (shop: Shop) => shop.fill(1, 25), [1]],
  ])('lets them depart when %s', (_, fill, reading) => {
    const shop = new Shop();
    fill(shop);
    expect(shop.pass(40, reading).length).toBeGreaterThan(18);
    expect(shop.news()).toEqual([]);
  });

  it('is believed when the reader says that it is connected while it reads nothing', () => {
    const shop = new Shop();
    shop.say({ 1: true });
    shop.fill(1, 25);
    expect(shop.pass(30)).toEqual([]);
    expect(shop.news()).toEqual(['ceiling 1 floor deaf 25']);
    shop.say({ 1: true });
    expect(shop.news()).toEqual(['ceiling 1 floor connected']);
    expect(shop.pass(11)).toHaveLength(25);
  });

  it('keeps them though another antenna reads in the zone', () => {
    const shop = new Shop();
    shop.fill(2, 25);
    expect(shop.pass(30, [3])).toEqual([]);
    expect(shop.news()).toEqual(['ceiling 2 back deaf 25']);
  });
});

describe('many tags of an antenna that reads nothing any more', () => {
  /** Everything that antenna 1 had is read by antenna 2, once a minute. */
  function heardElsewhere(shop: Shop, minutes: number, rssiOf: (tag: number) => number): number {
    let moved = 0;
    for (let minute = 0; minute < minutes; minute += 1) {
      shop.pass(1);
      for (let tag = 0; tag < 40; tag += 1)
        if (shop.see(2, `ceiling-1-${tag}`, rssiOf(tag))?.is === 'moved') moved += 1;
    }
    return moved;
  }

  it('stay there, though strays are read next door all the time, and staff are told', () => {
    const shop = new Shop();
    shop.fill(1, 40);
    for (let tag = 0; tag < 40; tag += 1) shop.see(2, `ceiling-1-${tag}`, -72);
    shop.see(1, 'ceiling-1-0');
    expect(heardElsewhere(shop, 60, () => -72)).toBe(0);
    expect(shop.news()).toEqual(['ceiling 1 floor deaf 40']);
  });

  it('were carried elsewhere, all of them, when a quarter is heard more strongly there', () => {
    const shop = new Shop();
    shop.fill(1, 40);
    expect(heardElsewhere(shop, 5, (tag) => (tag < 12 ? -55 : -65))).toBe(40);
    expect(shop.pass(20, [2])).toHaveLength(40);
    expect(shop.news()).toEqual([]);
  });

  it.each(['default', 'garment'] as const)('that passed a portal are not held there (%s)', (profile) => {
    for (const seconds of [5, 90]) {
      const shop = new Shop(READERS, profile);
      for (let tag = 0; tag < 30; tag += 1) for (let read = 0; read < 5; read += 1) shop.see(1, `shirt-${tag}`, -50);
      shop.now += seconds * 1000;
      let moved = 0;
      for (let round = 0; round < 90; round += 1) {
        shop.now += 2000;
        for (let tag = 0; tag < 30; tag += 1) if (shop.see(2, `shirt-${tag}`, -65)?.is === 'moved') moved += 1;
      }
      expect(moved).toBe(30);
      shop.pass(60, [2]);
      expect(shop.news()).toEqual([]);
    }
  });

  it('carried away over night they are found where they are in the morning, and staff are told that nothing is wrong', () => {
    const shop = new Shop();
    shop.fill(1, 40);
    expect(shop.pass(10 * 60)).toEqual([]);
    expect(shop.news()).toEqual(['ceiling 1 floor deaf 40']);
    expect(heardElsewhere(shop, 2, (tag) => (tag < 9 ? -55 : -65))).toBe(9);
    expect(shop.news()).toEqual([]);
    expect(heardElsewhere(shop, 3, (tag) => (tag < 12 ? -55 : -65))).toBe(31);
    expect(shop.news()).toEqual(['ceiling 1 floor connected']);
    expect(shop.pass(9, [2])).toEqual([]);
    expect(shop.pass(3, [2])).toHaveLength(40);
    expect(shop.news()).toEqual([]);
  });

  it('of which a quarter is heard elsewhere and nobody hears the others: those are kept, and told of anew', () => {
    const shop = new Shop();
    shop.fill(1, 40);
    shop.pass(60);
    for (let minute = 0; minute < 3; minute += 1) {
      shop.pass(1);
      for (let tag = 0; tag < 10; tag += 1) shop.see(2, `ceiling-1-${tag}`, -50);
    }
    expect(shop.news()).toEqual(['ceiling 1 floor deaf 40', 'ceiling 1 floor connected']);
    expect(shop.pass(60, [2])).toHaveLength(10);
    expect(shop.news()).toEqual(['ceiling 1 floor deaf 30']);
  });
});

describe('a reader that is silent, where another one goes on in the zone', () => {
  const READERS_OF_ONE = [
    { name: 'left', zones: ['floor'], antennas: { 1: 'floor' } },
    { name: 'right', zones: ['floor'], antennas: { 1: 'floor' } },
  ];

  it('keeps the many that it alone saw, and nobody is told of its antenna; back again it has ten minutes', () => {
    const shop = new Shop(READERS_OF_ONE);
    shop.now += MINUTE;
    for (let tag = 0; tag < 25; tag += 1) shop.see(1, `shirt-${tag}`, -60, 'left');
    shop.see(1, 'own', -60, 'right');
    expect(shop.pass(60, [], ['right'])).toEqual(['own']);
    expect(shop.news()).toEqual([]);
    expect(shop.pass(2)).toEqual([]);
    shop.see(1, 'shirt-0', -60, 'left');
    expect(shop.pass(9.5)).toEqual([]);
    expect(shop.pass(1)).toHaveLength(25);
    expect(shop.news()).toEqual([]);
  });

  it('is told of when it is back and its antenna is not', () => {
    const shop = new Shop(READERS_OF_ONE);
    for (let tag = 0; tag < 25; tag += 1) shop.see(1, `shirt-${tag}`, -60, 'left');
    shop.pass(60, [], ['right']);
    expect(shop.pass(4)).toEqual([]);
    expect(shop.news()).toEqual([]);
    expect(shop.pass(60)).toEqual([]);
    expect(shop.news()).toEqual(['left 1 floor deaf 25']);
  });
});

describe('after a restart', () => {
  const tags = (many: number, more: Partial<KnownTag> = {}): KnownTag[] =>
    Array.from({ length: many }, (_, at) => ({
      ...{ tag: `shirt-${at}`, zone: 'back', reader: 'ceiling', antenna: 2 },
      ...more,
    }));
  const dead = (antenna: number, state: DeadAntenna['state']): DeadAntenna => ({ reader: 'ceiling', antenna, state });

  it('what was dead is dead, and nothing is said about it', () => {
    const shop = new Shop();
    shop.presence.load(tags(25), [dead(2, 'deaf'), dead(3, 'disconnected')]);
    expect(shop.pass(60, [1])).toEqual([]);
    shop.say({ 3: false });
    expect(shop.news()).toEqual([]);
    shop.say({ 3: true });
    // Another antenna of the zone lives, but they were gone at once.
    expect(shop.pass(30, [1])).toEqual([]);
    shop.see(2, 'shirt-0');
    expect(shop.news()).toEqual(['ceiling 3 back connected', 'ceiling 2 back connected']);
    expect(shop.pass(11, [1])).toHaveLength(25);
  });

  it('an antenna that died meanwhile is found out all the same', () => {
    const shop = new Shop();
    shop.presence.load([...tags(25), ...tags(3, { antenna: 3 }).map((one) => ({ ...one, tag: `${one.tag}-3` }))]);
    expect(shop.pass(30, [1])).toHaveLength(3);
    expect(shop.news()).toEqual(['ceiling 2 back deaf 25']);
  });

  it('a stray read takes nothing from a dead antenna, twenty reads elsewhere do', () => {
    const shop = new Shop();
    shop.presence.load(tags(1, { zone: 'floor', antenna: 1 }), [dead(1, 'disconnected')]);
    shop.pass(30);
    const told = Array.from({ length: 20 }, () => shop.see(2, 'shirt-0', -50));
    expect(told.slice(0, -1).every((one) => one === undefined)).toBe(true);
    expect(told.at(-1)).toMatchObject({ is: 'moved', zone: 'back', from: 'floor' });
  });

  it('an antenna that the configuration has no more is nobody’s business', () => {
    const shop = new Shop();
    shop.presence.load(tags(1, { antenna: 9 }), [dead(9, 'disconnected')]);
    expect(shop.presence.isUsed(dead(9, 'disconnected'))).toBe(false);
    expect(shop.presence.isUsed(dead(2, 'disconnected'))).toBe(true);
    expect(shop.pass(11)).toEqual(['shirt-0']);
  });
});
