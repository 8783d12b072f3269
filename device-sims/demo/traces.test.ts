import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { beaconOf } from '../fleet/bluetooth.ts';
import { judgeTraces } from './traces.ts';

const YES = beaconOf('member-aaaaaaaaaa').name;
const NO = beaconOf('member-bbbbbbbbbb').name;
const CONSENTED = new Set([YES]);

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'store-hub-traces-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('who consented may stand in shoppers.db, its write-ahead log included, and nobody elsewhere', async () => {
  await writeFile(join(dir, 'shoppers.db'), `xx ${YES} xx`);
  // The next column follows at once.
  await writeFile(join(dir, 'shoppers.db-wal'), `${YES}17`);
  await writeFile(join(dir, 'journal.db'), 'nobody');
  expect(await judgeTraces(CONSENTED, dir, ['a line'])).toEqual([]);
  await writeFile(join(dir, 'journal.db'), `xx ${YES} xx`);
  expect(await judgeTraces(CONSENTED, dir, [])).toEqual([
    '1 names of shoppers stand in journal.db, 0 of them without consent',
  ]);
});

test('who never consented may stand nowhere, neither by the phone nor by the card, nor in a frame of a gateway', async () => {
  await writeFile(join(dir, 'shoppers.db'), `${YES} ${NO} `);
  await writeFile(join(dir, 'journal.db'), JSON.stringify({ ibeaconUuid: beaconOf('').uuid.toUpperCase() }));
  expect(await judgeTraces(CONSENTED, dir, ['{"msg":"member-bbbbbbbbbb"}'])).toEqual([
    '1 names of shoppers stand in the log, 1 of them without consent',
    '1 names of shoppers stand in journal.db, 1 of them without consent',
    '1 names of shoppers stand in shoppers.db, 1 of them without consent',
  ]);
});
