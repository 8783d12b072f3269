import { describe, expect, it, test } from 'vitest';
import { decoded, opened, readingsBy, saidBy } from './format.fixture.ts';
import { frigate } from './frigate.ts';

const ENTRY = {
  mqtt: { topic: 'frigate/#' },
  places: { drinks: 'beverages', checkout: 'tills', a1_3: 'A1-3' },
};
const EVENTS = { topic: 'frigate/events' };

function object(zones: readonly string[], more: object = {}) {
  return {
    id: '1607123955.475377-mxklsc',
    camera: 'aisle_1',
    frame_time: 1_607_123_961.837752,
    label: 'person',
    sub_label: null,
    top_score: 0.958984375,
    false_positive: false,
    start_time: 1_607_123_955.475377,
    end_time: null,
    score: 0.7890625,
    box: [424, 500, 536, 712],
    current_zones: zones,
    entered_zones: zones,
    ...more,
  };
}

const event = (type: string, before: readonly string[], after: readonly string[], more: object = {}) => ({
  type,
  before: object(before, more),
  after: object(after, more),
});

describe('a person', () => {
  it('crosses into and out of the zones that are placed', async () => {
    const decoder = opened(frigate, ENTRY);
    const said = async (payload: unknown) => await saidBy(decoder, payload, EVENTS);
    const [entered] = await said(event('new', [], ['drinks', 'floor']));
    expect(entered).toEqual({
      kind: 'traffic',
      reading: {
        id: '1607123955.475377-mxklsc/drinks/in/1607123961838',
        time: 1_607_123_961_838,
        line: 'beverages',
        in: 1,
        out: 0,
      },
    });
    expect(await said(event('update', ['drinks'], ['drinks']))).toEqual([]);
    expect(await said(event('update', ['drinks'], ['checkout']))).toMatchObject([
      { reading: { line: 'beverages', in: 0, out: 1 } },
      { reading: { line: 'tills', in: 1, out: 0 } },
    ]);
    expect(await said(event('end', ['checkout'], ['checkout']))).toMatchObject([
      { reading: { line: 'tills', out: 1 } },
    ]);
    expect(await said(event('end', ['checkout'], ['checkout']))).toMatchObject([
      { reading: { line: 'tills', out: 1 } },
    ]);
  });

  it('says the same when an event comes again, also with others between', async () => {
    const decoder = opened(frigate, ENTRY);
    const came = event('update', [], ['drinks']);
    const went = event('end', ['drinks'], ['drinks']);
    const spill = event('new', [], ['drinks'], { label: 'spill', id: 's' });
    const first = await Promise.all([came, spill, went].map((payload) => saidBy(decoder, payload, EVENTS)));
    expect(first).toMatchObject([[{ reading: { in: 1 } }], [{ reading: { count: 1 } }], [{ reading: { out: 1 } }]]);
    expect(await Promise.all([came, spill, went].map((payload) => saidBy(decoder, payload, EVENTS)))).toEqual(first);
    // Also by a hub that has not heard the first ones.
    expect(await saidBy(opened(frigate, ENTRY), went, EVENTS)).toEqual(first[2]);
  });

  it('whose entry got lost on the way is found by the next event, and counted out again', async () => {
    const decoder = opened(frigate, ENTRY);
    await saidBy(decoder, event('new', [], ['checkout']), EVENTS);
    expect(await saidBy(decoder, event('update', ['checkout', 'drinks'], ['drinks']), EVENTS)).toMatchObject([
      { reading: { line: 'tills', out: 1 } },
      { reading: { line: 'beverages', in: 1 } },
    ]);
    expect(await saidBy(decoder, event('end', [], []), EVENTS)).toMatchObject([
      { reading: { line: 'beverages', out: 1 } },
    ]);
  });

  it('who was there before the hub started has not just come', async () => {
    const decoder = opened(frigate, ENTRY);
    expect(await saidBy(decoder, event('update', ['drinks'], ['drinks']), EVENTS)).toEqual([]);
    expect(await saidBy(decoder, event('end', ['drinks'], ['drinks']), EVENTS)).toHaveLength(1);
  });

  it('is counted in a zone by the topic of that zone', async () => {
    const readings = await readingsBy(opened(frigate, ENTRY), '3', { topic: 'frigate/drinks/person' });
    expect(readings).toEqual([{ zone: 'beverages', occupancy: 3 }]);
  });

  it('is none when Frigate takes it back, and is never named', async () => {
    const decoder = opened(frigate, ENTRY);
    expect(await saidBy(decoder, event('new', [], ['drinks'], { false_positive: true }), EVENTS)).toEqual([]);
    const named = await decoded(decoder, event('new', [], ['drinks'], { sub_label: ['Anna', 0.9] }), EVENTS);
    expect(JSON.stringify(named)).not.toContain('Anna');
    expect(frigate.personal).toBe(true);
  });
});

