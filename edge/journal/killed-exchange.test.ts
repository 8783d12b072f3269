/**
 * Salvage and restore killed (-9) at each system call that changes what is on the disk, one after the other: afterwards
 * the journal is the old one or the new one, and the next start finishes what was begun.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import { backUp } from './backup.ts';
import { mend, noteDamage } from './damage.ts';
import { JournalReader } from './reader.ts';

const HUB = 'store-0042';
const SALES = 300;
const CALLS = ['fsync', 'fdatasync', 'rename', 'unlink'];
/** More than either does of one of them. */
const MOST = 30;

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const isAble = hasStrace();
if (!isAble) console.warn('SKIPPED: kills between the steps of a salvage need strace');
if (!isAble && process.env.CI === 'true') throw new Error('CI must have strace');

function fill(data: string, count: number): void {
  mkdirSync(data);
  const clocks = new Clocks();
  const writer = openWriter(data, clocks);
  writer.process(batchOf(Array.from({ length: count }, (_, index) => sale(clocks, String(index)))));
  writer.tick(true);
  writer.close();
}

/** Runs it in a process of its own that dies at the n-th of such system calls; whether it came to its end before. */
function survives(module: string, call: string, kind: string, n: number): boolean {
  const url = pathToFileURL(resolve(`dist/edge/journal/${module}.js`)).href;
  const code = `const m = await import(${JSON.stringify(url)}); await m.${call}; process.stdout.write('done')`;
  const inject = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${kind}`, '-e', `inject=${kind}:signal=KILL:when=${n}`];
  const { stdout } = spawnSync('strace', [...inject, process.execPath, '--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  return stdout === 'done';
}

/** `kill` says whether it came to its end: then all calls of this kind are through. */
function everyKill(kill: (kind: string, n: number) => boolean): void {
  for (const kind of CALLS) {
    let n = 1;
    for (; !kill(kind, n); n += 1) expect(n).toBeLessThan(MOST);
  }
}

function look(data: string): { chain: string[]; sales: number } {
  openWriter(data, new Clocks()).close();
  const reader = JournalReader.open(data);
  try {
    const [first] = reader.incarnations();
    return {
      chain: reader.incarnations().map(({ reason }) => reason),
      sales: reader.rows('sales', first?.incarnation ?? '', 0, 2000).length,
    };
  } finally {
    reader.close();
  }
}

const leftovers = (data: string): string[] =>
  readdirSync(data).filter((name) => /^journal\.(db\.new|exchange$|damaged)/.test(name));

describe.skipIf(!isAble)('killed at each of its steps', () => {
  test('a salvage is done by the next start, once, with every event', () => {
    const folder = temporaryFolder();
    fill(join(folder, 'origin'), SALES);
    noteDamage(join(folder, 'origin'), 'somebody said so');
    const seen = new Set<string>();
    const kill = (kind: string, n: number): boolean => {
      const data = join(folder, `${kind}-${n}`);
      cpSync(join(folder, 'origin'), data, { recursive: true });
      if (survives('damage', `mend(${JSON.stringify(data)}, '${HUB}', Date.now())`, kind, n)) return true;
      const there = (name: string): boolean => existsSync(join(data, name));
      if (there('journal.db.new') && !there('journal.exchange')) seen.add('while it was made');
      if (there('journal.db.new') && there('journal.exchange') && there('journal.db')) seen.add('before the exchange');
      if (!there('journal.db')) seen.add('without a journal');
      if (!there('journal.db.new') && there('journal.exchange')) seen.add('after the exchange');
      mend(data, HUB, Date.now());
      expect(leftovers(data)).toEqual([]);
      expect({ kind, n, ...look(data) }).toEqual({ kind, n, chain: ['new database', 'salvage'], sales: SALES });
      expect(mend(data, HUB, Date.now())).toBeUndefined();
      return false;
    };
    for (const n of [40, 80, 160]) expect(kill('pwrite64', n)).toBe(false);
    everyKill(kill);
    const moments = ['while it was made', 'before the exchange', 'without a journal', 'after the exchange'];
    expect([...seen].sort()).toEqual(moments.sort());
  }, 300_000);

  test('a restore is done or was never begun', async () => {
    const folder = temporaryFolder();
    const origin = join(folder, 'origin');
    fill(origin, 100);
    await backUp(origin, join(folder, 'backup'), false);
    const writer = openWriter(origin, new Clocks());
    writer.process(batchOf(Array.from({ length: 50 }, (_, index) => sale(new Clocks(), `later-${index}`))));
    writer.close();
    const ends = new Set<string>();
    everyKill((kind, n) => {
      const data = join(folder, `${kind}-${n}`);
      cpSync(origin, data, { recursive: true });
      const call = `restore(${JSON.stringify(data)}, '${HUB}', ${JSON.stringify(join(folder, 'backup'))}, Date.now())`;
      const isDone = survives('restore', call, kind, n);
      expect(mend(data, HUB, Date.now())).toBeUndefined();
      expect(leftovers(data)).toEqual([]);
      const { chain, sales } = look(data);
      const end = `${chain.join()} ${sales}`;
      expect(['new database 150', 'new database,restore 100']).toContain(end);
      ends.add(end);
      return isDone;
    });
    expect(ends.size).toBe(2);
  }, 300_000);
});
