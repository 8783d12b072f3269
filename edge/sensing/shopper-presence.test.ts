import { describe, expect, it } from 'vitest';
import { sensePresence, ZONE_OF } from './shopper-presence.ts';

const ANNA = 'a'.repeat(26);

/** Sensing with its memory; what it makes of one sighting after the other. */
function sensor() {
  const zones = new Map<string, unknown>();
  return (
    zone: string,
    present: boolean,
    { history = false, readingId }: { history?: boolean; readingId?: string } = {},
  ) => {
    const body = JSON.stringify({ ...(readingId !== undefined && { readingId }), zone, present });
    const { facts, remember } = sensePresence(
      { kind: 'presence', device: 'camera-1', subject: ANNA, body, history },
      { recall: (kind, key) => (kind === ZONE_OF ? zones.get(key) : undefined), facing: () => undefined },
    );
    for (const [, key, value] of remember) zones.set(key, value);
    expect(facts.every(({ type, subject }) => type === 'retail.shoppers.present.v1' && subject === ANNA)).toBe(true);
    return facts.map(({ data }) => JSON.parse(data));
  };
}

describe('a sighting', () => {
  it('is a fact when it says something new: somebody came, or went', () => {
    const sees = sensor();
    expect(sees('dairy', true, { readingId: 'r-1' })).toEqual([
      { readingId: 'r-1', zone: 'dairy', present: true, shopper: ANNA },
    ]);
    expect(sees('dairy', true, { readingId: 'r-2' })).toEqual([]);
    expect(sees('dairy', false)).toEqual([{ zone: 'dairy', present: false, shopper: ANNA }]);
    expect(sees('dairy', false)).toEqual([]);
    expect(sees('dairy', true)).toHaveLength(1);
  });

  it('in another zone ends the stay in the first', () => {
    const sees = sensor();
    sees('dairy', true);
    expect(sees('beverages', true)).toEqual([
      { zone: 'dairy', present: false, shopper: ANNA, inferred: true },
      { zone: 'beverages', present: true, shopper: ANNA },
    ]);
    // The first zone's own word comes late, and says nothing of where they are now.
    expect(sees('dairy', false)).toEqual([]);
    expect(sees('beverages', true)).toEqual([]);
    expect(sees('beverages', false)).toHaveLength(1);
  });

  it('of the past is journaled and changes nothing', () => {
    const sees = sensor();
    sees('dairy', true);
    expect(sees('beverages', true, { history: true })).toEqual([{ zone: 'beverages', present: true, shopper: ANNA }]);
    expect(sees('dairy', true)).toEqual([]);
  });
});
