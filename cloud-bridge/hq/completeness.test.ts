import { beforeEach, describe, expect, test } from 'vitest';
import { CLOUDEVENT_CONTENT_TYPE, cloudEventText, type JournalRow } from '../../edge/contracts/envelope.ts';
import type { Stream } from '../../edge/contracts/streams.ts';
import type { Vector } from '../../edge/contracts/vector.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { Completeness, type VerifyReport } from './completeness.ts';
import type { EventRecord } from './event-record.ts';

const OLD = '1m7w2y7m0v7f3';
const NEW = '1m7w2y7m0zzzz';
const HUB = 'store-0042';

let offset = 0;
let sequence = 0;
beforeEach(() => {
  offset = 0;
  sequence = 0;
});

interface Fields extends Partial<JournalRow> {
  readonly hub?: string;
  readonly key?: string;
  readonly topic?: Stream;
  readonly partition?: number;
}

const TYPES: Partial<Record<Stream, string>> = {
  sales: 'retail.sales.sold.v1',
  climate: 'retail.climate.measured.v1',
  devices: 'retail.devices.heartbeat.v1',
};

function event(streamSequence: number, fields: Fields = {}): EventRecord {
  const { hub = HUB, key = hub, stream = 'sales', topic, partition = 3, ...row } = fields;
  sequence += 1;
  offset += 1;
  const full: JournalRow = {
    stream,
    incarnation: NEW,
    sequence,
    streamSequence,
    type: TYPES[stream as Stream] ?? '',
    source: 'till-1',
    subject: 'till-1/1',
    time: 1_795_000_000_000,
    received: 1_795_000_000_000,
    quality: 'ok',
    history: false,
    data: '{}',
    ...row,
  };
  return {
    stream: topic ?? (stream as Stream),
    partition,
    offset,
    key,
    value: cloudEventText(hub, full),
    contentType: CLOUDEVENT_CONTENT_TYPE,
  };
}

function dropRecord(streamSequence: number, stream: Stream, from: number, to: number, incarnation = NEW): EventRecord {
  const data = JSON.stringify({ stream, incarnation, from: String(from), to: String(to), count: to - from + 1 });
  return event(streamSequence, { stream: 'devices', type: 'retail.devices.dropped.v1', data });
}

interface Older {
  readonly incarnation: string;
  readonly last: Vector;
}

function streamsOf(last: Vector, dropped: Partial<Record<Stream, { from: number; to: number }[]>> = {}) {
  return Object.fromEntries(
    Object.entries(last).map(([stream, value]) => [
      stream,
      { last: String(value).padStart(16, '0'), dropped: dropped[stream as Stream] ?? [] },
    ]),
  );
}

