import { describe, expect, it, test } from 'vitest';
import type { Decoder } from '../contracts/formats.ts';
import { decoded, opened, readingsBy } from './format.fixture.ts';
import { xovis } from './xovis.ts';

const DOOR = { push: true, line: 'door' };
const T = 1_645_780_665_470;

interface Event {
  type?: string;
  track?: number;
  geometry?: number;
  object?: string;
  time?: number | string;
}

/** One frame of a live push. */
function frame({ type = 'LINE_CROSS_FORWARD', track = 490, geometry = 2, object = 'PERSON', time = T }: Event = {}) {
  return {
    framenumber: 4_137_403,
    time,
    tracked_objects: [{ track_id: track, type: object, position: [-0.04, 0.07, 1.73], attributes: {} }],
    events: [
      {
        category: 'SCENE',
        type,
        attributes: { track_id: track, sequence_number: 0, geometry_id: geometry, geometry_name: `Line ${geometry}` },
      },
    ],
  };
}

const live = (...frames: readonly unknown[]) => ({
  live_data: {
    package_info: { version: '5.0', id: 150, agent_id: 1005 },
    sensor_info: { serial_number: '80:1F:12:D5:30:DC', type: 'SINGLE_SENSOR', timezone: 'Europe/Zurich' },
    frames,
  },
});

const counts = (fw: unknown, bw: unknown) => [
  { id: 2, name: 'fw', value: fw },
  { id: 3, name: 'bw', value: bw },
];

const MINUTE = 60_000;
const FROM = 1_645_792_860_000;

/** Records of a minute each, from FROM on. */
const logics = (...records: readonly (readonly [unknown, unknown])[]) => ({
  logics_data: {
    package_info: { version: '5.0', id: 28, agent_id: 1008 },
    logics: [
      {
        id: 1,
        name: 'Zone 0',
        info: 'XLT_4X_ZONE_COUNT',
        geometries: [{ id: 1, type: 'ZONE', name: 'Zone 0' }],
        records: [{ from: FROM, to: FROM + MINUTE, counts: [{ id: 1, name: 'balance', value: 0 }] }],
      },
      {
        id: 2,
        name: 'Line 2',
        info: 'XLT_4X_LINE_IN_OUT_COUNT',
        geometries: [
          { id: 1, type: 'ZONE', name: 'Zone 0' },
          { id: 2, type: 'LINE', name: 'Line 2' },
        ],
        records: records.map(([fw, bw], i) => ({
          from: FROM + i * MINUTE,
          to: FROM + (i + 1) * MINUTE,
          counts: counts(fw, bw),
        })),
      },
    ],
  },
});

describe('live data', () => {
  it('counts each person who crosses a line, with the time of the crossing', async () => {
    const decoder = opened(xovis, DOOR);
    const [entered] = await readingsBy(decoder, live(frame()));
    expect(entered).toMatchObject({ line: 'door', in: 1, out: 0, time: T });
    const [left] = await readingsBy(decoder, live(frame({ type: 'LINE_CROSS_BACKWARD' })));
    expect(left).toMatchObject({ line: 'door', in: 0, out: 1 });
  });

  it('does not count a group beside its persons', async () => {
    const push = live(frame({ track: 1 }), frame({ track: 2 }), frame({ track: 3, object: 'GROUP' }));
    expect(await readingsBy(opened(xovis, DOOR), push)).toHaveLength(2);
  });

  it('gives the same crossing the same id when it is sent again, another one another', async () => {
    const decoder = opened(xovis, DOOR);
    const idsOf = async (push: unknown) => (await readingsBy(decoder, push)).map(({ id }) => id);
    const first = await idsOf(live(frame(), frame({ track: 491 })));
    expect(await idsOf(live(frame(), frame({ track: 491 })))).toEqual(first);
    expect(new Set(first).size).toBe(2);
  });

  it('takes times as ISO 8601 too', async () => {
    const [reading] = await readingsBy(opened(xovis, DOOR), live(frame({ time: '2022-02-25T10:17:45.470+01:00' })));
    expect(reading).toMatchObject({ time: T + 0 });
  });

  it('counts only the lines that are placed, by name or by number', async () => {
    const decoder = opened(xovis, { push: true, places: { 'Line 2': 'door', '7': 'back-door' } });
    expect((await readingsBy(decoder, live(frame()))).map(({ line }) => line)).toEqual(['door']);
    expect((await readingsBy(decoder, live(frame({ geometry: 7 })))).map(({ line }) => line)).toEqual(['back-door']);
    const other = await decoded(decoder, live(frame({ geometry: 9 })));
    expect(other).toMatchObject({ ok: true, said: [], note: expect.stringContaining('not in `places`') });
  });

  const inZone = async (decoder: Decoder, type: string, track: number, there: readonly number[] = [track]) => {
    const picture = {
      ...frame({ type, track, geometry: 4 }),
      tracked_objects: there.map((track_id) => ({ track_id, type: 'PERSON' })),
    };
    return (await readingsBy(decoder, live(picture))).map(({ occupancy }) => occupancy);
  };

  it('knows how many are in a zone, also of a track that ends there', async () => {
    const decoder = opened(xovis, { push: true, places: { 'Line 4': 'beverages' } });
    expect(await inZone(decoder, 'ZONE_EXIT', 9)).toEqual([0]);
    expect(await inZone(decoder, 'ZONE_ENTRY', 1)).toEqual([1]);
    expect(await inZone(decoder, 'ZONE_ENTRY', 2)).toEqual([2]);
    // A push that comes again says the same again.
    expect(await inZone(decoder, 'ZONE_ENTRY', 2)).toEqual([2]);
    expect(await inZone(decoder, 'TRACK_DELETE', 1)).toEqual([1]);
    expect(await inZone(decoder, 'ZONE_EXIT', 2)).toEqual([0]);
  });

  it('does not say how many are in a zone while it is unknown where those are who were there before', async () => {
    const decoder = opened(xovis, { push: true, places: { 'Line 4': 'beverages' } });
    expect(await inZone(decoder, 'ZONE_ENTRY', 5, [3, 4, 5])).toEqual([]);
    expect(await inZone(decoder, 'ZONE_EXIT', 3, [3, 4, 5])).toEqual([]);
    // The fourth is gone without a word.
    expect(await inZone(decoder, 'ZONE_ENTRY', 6, [3, 5, 6])).toEqual([2]);
    expect(await inZone(decoder, 'ZONE_ENTRY', 3, [3, 5, 6])).toEqual([3]);
  });

  it('says again how many are in its zones when that could not be stored', async () => {
    const decoder = opened(xovis, { push: true, places: { 'Line 4': 'beverages' } });
    await inZone(decoder, 'ZONE_ENTRY', 1);
    expect(await inZone(decoder, 'TRACK_DELETE', 1)).toEqual([0]);
    decoder.unstored?.({ bytes: new Uint8Array(), received: T });
    expect(await inZone(decoder, 'TRACK_DELETE', 1)).toEqual([0]);
    expect(await inZone(decoder, 'TRACK_DELETE', 1)).toEqual([]);
  });
});

