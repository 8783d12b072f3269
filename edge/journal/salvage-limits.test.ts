/** Salvage where it may not end well: logs larger than memory, crashes between its steps, little room, many damages. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import { JournalCheck } from './check.ts';
import { mend, noteDamage } from './damage.ts';
import { PAGE_BYTES as PAGE } from './database.ts';
import { dropUnfinished, exchange, finishExchange, newJournalFile } from './exchange.ts';
import { JournalReader } from './reader.ts';
import type { SalvageReport } from './salvage.ts';

const HUB = 'store-0042';
/** An empty object would match any. */
const nothing = expect.toSatisfy((lost: object) => Object.keys(lost).length === 0, 'nothing lost');

let data: string;
let clocks: Clocks;
const mounts: string[] = [];

beforeEach(() => {
  data = join(temporaryFolder(), 'data');
  mkdirSync(data);
  clocks = new Clocks();
});

afterEach(() => {
  for (const mount of mounts.splice(0)) execFileSync('umount', [mount]);
});

const file = (name: string): string => join(data, name);
const mended = (): SalvageReport | undefined => mend(data, HUB, clocks.wallMs);

/** Sales, of which head office has some. */
function fill(count: number, acknowledged: number): string {
  const writer = openWriter(data, clocks);
  for (let from = 1; from <= count; from += 100) {
    writer.process(batchOf(Array.from({ length: 100 }, (_, index) => sale(clocks, String(from + index)))));
  }
  writer.tick(true);
  const { incarnation } = writer;
  const acked = { sales: acknowledged, devices: 1 };
  writer.process(batchOf([], [{ op: 'acknowledge', request: { incarnation, acked, batch: 'b' } }]));
  writer.close();
  return incarnation;
}

function overwrite(page: number): void {
  const descriptor = openSync(file('journal.db'), 'r+');
  writeSync(descriptor, Buffer.alloc(PAGE, 0xa5), 0, PAGE, (page - 1) * PAGE);
  closeSync(descriptor);
}

function heldSales(incarnation: string): number[] {
  const reader = JournalReader.open(data);
  try {
    const sales: number[] = [];
    for (;;) {
      const rows = reader.rows('sales', incarnation, sales.at(-1) ?? 0, 2000);
      if (rows.length === 0) return sales;
      sales.push(...rows.map((row) => row.streamSequence));
    }
  } finally {
    reader.close();
  }
}

function chain(): string[] {
  const reader = JournalReader.open(data);
  try {
    return reader.incarnations().map(({ reason }) => reason);
  } finally {
    reader.close();
  }
}

describe('before the journal is opened', () => {
  test('a write-ahead log larger than what fits into memory keeps nobody from starting', () => {
    const incarnation = fill(500, 0);
    const writer = openWriter(data, clocks);
    writer.process(batchOf([sale(clocks, 'late')]));
    const copies = ['journal.db', 'journal.db-wal'].map((name) => [name, readFileSync(file(name))] as const);
    writer.close();
    for (const [name, bytes] of copies) writeFileSync(file(name), bytes);
    rmSync(file('journal.db-shm'), { force: true });
    truncateSync(file('journal.db-wal'), 2.25 * 2 ** 30);
    const before = process.memoryUsage().rss;
    expect(mended()).toBeUndefined();
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
    openWriter(data, clocks).close();
    expect(heldSales(incarnation)).toHaveLength(501);
  }, 60_000);
});

describe('a salvage that was interrupted', () => {
  test('before its journal took the place leaves no incarnation that never was', () => {
    const incarnation = fill(500, 100);
    noteDamage(data, 'somebody said so');
    const before = readFileSync(file('incarnations.json'), 'utf8');
    mkdirSync(file('journal.exchange.new'));
    expect(() => mended()).toThrow();
    expect(readFileSync(file('incarnations.json'), 'utf8')).toBe(before);
    rmSync(file('journal.exchange.new'), { recursive: true });
    expect(mended()).toMatchObject({ reason: 'salvage', lost: nothing });
    expect(chain()).toEqual(['new database', 'salvage']);
    expect(heldSales(incarnation)).toHaveLength(500);
  });

  test('and is known beside the journal only, loses nothing for it', () => {
    const incarnation = fill(500, 100);
    const identity = JSON.parse(readFileSync(file('incarnations.json'), 'utf8')) as { chain: object[] };
    const last_known = JSON.stringify({ sales: 500, devices: 1 });
    identity.chain.push({
      incarnation: '1m7w2y7m0v7f3',
      previous: incarnation,
      created: 1,
      reason: 'salvage',
      last_known,
    });
    writeFileSync(file('incarnations.json'), JSON.stringify(identity));
    noteDamage(data, 'somebody said so');
    expect(mended()).toMatchObject({ reason: 'salvage', saved: { sales: 500 }, lost: nothing });
    openWriter(data, clocks).close();
    expect(heldSales(incarnation)).toHaveLength(500);
  });

  test('in the middle of the exchange is finished, and its new journal never removed', () => {
    fill(500, 100);
    renameSync(file('journal.db'), newJournalFile(data));
    writeFileSync(file('journal.db'), 'the old one');
    mkdirSync(file('aside/in the way'), { recursive: true });
    expect(() => exchange(data, 'aside')).toThrow();
    dropUnfinished(data);
    rmSync(file('aside'), { recursive: true });
    finishExchange(data);
    expect(readFileSync(file('aside'), 'utf8')).toBe('the old one');
    expect(chain()).toEqual(['new database']);
  });
});