describe('a label of the shop', () => {
  it('is an observation of the shelf or the zone, with how sure the camera is', async () => {
    const decoder = opened(frigate, ENTRY);
    const shelf = { label: 'shelf_empty', id: 'a' };
    expect(await saidBy(decoder, event('new', [], ['a1_3'], shelf), EVENTS)).toEqual([
      {
        kind: 'observation',
        reading: {
          shelf: 'A1-3',
          label: 'shelf_empty',
          present: true,
          count: 1,
          confidence: 0.7890625,
          time: 1_607_123_961_838,
        },
      },
    ]);
    expect(await readingsBy(decoder, event('end', ['a1_3'], ['a1_3'], shelf), EVENTS)).toMatchObject([
      { present: false, count: 0 },
    ]);
    expect(await readingsBy(decoder, event('new', [], ['checkout'], { label: 'queue' }), EVENTS)).toMatchObject([
      { zone: 'tills', label: 'queue' },
    ]);
  });

  it('is there until the last of several is gone', async () => {
    const decoder = opened(frigate, ENTRY);
    const spill = async (type: string, id: string) =>
      (await readingsBy(decoder, event(type, [], ['drinks'], { label: 'spill', id }), EVENTS)).map(
        ({ present, count }) => [present, count],
      );
    expect(await spill('new', 'a')).toEqual([[true, 1]]);
    expect(await spill('new', 'b')).toEqual([[true, 2]]);
    expect(await spill('end', 'a')).toEqual([[true, 1]]);
    expect(await spill('end', 'b')).toEqual([[false, 0]]);
  });

  it('is of now although another camera told of a later picture before', async () => {
    const decoder = opened(frigate, ENTRY);
    await saidBy(decoder, event('new', [], ['checkout'], { id: 'p', frame_time: 1_607_123_970 }), EVENTS);
    const spill = { label: 'spill', id: 's' };
    const [came] = await readingsBy(
      decoder,
      event('new', [], ['drinks'], { ...spill, frame_time: 1_607_123_969 }),
      EVENTS,
    );
    expect(came).toEqual({ zone: 'beverages', label: 'spill', present: true, count: 1, confidence: 0.7890625 });
    const [gone] = await readingsBy(decoder, event('end', [], [], { ...spill, frame_time: 1_607_123_971 }), EVENTS);
    expect(gone).toMatchObject({ present: false, time: 1_607_123_971_000 });
  });

  it('is counted by its topic as well', async () => {
    const readings = await readingsBy(opened(frigate, ENTRY), '0', { topic: 'site/frigate/checkout/queue' });
    expect(readings).toEqual([{ zone: 'tills', label: 'queue', present: false, count: 0 }]);
  });
});

test('that Frigate is there is a status; topics that say nothing here are no faults', async () => {
  const decoder = opened(frigate, ENTRY);
  expect(await saidBy(decoder, 'online', { topic: 'frigate/available' })).toEqual([
    { kind: 'status', reading: { online: true } },
  ]);
  for (const topic of [
    'frigate/stats',
    'frigate/aisle_1/person/snapshot',
    'frigate/drinks/all',
    'frigate/aisle_1/motion',
    'frigate/drinks/person/active',
  ])
    expect(await decoded(decoder, '{"a":1}', { topic })).toMatchObject({ ok: true, said: [] });
});

test('what cannot be read is refused with what was expected', async () => {
  const decoder = opened(frigate, ENTRY);
  expect(await decoded(decoder, 'many', { topic: 'frigate/drinks/person' })).toMatchObject({
    ok: false,
    reason: 'no count: expected how many person are there, as digits',
  });
  for (const odd of ['', 'x', '[]', '{}', '{"type":"new","after":{"id":1}}'])
    expect(await decoded(decoder, odd, EVENTS)).toMatchObject({ ok: false });
  expect(() => opened(frigate, { mqtt: { topic: 'frigate/#' } })).toThrow('frigate needs `places`');
});