describe('counts of intervals', () => {
  it('are persons of that interval, as of its end; an interval without anybody says nothing', async () => {
    const readings = await readingsBy(opened(xovis, DOOR), logics([1, 0], [0, 0], [3, 2]));
    expect(readings).toEqual([
      { id: `logic/2/${FROM}/${FROM + MINUTE}`, time: FROM + MINUTE - 1, line: 'door', in: 1, out: 0 },
      { id: expect.any(String), time: FROM + 3 * MINUTE - 1, line: 'door', in: 3, out: 2 },
    ]);
  });

  it.each([-1, 1.5, '3', null])('of %s are refused', async (value) => {
    expect(await decoded(opened(xovis, DOOR), logics([value, 0]))).toMatchObject({ ok: false });
  });
});

describe('the same crossings, live and in intervals', () => {
  const crossing = (after: number) => live(frame({ time: FROM + after, track: after }));
  const total = (readings: readonly Readonly<Record<string, unknown>>[]) =>
    readings.reduce((sum, reading) => sum + Number(reading.in), 0);

  test('count live until intervals come; those count from then on, less what was counted live', async () => {
    const decoder = opened(xovis, DOOR);
    expect(total(await readingsBy(decoder, crossing(10_000)))).toBe(1);
    expect(total(await readingsBy(decoder, crossing(20_000)))).toBe(1);
    // One had crossed before the hub listened.
    expect(total(await readingsBy(decoder, logics([3, 0])))).toBe(1);
    expect(total(await readingsBy(decoder, crossing(70_000)))).toBe(0);
    expect(total(await readingsBy(decoder, logics([3, 0], [1, 0])))).toBe(2);
  });

  test('count once, whether the push was stored when it came first or not', async () => {
    for (const isStored of [true, false]) {
      const decoder = opened(xovis, DOOR);
      const push = { bytes: Buffer.from(JSON.stringify(crossing(10_000))), received: T };
      const first = await decoder.decode(push);
      if (!isStored) decoder.unstored?.(push);
      const interval = total(await readingsBy(decoder, logics([1, 0])));
      // Live or by the interval, and what was told live is told again under its name.
      const again = await decoder.decode(push);
      expect([interval, again]).toEqual(isStored ? [0, first] : [1, expect.objectContaining({ said: [] })]);
    }
  });

  test('count as the entry says', async () => {
    const onlyLive = opened(xovis, { ...DOOR, model: 'live' });
    expect(total(await readingsBy(onlyLive, logics([3, 0])))).toBe(0);
    expect(total(await readingsBy(onlyLive, crossing(10_000)))).toBe(1);
    const onlyLogics = opened(xovis, { ...DOOR, model: 'logics' });
    expect(total(await readingsBy(onlyLogics, crossing(10_000)))).toBe(0);
    expect(total(await readingsBy(onlyLogics, logics([3, 0])))).toBe(3);
  });

  test('count once in a push that holds both', async () => {
    const decoder = opened(xovis, DOOR);
    expect(total(await readingsBy(decoder, { ...crossing(10_000), ...logics([1, 0]) }))).toBe(1);
  });
});

test('what it is not is refused with what was expected; the state of the sensor is no fault', async () => {
  const decoder = opened(xovis, DOOR);
  for (const odd of ['', 'hello', '[]', '{}', '{"live":1}'])
    expect(await decoded(decoder, odd)).toMatchObject({ ok: false, reason: expect.stringContaining('Xovis') });
  expect(await decoded(decoder, { status_data: { states: {} } })).toMatchObject({ ok: true, said: [] });
});

test('an entry without a place, or with another model, is refused at start', () => {
  expect(() => opened(xovis, { push: true })).toThrow('needs `line`, `zone` or `places`');
  expect(() => opened(xovis, { ...DOOR, model: 'both' })).toThrow('model: must be live or logics');
});
