import { describe, expect, it } from 'vitest';
import { EdgexPresence, offsetAt, PROFILES } from './edgex-presence.ts';
import type { TagTransition } from './tag-presence.ts';

const MINUTE = 60_000;

/** A shop with two readers; sightings by antenna 1 are on the floor, by 2 in the back, by reader-2 at the dock. */
class Shop {
  readonly presence: EdgexPresence;
  now = 5 * MINUTE;

  constructor(profile: keyof typeof PROFILES = 'default', most = 100_000, departedAfter = 10 * MINUTE) {
    const readers = [
      { name: 'reader-1', zones: ['floor', 'back'] },
      { name: 'reader-2', zones: ['dock'] },
    ];
    this.presence = new EdgexPresence({ profile, departedAfter, readers, most });
  }

  see(antenna: 1 | 2 | 3, rssi: number | undefined, { tag = 'shirt', count = 1, after = 0 } = {}) {
    this.now += after;
    const zone = { 1: 'floor', 2: 'back', 3: 'dock' }[antenna];
    const reader = antenna === 3 ? 'reader-2' : 'reader-1';
    this.presence.heard(reader, this.now);
    return this.presence.see({ tag, reader, antenna, zone, rssi, count }, this.now);
  }

  /** Time passes, a sweep whenever one is due; both readers speak, or those that are named. */
  pass(ms: number, speaking: readonly string[] = ['reader-1', 'reader-2']): readonly TagTransition[] {
    const told: TagTransition[] = [];
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 10_000;
      for (const reader of speaking) this.presence.heard(reader, this.now);
      while ((this.presence.nextSweep ?? Number.POSITIVE_INFINITY) <= this.now)
        told.push(...this.presence.sweep(this.now));
    }
    return told;
  }
}

describe('the offset by age, in dB', () => {
  it.each([
    [0, 6],
    [500, 6],
    [1250, 0],
    [2000, -6],
  ])('by default %i ms: %i', (age, offset) => {
    expect(offsetAt(age, PROFILES.default)).toBeCloseTo(offset, 9);
  });

  it.each([
    [0, 6],
    [60_000, 6],
    [72_000, 0],
    [84_000, -6],
  ])('for garments %i ms: %i', (age, offset) => {
    expect(offsetAt(age, PROFILES.garment)).toBeCloseTo(offset, 9);
  });
});

