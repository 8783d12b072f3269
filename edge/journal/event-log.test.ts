import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openForWriting, PAGE_BYTES } from './database.ts';
import { EventLog, type NewEvent } from './event-log.ts';

let folder: string;
let db: Database;
let log: EventLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-hub-log-'));
  db = openForWriting(folder);
  log = new EventLog(db);
  log.load();
  log.openIncarnation('new', { elapsed: 0, wall: 1_000_000 });
  log.flush({ elapsed: 0, wall: 1_000_000 });
});

afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

const sale: NewEvent = {
  type: 'retail.sales.sold.v1',
  source: 'till-1',
  subject: 'till-1/1',
  time: 1_000_000,
  received: 1_000_000,
  quality: 'ok',
  history: false,
  data: '{}',
};

function saved(): unknown {
  return db.prepare('SELECT sequence, elapsed, wall FROM head').get();
}

test('a commit without events leaves the saved clock alone for a moment, and no longer', () => {
  log.flush({ elapsed: 4_000, wall: 1_004_000 });
  expect(saved()).toEqual({ sequence: 1, elapsed: 0, wall: 1_000_000 });
  log.flush({ elapsed: 5_000, wall: 1_005_000 });
  expect(saved()).toEqual({ sequence: 1, elapsed: 5_000, wall: 1_005_000 });
});

test('every commit with an event saves where the log stands', () => {
  log.append(sale);
  log.flush({ elapsed: 10, wall: 1_000_010 });
  expect(saved()).toEqual({ sequence: 2, elapsed: 10, wall: 1_000_010 });
});

test('a stepped wall clock is saved at once: a restart would take the step for time that went by', () => {
  log.flush({ elapsed: 100, wall: 8_200_100 });
  expect(saved()).toEqual({ sequence: 1, elapsed: 100, wall: 8_200_100 });
});

test('after a rollback what was not saved is saved again', () => {
  db.exec('BEGIN');
  log.append(sale);
  log.flush({ elapsed: 10, wall: 1_000_010 });
  db.exec('ROLLBACK');
  log.load();
  log.flush({ elapsed: 20, wall: 1_000_020 });
  expect(saved()).toEqual({ sequence: 1, elapsed: 20, wall: 1_000_020 });
});

test('a new journal has the small pages that keep a commit of one event cheap', () => {
  expect(db.pragma('page_size', { simple: true })).toBe(PAGE_BYTES);
  expect(PAGE_BYTES).toBe(2048);
});