describe('damage again and again', () => {
  test.each([2048, 4096])(
    'with pages of %s bytes, and the second time nothing but pages left, saves every event',
    (size) => {
      const incarnation = fill(300, 100);
      const db = new SQLite(file('journal.db'));
      db.pragma('journal_mode = DELETE');
      db.pragma(`page_size = ${size}`);
      db.exec('VACUUM');
      db.close();
      overwrite(2);
      noteDamage(data, 'somebody said so');
      expect(mended()).toMatchObject({ saved: { sales: 300 }, lost: nothing });
      openWriter(data, clocks).close();
      overwrite(1);
      noteDamage(data, 'somebody said so');
      expect(mended()).toMatchObject({ saved: { sales: 300 }, lost: nothing });
      openWriter(data, clocks).close();
      expect(heldSales(incarnation)).toHaveLength(300);
    },
  );

  test('keeps the two newest of the damaged files, whatever the clock says', () => {
    fill(100, 0);
    const asides: string[] = [];
    for (const wall of ['2026-11-20', '2026-11-21', '2026-11-22', '1970-01-01']) {
      noteDamage(data, 'somebody said so');
      asides.push(mend(data, HUB, Date.parse(wall))?.aside ?? '');
      openWriter(data, clocks).close();
    }
    const kept = readdirSync(data).filter((name) => name.endsWith('.damaged'));
    expect(kept.map(file).sort()).toEqual([asides[3], asides[2]].sort());
    expect(readdirSync(data).filter((name) => /damaged-(wal|shm)$/.test(name)).length).toBeLessThanOrEqual(4);
  });
});

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: a salvage on a disk with little room needs root, for a mount of its own');
if (!isRoot && process.env.CI === 'true') throw new Error('CI must run as root');

describe.skipIf(!isRoot)('on a disk with little room', () => {
  function mounted(bytes: number): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', data]);
    mounts.push(data);
  }

  test('what head office has is left behind, and the damaged files of earlier times', () => {
    mounted(8 * 2 ** 20);
    const incarnation = fill(9000, 8500);
    writeFileSync(file('journal.db.20260101T000000Z.damaged'), Buffer.alloc(2 * 2 ** 20, 1));
    const room = 8 * 2 ** 20 - readdirSync(data).reduce((sum, name) => sum + statSync(file(name)).size, 0);
    writeFileSync(file('others'), Buffer.alloc(room - 512 * 1024, 1));
    noteDamage(data, 'somebody said so');
    expect(mended()).toMatchObject({ reason: 'salvage', lost: nothing });
    expect(existsSync(file('journal.db.20260101T000000Z.damaged'))).toBe(false);
    openWriter(data, clocks).close();
    const sales = heldSales(incarnation);
    expect([sales[0], sales.at(-1), sales.length]).toEqual([8501, 9000, 500]);
  });

  test('without room even for that nothing is lost, nothing more is used, and the next start tries again', () => {
    mounted(8 * 2 ** 20);
    const incarnation = fill(9000, 0);
    const room = 8 * 2 ** 20 - readdirSync(data).reduce((sum, name) => sum + statSync(file(name)).size, 0);
    writeFileSync(file('others'), Buffer.alloc(room - 256 * 1024, 1));
    noteDamage(data, 'somebody said so');
    for (let start = 0; start < 2; start += 1) {
      expect(() => mended()).toThrow(expect.objectContaining({ code: 'NOT_STORED' }));
      expect(readdirSync(data).filter((name) => /new|exchange/.test(name))).toEqual([]);
    }
    rmSync(file('others'));
    expect(mended()).toMatchObject({ reason: 'salvage', saved: { sales: 9000 }, lost: nothing });
    openWriter(data, clocks).close();
    expect(heldSales(incarnation)).toHaveLength(9000);
  });
});

describe('an index that alone is overwritten', () => {
  function indexes(): { name: string; root: number; table: string }[] {
    const db = new SQLite(file('journal.db'), { readonly: true });
    const found = db
      .prepare(
        'SELECT name, rootpage AS root, tbl_name AS "table" FROM sqlite_master WHERE type = \'index\' AND rootpage > 0',
      )
      .all() as { name: string; root: number; table: string }[];
    db.close();
    return found;
  }

  test.each([
    'rule_wakes',
    'rule_faults',
    'dead_letters_by_age',
    'drops_by_range',
    'sqlite_autoindex_incarnations_1',
    'sqlite_autoindex_event_types_1',
    'sqlite_autoindex_dead_letters_2',
  ])('%s: the check finds it, and the salvage loses nothing', async (name) => {
    const incarnation = fill(300, 100);
    const root = indexes().find((index) => index.name === name)?.root ?? expect.unreachable(`no index ${name}`);
    overwrite(root);
    const cause = await new Promise<string | undefined>((resolve) => {
      const check = new JournalCheck({
        dataDir: data,
        isIdle: () => true,
        onDamage: resolve,
        onSound: () => resolve(undefined),
      });
      check.soon();
    });
    expect(cause).toBeTypeOf('string');
    noteDamage(data, cause ?? '');
    expect(mended()).toMatchObject({ reason: 'salvage', saved: { sales: 300 }, lost: nothing });
    const writer = openWriter(data, clocks);
    expect(writer.process(batchOf([sale(clocks, '7')])).receipts).toEqual([
      { outcome: 'accepted', accepted: 0, repeated: 1 },
    ]);
    writer.close();
    expect(heldSales(incarnation)).toHaveLength(300);
  });
});
