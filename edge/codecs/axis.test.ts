import { expect, test } from 'vitest';
import { axis } from './axis.ts';
import { decoded, opened, readingsBy } from './format.fixture.ts';

const DOOR = { push: true, line: 'door' };

function interval(entered: unknown, left: unknown, kind = 'people-counts') {
  const [utcFrom, utcTo] = ['2025-05-22T08:14:00Z', '2025-05-22T08:15:00Z'];
  const local = { localFrom: '2025-05-22T10:14:00', localTo: '2025-05-22T10:15:00' };
  const items = [
    { direction: 'in', count: entered, adults: 0 },
    { direction: 'out', count: left, adults: 0 },
  ];
  return {
    apiName: 'Axis Retail Data',
    apiVersion: '0.4',
    utcSent: '2025-05-22T08:15:38Z',
    localSent: '2025-05-22T10:15:38',
    data: { utcFrom, utcTo, ...local, measurements: [{ kind, utcFrom, utcTo, ...local, items }] },
    sensor: { application: 'AXIS People Counter', serial: 'B8A44F000001', name: 'Exit south', timeZone: 'Europe/Oslo' },
  };
}

const total = { serial: '00408CAC512B', name: 'Exit south', timestamp: '20170503112756', in: 12, out: 318 };
const solid = { occupancy: 15, serial: '00:40:8c:18:82:27', total_in: 100, total_out: 85 };

test('an interval is what was counted in it, as of its last millisecond, with an id of its own', async () => {
  const decoder = opened(axis, DOOR);
  const to = Date.parse('2025-05-22T08:15:00Z');
  const expected = { id: `B8A44F000001/door/${to - 60_000}/${to}`, time: to - 1, line: 'door', in: 1, out: 2 };
  expect(await readingsBy(decoder, interval(1, 2))).toEqual([expected]);
  expect(await readingsBy(decoder, interval(0, 0))).toEqual([]);
  expect(await decoded(decoder, interval(1, -2))).toMatchObject({ ok: false });
});

test('a running total has no time, because its own says no zone', async () => {
  const readings = await readingsBy(opened(axis, DOOR), total);
  expect(readings).toEqual([{ line: 'door', total_in: 12, total_out: 318 }]);
});

test('the 3D counter tells totals of the line and occupancy of the zone, and its time where it has an offset', async () => {
  const timestamp = '2020-12-03T16:28:05+01:00';
  const time = Date.parse(timestamp);
  expect(await readingsBy(opened(axis, { ...DOOR, zone: 'shop' }), { ...solid, timestamp })).toEqual([
    { time, line: 'door', total_in: 100, total_out: 85 },
    { time, zone: 'shop', occupancy: 15 },
  ]);
  expect(await readingsBy(opened(axis, DOOR), solid)).toEqual([{ line: 'door', total_in: 100, total_out: 85 }]);
});

test('one entry can speak for several sensors', async () => {
  const decoder = opened(axis, { push: true, places: { 'Exit south': 'south', B8A44F000002: 'north' } });
  expect((await readingsBy(decoder, total)).map(({ line }) => line)).toEqual(['south']);
  expect((await readingsBy(decoder, { ...total, name: 'x', serial: 'B8A44F000002' })).map(({ line }) => line)).toEqual([
    'north',
  ]);
  expect(await decoded(decoder, { ...total, name: 'x' })).toMatchObject({
    said: [],
    note: expect.stringContaining('`places`'),
  });
});

test('two sensors of one entry that tell no serial number are not repeats of each other', async () => {
  const decoder = opened(axis, { push: true, places: { south: 'south', north: 'north' } });
  const ids = [];
  for (const name of ['south', 'north'])
    ids.push(...(await readingsBy(decoder, { ...interval(1, 2), sensor: { name } })).map(({ id }) => id));
  expect(new Set(ids).size).toBe(2);
});

test('a test of the connection and other measurements are no faults', async () => {
  const decoder = opened(axis, DOOR);
  const note = { ok: true, said: [], note: expect.any(String) };
  expect(await decoded(decoder, interval(1, 2, 'occupancy'))).toMatchObject(note);
  expect(await decoded(decoder, { ...interval(1, 2), data: { measurements: [] } })).toMatchObject(note);
});

test('what it is not is refused with what was expected', async () => {
  const decoder = opened(axis, DOOR);
  for (const odd of ['', '7', '[]', '{}', '{"apiName":"other"}', '{"apiName":"Axis Retail Data"}', '{"in":"12"}'])
    expect(await decoded(decoder, odd)).toMatchObject({ ok: false, reason: expect.stringContaining('expected') });
  expect(() => opened(axis, { push: true })).toThrow('needs `line`, `zone` or `places`');
});
