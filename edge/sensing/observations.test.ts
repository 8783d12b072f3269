import { expect, it } from 'vitest';
import { dataSchemaOf } from '../contracts/events.ts';
import { senseObservation } from './observations.ts';

/** Sensing with its memory; the facts it makes of one observation after the other. */
function sensor() {
  const remembered = new Map<string, unknown>();
  return (body: Record<string, unknown>, { device = 'camera-1', history = false } = {}) => {
    const { facts, remember } = senseObservation(
      {
        kind: 'observation',
        device,
        subject: String(body.shelf ?? body.zone),
        body: JSON.stringify({ present: true, ...body }),
        history,
      },
      { recall: (_kind, key) => remembered.get(key), facing: () => undefined },
    );
    for (const [, key, value] of remember) remembered.set(key, value);
    return facts.map(({ type, data }) => ({ type, data: dataSchemaOf(type).parse(JSON.parse(data)) }));
  };
}

it('is a fact when something comes, goes or is another number, of the shelf or of the zone', () => {
  const sees = sensor();
  const queue = { zone: 'tills', label: 'queue', count: 3, confidence: 0.7 };
  expect(sees(queue)).toEqual([{ type: 'retail.traffic.observed.v1', data: { ...queue, present: true } }]);
  expect(sees({ ...queue, confidence: 0.9 })).toEqual([]);
  expect(sees({ ...queue, count: 4 })).toHaveLength(1);
  expect(sees({ ...queue, present: false, count: 0 })).toHaveLength(1);
  expect(sees({ ...queue, present: false, count: 0 })).toEqual([]);
  expect(sees(queue)).toHaveLength(1);
  const [empty] = sees({ shelf: 'A1-3', label: 'shelf_empty' });
  expect(empty?.type).toBe('retail.shelves.observed.v1');
});

it('is no fact when something goes that nobody saw come', () => {
  expect(sensor()({ zone: 'tills', label: 'queue', present: false })).toEqual([]);
});

it('is told apart by label, place and camera', () => {
  const sees = sensor();
  expect(sees({ zone: 'a', label: 'queue' })).toHaveLength(1);
  expect(sees({ zone: 'a', label: 'spill' })).toHaveLength(1);
  expect(sees({ zone: 'b', label: 'queue' })).toHaveLength(1);
  expect(sees({ shelf: 'a', label: 'queue' })).toHaveLength(1);
  expect(sees({ zone: 'a', label: 'queue' }, { device: 'camera-2' })).toHaveLength(1);
});

it('of the past is a fact that changes nothing', () => {
  const sees = sensor();
  expect(sees({ zone: 'a', label: 'queue' }, { history: true })).toHaveLength(1);
  expect(sees({ zone: 'a', label: 'queue' })).toHaveLength(1);
});
