import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HubError } from '../../edge/contracts/errors.ts';
import { FRESH_STATE, StateFile } from './state.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'store-hub-bridge-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const POSITION = { incarnation: '1m7w2y7m0v7f3', acked: { sales: 10 }, batch: 'b1', checkpointOffset: 4 };

test('a new one knows nothing, and what is saved is there at the next opening', () => {
  const file = StateFile.open(dir);
  expect(file.state).toEqual(FRESH_STATE);
  file.save({ hub: 'store-1', partition: 7, position: POSITION });
  file.save({ halt: { reason: 'because', code: 'second-writer', at: 5 } });
  file.close();
  const again = StateFile.open(dir);
  expect(again.state).toEqual({
    ...FRESH_STATE,
    hub: 'store-1',
    partition: 7,
    position: POSITION,
    halt: { reason: 'because', code: 'second-writer', at: 5 },
  });
  again.close();
});

test('only one at a time has it, and it is free again after closing', () => {
  const file = StateFile.open(dir);
  expect(() => StateFile.open(dir)).toThrow(expect.objectContaining({ code: 'BRIDGE_LOCKED' }));
  file.save({ partition: 3 });
  expect(StateFile.peek(dir)).toBeUndefined();
  file.close();
  expect(StateFile.peek(dir)?.partition).toBe(3);
  StateFile.open(dir).close();
});

test('another process cannot open it either', () => {
  const file = StateFile.open(dir);
  const look = `
    const SQLite = require('better-sqlite3');
    try { const db = new SQLite(process.argv[1], { timeout: 0 }); db.exec('BEGIN IMMEDIATE'); console.log('open'); }
    catch (error) { console.log(error.code); }`;
  const tryIt = () => execFileSync(process.execPath, ['-e', look, join(dir, 'bridge.db')], { encoding: 'utf8' }).trim();
  expect(tryIt()).toBe('SQLITE_BUSY');
  file.close();
  expect(tryIt()).toBe('open');
});

test('there is nothing to peek at before the first bridge', () => {
  expect(StateFile.peek(dir)).toBeUndefined();
});

test('a file of a newer version is refused with exit code 78', () => {
  StateFile.open(dir).close();
  const db = new SQLite(join(dir, 'bridge.db'));
  db.pragma('user_version = 99');
  db.close();
  try {
    StateFile.open(dir);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(HubError);
    expect((error as HubError).exitCode).toBe(78);
  }
});