describe('a tag', () => {
  it('arrives with its first read, once', () => {
    const shop = new Shop();
    expect(shop.see(1, -60)).toEqual({
      ...{ is: 'arrived', tag: 'shirt', zone: 'floor', from: undefined },
      ...{ reader: 'reader-1', antenna: 1, reads: 1, rssi: -60 },
    });
    expect(shop.see(1, -50)).toBeUndefined();
    expect(shop.presence.size).toBe(1);
  });

  it('moves when another antenna hears it better by more than the offset, at least twice', () => {
    const shop = new Shop();
    shop.see(1, -60);
    // Within the holdoff it takes more than 6 dB.
    expect(shop.see(2, -54, { after: 100 })).toBeUndefined();
    expect(shop.see(2, -54, { after: 100 })).toBeUndefined();
    expect(shop.see(2, -54, { after: 100 })).toBeUndefined();
    // The mean of the four is a little over -54 now.
    const moved = { is: 'moved', zone: 'back', from: 'floor', reads: 4, rssi: -54 };
    expect(shop.see(2, -53.9, { after: 100 })).toMatchObject(moved);
  });

  it('never moves on a single read, however strong', () => {
    const shop = new Shop();
    shop.see(1, -80);
    expect(shop.see(2, -30, { after: MINUTE })).toBeUndefined();
    expect(shop.see(2, -90, { after: 0 })).toMatchObject({ is: 'moved' });
  });

  it.each([
    [1250, -60, false],
    [1250, -59.9, true],
    [2000, -66, false],
    [2000, -65.9, true],
    [400, -54, false],
    [400, -53.9, true],
  ])('not read for %i ms where it was at -60 dBm, read at %f dBm elsewhere: moves %s', (age, rssi, moves) => {
    const shop = new Shop();
    shop.see(1, -60);
    expect(shop.see(2, rssi, { after: age, count: 2 }) !== undefined).toBe(moves);
  });

  it('of a garment shop stays for the first minute, where by default it would have moved', () => {
    for (const [profile, moves] of [
      ['default', true],
      ['garment', false],
    ] as const) {
      const shop = new Shop(profile);
      shop.see(1, -60);
      expect(shop.see(2, -65, { after: 50_000, count: 2 }) !== undefined).toBe(moves);
    }
  });

  it('is judged by the last 20 reads of an antenna alone', () => {
    const shop = new Shop();
    shop.see(1, -60);
    shop.see(2, -90, { count: 20 });
    expect(shop.see(2, -53, { count: 19 })).toBeUndefined();
    // 20 reads of -53 have pushed the others out.
    expect(shop.see(2, -53)).toMatchObject({ is: 'moved', reads: 20, rssi: -53 });
  });

  it('between antennas of one zone is no move', () => {
    const shop = new Shop();
    shop.see(1, -60);
    const other = { tag: 'shirt', reader: 'reader-1', antenna: 4, zone: 'floor', rssi: -40, count: 5 };
    expect(shop.presence.see(other, shop.now)).toBeUndefined();
    // It is antenna 4 now that another zone has to beat.
    expect(shop.see(2, -50, { count: 5 })).toBeUndefined();
  });

  it('of readers that tell no strength goes by age alone', () => {
    const shop = new Shop();
    shop.see(1, undefined);
    expect(shop.see(2, undefined, { count: 2, after: 1250 })).toBeUndefined();
    expect(shop.see(2, undefined, { after: 10 })).toMatchObject({ is: 'moved' });
  });

  it('departs when it was not read for ten minutes, and arrives again later', () => {
    const shop = new Shop();
    shop.see(1, -60);
    expect(shop.pass(9.5 * MINUTE)).toEqual([]);
    expect(shop.pass(MINUTE)).toEqual([
      { is: 'departed', tag: 'shirt', zone: 'floor', reader: 'reader-1', antenna: 1 },
    ]);
    expect(shop.presence.size).toBe(0);
    expect(shop.see(2, -60)).toMatchObject({ is: 'arrived', zone: 'back', reads: 1 });
  });

  it('read anywhere has not departed', () => {
    const shop = new Shop();
    shop.see(1, -50);
    for (let round = 0; round < 5; round += 1) {
      expect(shop.pass(5 * MINUTE)).toEqual([]);
      // A stray read in the back, too weak to be moved by.
      shop.see(2, -150);
    }
  });
});

describe('a reader that says nothing', () => {
  it('empties no shop: a day of silence, and nothing has departed', () => {
    const shop = new Shop();
    for (let tag = 0; tag < 50; tag += 1) shop.see(1, -60, { tag: `tag-${tag}` });
    expect(shop.pass(24 * 60 * MINUTE, ['reader-2'])).toEqual([]);
    expect(shop.presence.size).toBe(50);
    // It comes back, and sees something else: from then on ten minutes count.
    expect(shop.pass(9.5 * MINUTE)).toEqual([]);
    shop.see(1, -60, { tag: 'another' });
    expect(shop.pass(1.5 * MINUTE)).toHaveLength(50);
  });

  it('stops the clock where it was: time before the silence counts', () => {
    const shop = new Shop();
    shop.see(1, -60);
    expect(shop.pass(6 * MINUTE)).toEqual([]);
    expect(shop.pass(60 * MINUTE, [])).toEqual([]);
    expect(shop.pass(3.5 * MINUTE)).toEqual([]);
    expect(shop.pass(MINUTE)).toHaveLength(1);
  });

  it('leaves the clocks of other zones alone', () => {
    const shop = new Shop();
    shop.see(1, -60, { tag: 'shirt' });
    shop.see(3, -60, { tag: 'pallet' });
    expect(shop.pass(11 * MINUTE, ['reader-2'])).toMatchObject([{ tag: 'pallet', zone: 'dock' }]);
  });

  it('and has never said anything is no reason to wake up', () => {
    const shop = new Shop();
    shop.presence.load([{ tag: 'shirt', zone: 'floor' }]);
    expect(shop.presence.nextSweep).toBeUndefined();
    shop.presence.heard('thermometer', shop.now);
    expect(shop.presence.nextSweep).toBeUndefined();
    shop.presence.heard('reader-1', shop.now);
    expect(shop.presence.nextSweep).toBeLessThan(shop.now);
    expect(shop.presence.sweep(shop.now)).toEqual([]);
    expect(shop.presence.nextSweep).toBeUndefined();
    shop.presence.heard('reader-1', shop.now + 1);
    expect(shop.presence.nextSweep).toBe(shop.now + 30_000);
  });
});

