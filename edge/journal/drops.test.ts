import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openForWriting } from './database.ts';
import { type DroppedData, Drops } from './drops.ts';
import { positionOf } from './positions.ts';

function journal() {
  const db = openForWriting(mkdtempSync(join(tmpdir(), 'store-hub-')));
  db.exec(
    "INSERT INTO incarnations VALUES (1, 'first', NULL, 0, 'new', '{}'), (2, 'second', 'first', 0, 'restore', '{}')",
  );
  const drops = new Drops(db);
  const note = (from: number, to: number, ordinal = 1, stream: 'traffic' | 'sales' = 'traffic') =>
    drops.note({
      stream,
      ordinal,
      from,
      to,
      firstSequence: 100 + from,
      lastSequence: 100 + to,
      reason: 'no space',
    });
  const told: DroppedData[] = [];
  let last = 0;
  const journalOpen = (ordinal = 1) =>
    drops.journalOpen((data) => {
      told.push(data);
      last += 1;
      return positionOf(ordinal, last);
    });
  return { db, drops, note, told, journalOpen };
}

it('widens an open drop, and does not change one that has become an event', () => {
  const { drops, note, told, journalOpen } = journal();
  note(1, 10);
  note(11, 20);
  note(31, 35);
  journalOpen();
  note(36, 40);
  journalOpen();
  journalOpen();
  expect(told.map(({ from, to, count }) => [Number(from), Number(to), count])).toEqual([
    [1, 20, 20],
    [31, 35, 5],
    [36, 40, 5],
  ]);
  expect(told[0]).toEqual({
    stream: 'traffic',
    incarnation: 'first',
    from: '0000000000000001',
    to: '0000000000000020',
    count: 20,
    firstsequence: '0000000000000101',
    lastsequence: '0000000000000120',
    reason: 'no space',
  });
  expect(drops.within('traffic', 1, 5, 33)).toEqual([
    { stream: 'traffic', from: 6, to: 20 },
    { stream: 'traffic', from: 31, to: 33 },
  ]);
});

it('answers a reservation with what lies in it, and with the last event that tells of it', () => {
  const { drops, note, journalOpen } = journal();
  note(1, 10);
  note(21, 30);
  note(5, 6, 1, 'sales');
  journalOpen();
  const from = { traffic: 4 };
  expect(drops.between(1, from, { traffic: 25 })).toEqual({
    dropped: [
      { stream: 'traffic', from: 5, to: 10 },
      { stream: 'traffic', from: 21, to: 25 },
    ],
    events: 3,
  });
  expect(drops.between(1, { traffic: 30, devices: 3 }, { traffic: 40, devices: 3 })).toEqual({
    dropped: [],
    events: 0,
  });
});

it('goes on naming what has its event in a later incarnation, which goes up last', () => {
  const { drops, note, journalOpen } = journal();
  note(1, 10);
  journalOpen(2);
  expect(drops.between(1, { traffic: 20 }, { traffic: 30 })).toEqual({
    dropped: [{ stream: 'traffic', from: 1, to: 10 }],
    events: 0,
  });
  expect(drops.between(2, {}, { alerts: 5 })).toEqual({ dropped: [], events: 1 });
});

it('forgets a drop when head office is past the range and has its event, not before', () => {
  const { drops, note, journalOpen } = journal();
  note(1, 10);
  const left = () => drops.within('traffic', 1, 0, 100).length;
  drops.forget({ traffic: positionOf(1, 50), devices: positionOf(1, 50) }, positionOf(1, 50));
  expect(left(), 'it is open').toBe(1);
  journalOpen();
  drops.forget({ traffic: positionOf(1, 9) }, positionOf(1, 50));
  expect(left(), 'rows after it wait').toBe(1);
  drops.forget({ traffic: positionOf(1, 50) }, 0);
  expect(left(), 'its event waits').toBe(1);
  drops.forget({ traffic: positionOf(1, 10) }, positionOf(1, 1));
  expect(left()).toBe(0);
});
