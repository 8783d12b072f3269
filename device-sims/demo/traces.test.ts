import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLedger } from '../world/ledger.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { judgeTraces } from './traces.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'store-hub-traces-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function ledger() {
  const book = openLedger(TINY_SHOP, () => 0);
  const [consented, not] = [
    { number: 1, app: 'app-consented1' },
    { number: 2, app: 'app-never00001' },
  ];
  book.record({ kind: 'consent', who: consented, granted: true });
  for (const who of [consented, not]) book.record({ kind: 'zone-entered', who, zone: 'beverages' });
  return book;
}

test('who consented may stand in shoppers.db, its write-ahead log included, and nobody elsewhere', async () => {
  await writeFile(join(dir, 'shoppers.db'), 'xx app-consented1 xx');
  await writeFile(join(dir, 'shoppers.db-wal'), 'app-consented1');
  await writeFile(join(dir, 'journal.db'), 'nobody');
  expect(await judgeTraces(ledger(), dir, ['a line'])).toEqual([]);
  await writeFile(join(dir, 'journal.db'), 'xx app-consented1 xx');
  expect(await judgeTraces(ledger(), dir, [])).toEqual(['1 pseudonyms stand in journal.db, 0 of them without consent']);
});

test('who never consented may stand nowhere', async () => {
  await writeFile(join(dir, 'shoppers.db'), 'app-consented1 app-never00001');
  expect(await judgeTraces(ledger(), dir, ['{"msg":"app-never00001"}'])).toEqual([
    '1 pseudonyms stand in the log, 1 of them without consent',
    '1 pseudonyms stand in shoppers.db, 1 of them without consent',
  ]);
});