function checkpoint(
  last: Vector,
  options: { hub?: string; closed?: Older[]; dropped?: Partial<Record<Stream, { from: number; to: number }[]>> } = {},
): Checkpoint {
  const parsed = parseCheckpoint(
    JSON.stringify({
      hub: options.hub ?? HUB,
      incarnation: NEW,
      batch: 'ab'.repeat(16),
      time: '2026-11-20T09:15:00.000Z',
      streams: streamsOf(last, options.dropped),
      closed: (options.closed ?? []).map((older) => ({
        incarnation: older.incarnation,
        streams: streamsOf(older.last),
      })),
    }),
  );
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

function prove(
  events: readonly EventRecord[],
  before: Checkpoint | undefined,
  after = before,
  truncated = false,
): VerifyReport {
  const proof = new Completeness();
  if (before) proof.checkpoint('before', before);
  for (const record of events) proof.event(record);
  if (after) proof.checkpoint('after', after);
  return proof.report(() => truncated);
}

describe('what is complete', () => {
  test('a stream from its first event to the checkpoint', () => {
    const report = prove([event(1), event(2), event(3)], checkpoint({ sales: 3 }));
    expect(report).toEqual({
      ok: true,
      faults: 0,
      records: 3,
      hubs: [
        {
          hub: HUB,
          incarnation: NEW,
          streams: { sales: { first: 1, last: 3, checkpoint: 3, dropped: 0, gaps: 0, duplicates: 0 } },
        },
      ],
    });
  });

  test('a stream whose oldest records head office has deleted by age', () => {
    const report = prove([event(7), event(8)], checkpoint({ sales: 8 }), undefined, true);
    expect(report.fault).toBeUndefined();
    expect(report.hubs[0]?.streams.sales).toMatchObject({ first: 7, last: 8, gaps: 0 });
  });

  test('a stream of which nothing is retained, only where head office deletes by age', () => {
    expect(prove([], checkpoint({ sales: 8 }), undefined, true).ok).toBe(true);
    const report = prove([], checkpoint({ sales: 8 }));
    expect(report).toMatchObject({ ok: false, fault: expect.stringContaining('end at 0, the checkpoint says 8') });
  });

  test('a stream whose records head office deletes while they are read', () => {
    const proof = new Completeness();
    proof.checkpoint('before', checkpoint({ sales: 9 }, { closed: [{ incarnation: OLD, last: { sales: 2 } }] }));
    const records = [event(1, { incarnation: OLD }), event(2, { incarnation: OLD }), event(1), event(2)];
    for (const record of records) proof.event(record);
    proof.cut('sales', 3);
    for (const record of [event(8), event(9)]) proof.event(record);
    const report = proof.report(() => true);
    expect(report.fault).toBeUndefined();
    expect(report.hubs.map(({ streams }) => streams.sales)).toMatchObject([
      { first: null, gaps: 0 },
      { first: 8, last: 9, gaps: 0 },
    ]);
  });

  test('a hole that a drop record names', () => {
    const report = prove([event(1), dropRecord(1, 'sales', 2, 4), event(5)], checkpoint({ sales: 5, devices: 1 }));
    expect(report.fault).toBeUndefined();
    expect(report.hubs[0]?.streams.sales).toMatchObject({ dropped: 3, gaps: 0 });
  });

  test('a hole and an end that the checkpoint names as dropped', () => {
    const last = checkpoint(
      { sales: 5 },
      {
        dropped: {
          sales: [
            { from: 2, to: 2 },
            { from: 4, to: 5 },
          ],
        },
      },
    );
    const report = prove([event(1), event(3)], last);
    expect(report.fault).toBeUndefined();
    expect(report.hubs[0]?.streams.sales).toMatchObject({ last: 3, checkpoint: 5, dropped: 3 });
  });

  test('two hubs in one partition', () => {
    const proof = new Completeness();
    proof.checkpoint('after', checkpoint({ sales: 2 }));
    proof.checkpoint('after', checkpoint({ sales: 1 }, { hub: 'store-0007' }));
    for (const record of [event(1), event(1, { hub: 'store-0007' }), event(2)]) proof.event(record);
    const report = proof.report(() => false);
    expect(report).toMatchObject({ ok: true, hubs: [{ hub: 'store-0007' }, { hub: HUB }] });
  });

  test('two incarnations, each to its own end', () => {
    const events = [event(1, { incarnation: OLD }), event(2, { incarnation: OLD }), event(1)];
    const report = prove(events, checkpoint({ sales: 1 }, { closed: [{ incarnation: OLD, last: { sales: 2 } }] }));
    expect(report.fault).toBeUndefined();
    expect(report.hubs.map(({ incarnation }) => incarnation)).toEqual([OLD, NEW]);
  });

  test('a hub that moved to another partition', () => {
    const events = [event(1), event(2), event(3, { partition: 5 })];
    expect(prove(events, checkpoint({ sales: 3 })).ok).toBe(true);
  });

  test('a bridge that sends meanwhile: the end lies between the two checkpoints', () => {
    const report = prove([event(1), event(2)], checkpoint({ sales: 1 }), checkpoint({ sales: 3 }));
    expect(report.fault).toBeUndefined();
    expect(report.hubs[0]?.streams.sales).toMatchObject({ last: 2, checkpoint: 2 });
  });
});

describe('what is not', () => {
  test.each<[string, () => VerifyReport, string]>([
    [
      'a gap',
      () => prove([event(1), event(2), event(5)], checkpoint({ sales: 5 })),
      `Events 3-4 of ${HUB} ${NEW} sales are missing in retail.sales and no drop record names them.`,
    ],
    [
      'a gap that a drop record names in part',
      () => prove([event(1), dropRecord(1, 'sales', 2, 3), event(5)], checkpoint({ sales: 5, devices: 1 })),
      'Events 4 of',
    ],
    [
      'a gap that a drop record of another incarnation names',
      () => prove([event(1), dropRecord(1, 'sales', 2, 2, OLD), event(3)], checkpoint({ sales: 3, devices: 1 })),
      OLD,
    ],
    ['a duplicate', () => prove([event(1), event(2), event(2)], checkpoint({ sales: 2 })), 'is there twice'],
    [
      'a whole batch again',
      () => prove([event(1), event(2), event(1), event(2)], checkpoint({ sales: 2 })),
      'Event 1 of store-0042 1m7w2y7m0zzzz sales is there twice (again in retail.sales partition 3 offset 3).',
    ],
    [
      'the same event in two partitions',
      () => prove([event(1), event(2), event(2, { partition: 5 })], checkpoint({ sales: 2 })),
      'there in two partitions',
    ],
    ['a swap', () => prove([event(1), event(3), event(2)], checkpoint({ sales: 3 })), 'comes after a later one'],
    ['a tail behind', () => prove([event(1)], checkpoint({ sales: 3 })), 'end at 1, the checkpoint says 3'],
    ['a tail beyond', () => prove([event(1), event(2)], checkpoint({ sales: 1 })), "beyond the checkpoint's 1"],
    ['no checkpoint', () => prove([event(1)], undefined), 'and no checkpoint'],
    [
      'an incarnation that no checkpoint names',
      () => prove([event(1, { incarnation: OLD }), event(1)], checkpoint({ sales: 1 })),
      'which its checkpoint does not name',
    ],
    [
      'a closed incarnation that ends early',
      () =>
        prove(
          [event(1, { incarnation: OLD }), event(1)],
          checkpoint({ sales: 1 }, { closed: [{ incarnation: OLD, last: { sales: 2 } }] }),
        ),
      'end at 1, the checkpoint says 2',
    ],
    [
      'an older incarnation that goes on after a newer one began',
      () =>
        prove(
          [event(1, { incarnation: OLD }), event(1), event(2, { incarnation: OLD })],
          checkpoint({ sales: 1 }, { closed: [{ incarnation: OLD, last: { sales: 2 } }] }),
        ),
      `comes after events of incarnation ${NEW}`,
    ],
    [
      'one sequence for two events',
      () =>
        prove(
          [event(1, { sequence: 9 }), event(1, { stream: 'climate', sequence: 9 })],
          checkpoint({ sales: 1, climate: 1 }),
        ),
      'has sequence 9, as another event has',
    ],
    [
      'a sequence that falls within a stream',
      () => prove([event(1, { sequence: 9 }), event(2, { sequence: 8 })], checkpoint({ sales: 2 })),
      'has a sequence below the one before it',
    ],
    [
      'an event of another hub under this key',
      () => prove([event(1, { hub: 'store-0007', key: HUB })], checkpoint({ sales: 0 })),
      `The record in retail.sales partition 3 offset 1 names hub store-0007, its key is ${HUB}.`,
    ],
    [
      'an event in another topic',
      () => prove([event(1, { topic: 'climate' })], checkpoint({})),
      'its type retail.sales.sold.v1 is of another stream',
    ],
    ['bytes that are no JSON', () => prove([{ ...event(1), value: '{' }], checkpoint({})), 'is not a CloudEvent'],
    ['a record without key', () => prove([{ ...event(1), key: null }], checkpoint({})), 'has no key'],
    ['no content type', () => prove([{ ...event(1), contentType: undefined }], checkpoint({})), 'content-type none'],
    [
      'an id of its own',
      () =>
        prove(
          [{ ...event(1), value: event(1).value?.replace('"id":"store-0042', '"id":"store-0043') ?? '' }],
          checkpoint({}),
        ),
      'does not fit its own fields',
    ],
  ])('%s', (_, make, sentence) => {
    const report = make();
    expect(report.fault).toContain(sentence);
    expect(report.ok).toBe(false);
  });

  test('counts what is missing and what is double', () => {
    const report = prove([event(1), event(4), event(4), event(9)], checkpoint({ sales: 10 }));
    expect(report.hubs[0]?.streams.sales).toEqual({
      first: 1,
      last: 9,
      checkpoint: 10,
      dropped: 0,
      gaps: 7,
      duplicates: 1,
    });
  });
});