describe('after a restart', () => {
  const known = [{ tag: 'shirt', zone: 'floor' }];

  it('tags are where they were, and are not announced again', () => {
    const shop = new Shop();
    shop.presence.load(known);
    expect(shop.presence.size).toBe(1);
    expect(shop.see(1, -60)).toBeUndefined();
  });

  it('a stray read moves nothing; a tag that is read elsewhere alone does move', () => {
    const shop = new Shop();
    shop.presence.load(known);
    expect(shop.see(2, -40, { count: 5 })).toBeUndefined();
    expect(shop.see(2, -40, { after: 1900 })).toBeUndefined();
    expect(shop.see(2, -40, { after: 100 })).toMatchObject({ is: 'moved', zone: 'back', from: 'floor' });
  });

  it('a tag has ten minutes to be read again', () => {
    const shop = new Shop();
    shop.presence.load(known);
    expect(shop.pass(9.5 * MINUTE)).toEqual([]);
    expect(shop.pass(MINUTE)).toMatchObject([{ is: 'departed', tag: 'shirt', zone: 'floor' }]);
  });

  it('in a zone that no reader reads any more, any reader counts', () => {
    const shop = new Shop();
    shop.presence.load([{ tag: 'shirt', zone: 'gone' }]);
    expect(shop.pass(60 * MINUTE, [])).toEqual([]);
    expect(shop.pass(11 * MINUTE, ['reader-2'])).toMatchObject([{ tag: 'shirt', zone: 'gone' }]);
  });
});

it('too many tags are turned away and counted; those that are there stay', () => {
  const shop = new Shop('default', 3);
  for (let tag = 0; tag < 5; tag += 1) shop.see(1, -60, { tag: `tag-${tag}` });
  expect([shop.presence.size, shop.presence.turnedAway]).toEqual([3, 2]);
  expect(shop.pass(11 * MINUTE)).toHaveLength(3);
  expect(shop.see(1, -60, { tag: 'tag-4' })).toMatchObject({ is: 'arrived' });
});

it('a tag seen by ever new antennas keeps the memory of a few, and of the one that has it', () => {
  const shop = new Shop();
  shop.see(1, -30);
  for (let antenna = 10; antenna < 1000; antenna += 1) {
    const sighting = { tag: 'shirt', reader: 'reader-1', antenna, zone: 'back', rssi: -90, count: 3 };
    expect(shop.presence.see(sighting, shop.now)).toBeUndefined();
  }
  expect(shop.see(1, -30)).toBeUndefined();
});

it('many departures come in portions, none is lost', () => {
  const shop = new Shop();
  for (let tag = 0; tag < 2500; tag += 1) shop.see(1, -60, { tag: `tag-${tag}` });
  shop.pass(9 * MINUTE);
  shop.see(1, -60, { tag: 'another' });
  expect(new Set(shop.pass(2 * MINUTE).map(({ tag }) => tag)).size).toBe(2500);
  expect(shop.presence.size).toBe(1);
});

it('whatever is seen: facts follow from each other, and a tag is in one zone at most', () => {
  let state = 7;
  const below = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >> 8) % most;
  };
  const shop = new Shop('default', 100_000, MINUTE);
  const zones = new Map<string, string>();
  const kinds = { arrived: 0, moved: 0, departed: 0 };
  const follow = (told: readonly (TagTransition | undefined)[]): void => {
    for (const fact of told) {
      if (fact === undefined) continue;
      kinds[fact.is] += 1;
      const before = zones.get(fact.tag);
      if (fact.is === 'arrived') expect(before).toBeUndefined();
      else if (fact.is === 'moved') expect([fact.from, fact.from === fact.zone]).toEqual([before, false]);
      else expect(fact.zone).toBe(before);
      if (fact.is === 'departed') zones.delete(fact.tag);
      else zones.set(fact.tag, fact.zone);
    }
  };
  for (let step = 0; step < 30_000; step += 1) {
    const antenna = ([1, 2, 3] as const)[below(3)] ?? 1;
    follow([shop.see(antenna, -40 - below(50), { tag: `tag-${below(40)}`, count: 1 + below(3), after: below(2000) })]);
    if (below(300) === 0) follow(shop.pass(below(3 * MINUTE), below(4) === 0 ? [] : ['reader-1', 'reader-2']));
  }
  expect(shop.presence.size).toBe(zones.size);
  for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(100);
});
