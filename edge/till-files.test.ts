/** Tills that only write files, and a real edge that takes them. */
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { CSV_HEADER, csvText, encoded, posLogText, writeAsTill } from '../device-sims/devices/till-files.ts';
import { describeWithLoopDisk, makeLoopDisk } from '../device-sims/harness/loop-disk.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { FileShop, receiptOf, receipts } from './till-files.fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

let shop: FileShop | undefined;

afterEach(async () => {
  await shop?.close();
  shop = undefined;
});

async function open(...args: Parameters<typeof FileShop.open>): Promise<FileShop> {
  shop = await FileShop.open(...args);
  return shop;
}

function numbers(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => `${from + index}`);
}

it('a file is kept, and taken once, over restarts and touches; a new one under its name is another', async () => {
  const own = await open('csv');
  writeFileSync(own.path('a.csv'), csvText(receipts(3)));
  await own.untilSold(3);
  await own.store.edge.stop();
  utimesSync(own.path('a.csv'), new Date(), new Date());
  await own.store.edge.start();
  writeFileSync(own.path('b.csv'), csvText(receipts(2, 4)));
  await own.untilSold(5);
  // A till that goes on in the same file: what is new in it is new.
  appendFileSync(
    own.path('b.csv'),
    csvText([receiptOf(6)])
      .split('\r\n')
      .slice(1)
      .join('\r\n'),
  );
  await own.untilSold(6);
  await delay(600);
  expect(own.transactions()).toEqual(numbers(6));
  expect(own.names()).toEqual(['a.csv', 'b.csv']);
  expect(await own.letters()).toEqual([]);
  const repeats = own.said().filter((line) => /"repeated":[1-9]/.test(line));
  expect(repeats).toHaveLength(1);
  expect(own.sales()[0]).toMatchObject({
    till: 'till-2',
    business_day: '2026-11-20',
    lines: [
      { gtin: '09521234543213', quantity: '2', price: { amount: 129, currency: 'EUR' } },
      { gtin: '00000096385074' },
    ],
  });
});

it('taken files are moved and their names never collide, broken ones are refused as a whole, with line and column', async () => {
  const own = await open('csv', { after: 'move' });
  await writeAsTill(own.path('day.csv'), Buffer.from(csvText(receipts(3))), { renamed: true });
  await own.untilSold(3);
  await waitUntil('the move', () => own.names('taken').length === 1);
  writeFileSync(own.path('day.csv'), csvText(receipts(2, 4)));
  await waitUntil('the second move', () => own.names('taken').length === 2);
  expect(own.names('taken')).toEqual(['day.csv', 'day.csv.1']);
  const broken = csvText(receipts(2000, 100)).replace(/9521234543213(?![\s\S]*9521234543213)/, '9521234543219');
  writeFileSync(own.path('broken.csv'), broken);
  const [letter] = await own.untilRefused(1);
  expect(letter).toMatchObject({
    device: 'tills',
    reason:
      'broken.csv: line 4000, column EAN: "9521234543219" is no GTIN: correct it, or add it to codes of the device',
    count: 1,
  });
  await waitUntil('the move of the refused', () => own.names('refused').length === 1);
  expect(own.names()).toEqual(['refused', 'taken']);
  const again = await own.store.run(['dead-letters', 'retry', letter?.id ?? '']);
  const [from, to] = [own.path('refused'), own.folder];
  expect(again.stderr).toContain(`correct it in ${from}, and put it back into ${to} (broken.csv: line 4000`);
  // Mended and put back, it is taken.
  writeFileSync(own.path('broken.csv'), broken.replace('9521234543219', '9521234543213'));
  await own.untilSold(2005);
  expect(own.transactions()).toEqual([...numbers(5), ...numbers(2000, 100)]);
});

it('taken files are deleted, refused ones never', async () => {
  const own = await open('poslog', { after: 'delete' });
  writeFileSync(own.path('good.xml'), posLogText(receipts(2)));
  writeFileSync(own.path('bad.xml'), posLogText(receipts(2, 3)).slice(0, 900));
  await own.untilSold(2);
  const [letter] = await own.untilRefused(1);
  expect(letter?.reason).toMatch(/^bad.xml: line \d+: not well-formed XML: unclosed tag/);
  await waitUntil('the deletion', () => own.names().length === 1);
  expect(own.names()).toEqual(['bad.xml']);
  // It is not refused again and again.
  await own.store.edge.stop();
  await own.store.edge.start();
  writeFileSync(own.path('more.xml'), posLogText(receipts(1, 5)));
  await own.untilSold(3);
  expect(await own.letters()).toMatchObject([{ count: 1 }]);
});

it('a file of 20,000 lines is taken exactly once through kill -9 again and again', async () => {
  const own = await open('csv', { after: 'move' });
  const text = csvText(receipts(10_000));
  expect(text.split('\r\n').length).toBeGreaterThan(20_000);
  await writeAsTill(own.path('big.csv'), Buffer.from(text), { pieces: 5, pauseMs: 20, renamed: true });
  const seen: number[] = [];
  for (let kill = 0; kill < 5; kill += 1) {
    const before = own.sales().length;
    await waitUntil('some of it', () => own.sales().length > before || before === 10_000, { everyMs: 5 });
    await own.store.edge.kill();
    seen.push(own.sales().length);
    await own.store.edge.start();
  }
  expect(seen.some((count) => count > 0 && count < 10_000)).toBe(true);
  await own.untilSold(10_000);
  await waitUntil('the move', () => own.names('taken').length === 1);
  expect(own.transactions()).toEqual(numbers(10_000));
  expect(await own.letters()).toEqual([]);
});

it('a file that grows slowly, or was half-written when the hub stopped, is taken when it rests, whole', async () => {
  const own = await open('poslog', { settle: '700ms' });
  const bytes = encoded(posLogText(receipts(200), { encoding: 'ISO-8859-1' }), 'ISO-8859-1');
  const writing = writeAsTill(own.path('slow.xml'), bytes, { pieces: 12, pauseMs: 250 });
  await delay(1200);
  await own.store.edge.kill();
  await own.store.edge.start();
  expect(own.sales()).toEqual([]);
  await writing;
  await own.untilSold(200);
  expect(own.transactions()).toEqual(numbers(200));
  expect(await own.letters()).toEqual([]);
  // One that was left half-written is refused, and taken when the till completes it.
  await writeAsTill(own.path('torn.xml'), bytes, { upTo: 5000 });
  await own.untilRefused(1);
  truncateSync(own.path('torn.xml'), 0);
  appendFileSync(own.path('torn.xml'), posLogText(receipts(3, 1000)));
  await own.untilSold(203);
});

it('a file that cannot be moved is told of, not taken again, and moved when that is mended', async () => {
  const own = await open('csv', { after: 'move' });
  writeFileSync(own.path('taken'), 'a file is in the way');
  writeFileSync(own.path('a.csv'), csvText(receipts(2)));
  await own.untilSaid('a.csv cannot be moved to taken/: ');
  await own.store.edge.stop();
  rmSync(own.path('taken'));
  // It may lead anywhere.
  symlinkSync(own.store.dir, own.path('taken'));
  await own.store.edge.start();
  await own.untilSaid('taken is a link, which is not followed');
  rmSync(own.path('taken'));
  await waitUntil('the move', () => own.names('taken').length === 1);
  await own.untilSaid('it works again');
  expect(own.transactions()).toEqual(['1', '2']);
});

it('somebody who writes without a pause does not keep other files from being taken', async () => {
  const own = await open('csv', { after: 'move' });
  writeFileSync(own.path('endless.csv'), csvText([]));
  const writing = setInterval(() => appendFileSync(own.path('endless.csv'), '\r\n'), 20);
  try {
    await delay(500);
    writeFileSync(own.path('a.csv'), csvText(receipts(2)));
    await own.untilSold(2, 10_000);
    expect(own.names()).toContain('endless.csv');
  } finally {
    clearInterval(writing);
  }
});

it('five thousand small files are taken, each once, oldest first', async () => {
  const own = await open('csv', { after: 'move', settle: '500ms' });
  const started = performance.now();
  for (let i = 1; i <= 5000; i += 1) {
    writeFileSync(own.path(`bon-${i}.csv`), csvText([receiptOf(i)]));
    utimesSync(own.path(`bon-${i}.csv`), 1_795_000_000 + i, 1_795_000_000 + i);
  }
  await own.untilSold(5000, 100_000);
  console.log(`5,000 files in ${Math.round((performance.now() - started) / 100) / 10} s`);
  await waitUntil('the moves', () => own.names().length === 1, { everyMs: 300 });
  expect(new Set(own.transactions()).size).toBe(5000);
  // What was there at the first look came in order.
  const last = own.transactions().slice(-500).map(Number);
  expect(last).toEqual([...last].sort((a, b) => a - b));
});

it('links, folders and hidden files are left alone, odd names are taken', async () => {
  const own = await open('csv', { after: 'move' });
  const outside = `${own.store.dir}/outside.csv`;
  writeFileSync(outside, csvText(receipts(1, 50)));
  symlinkSync(outside, own.path('link.csv'));
  mkdirSync(own.path('folder.csv'));
  writeFileSync(own.path('.hidden.csv'), csvText(receipts(1, 60)));
  writeFileSync(own.path('other.txt'), csvText(receipts(1, 70)));
  writeFileSync(
    Buffer.concat([Buffer.from(`${own.folder}/`), Buffer.from([0xff, 0x20, 0x27]), Buffer.from('ü.csv')]),
    csvText(receipts(2)),
  );
  await own.untilSold(2);
  await waitUntil('the move', () => own.names('taken').length === 1);
  await own.untilSaid('link.csv is a link, which is not followed');
  rmSync(own.path('link.csv'));
  await own.untilSaid('it works again');
  expect(own.transactions()).toEqual(['1', '2']);
});

it('a folder that is away is told of and waited for, and what a share held before it was away is not taken again', async () => {
  const own = await open('csv', { path: './later' }, { mapping: { ...mappingOf(), till: '=till-9' } });
  await own.untilSaid('there is no such folder');
  expect((await fetch(`${own.store.httpUrl}/health/ready`)).status).toBe(200);
  const later = `${own.store.dir}/later`;
  mkdirSync(later);
  writeFileSync(`${later}/a.csv`, csvText(receipts(2)));
  await own.untilSold(2);
  await own.untilSaid('it works again');
  // A share that is unmounted looks empty, and comes back with what was taken.
  renameSync(later, `${later}-away`);
  mkdirSync(later);
  await delay(4000);
  rmSync(later, { recursive: true });
  renameSync(`${later}-away`, later);
  writeFileSync(`${later}/b.csv`, csvText(receipts(1, 3)));
  await own.untilSold(3);
  await delay(500);
  expect(own.transactions()).toEqual(['1', '2', '3']);
});

it('a folder that is away does not hold up another', async () => {
  const own = await open('csv');
  const second = `${own.store.dir}/second`;
  mkdirSync(second);
  await own.store.edge.stop();
  const device = (name: string, path: string) => ({
    ...{ name, codec: 'poslog', mapping: { currency: '=EUR' } },
    folder: { path, files: '*.xml', settle: '200ms', after: 'move' },
  });
  await own.store.configure({ devices: [device('away', './nowhere'), device('tills', second)] });
  await own.store.edge.start();
  writeFileSync(`${second}/a.xml`, posLogText(receipts(2)));
  await own.untilSold(2);
  expect(own.store.edge.lines.join('\n')).toContain('there is no such folder');
  const { stdout } = await own.store.run(['devices', 'list', '--json']);
  expect(stdout).toContain('there is no such folder');
});

describeWithLoopDisk('on a disk that others have filled', [], () => {
  it('files wait in their order, and are taken once when there is room', async () => {
    const disk = await makeLoopDisk(96);
    try {
      const own = await open('csv', { after: 'move' }, {}, join(disk.dir, 'data'));
      disk.fill();
      writeFileSync(own.path('1.csv'), csvText(receipts(20_000)));
      utimesSync(own.path('1.csv'), 1_795_000_000, 1_795_000_000);
      writeFileSync(own.path('2.csv'), csvText(receipts(10, 20_001)));
      await own.untilSaid('its files wait, nothing can be stored now');
      await delay(1500);
      expect(own.names()).toEqual(['1.csv', '2.csv']);
      disk.empty();
      await own.untilSold(20_010, 60_000);
      await waitUntil('the moves', () => own.names('taken').length === 2);
      expect(own.transactions()).toEqual(numbers(20_010));
      await own.close();
      shop = undefined;
    } finally {
      await shop?.close();
      shop = undefined;
      await disk.remove();
    }
  });
});

it('a bomb of entities, a card in the wrong column and a giant are refused, and nothing of a card is kept', async () => {
  const own = await open('csv', { files: '*' });
  writeFileSync(own.path('bomb.xml'), '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>');
  writeFileSync(
    own.path('card-4111111111111111.csv'),
    `${CSV_HEADER.join(';')}\n1;1;20.11.2026;;4111111111111111;;1;1;;\n`,
  );
  writeFileSync(own.path('empty.csv'), '');
  writeFileSync(own.path('giant.csv'), '');
  truncateSync(own.path('giant.csv'), 68 * 2 ** 20);
  const letters = await own.untilRefused(4);
  const reasons = letters.map(({ reason }) => reason).sort();
  expect(reasons).toEqual([
    expect.stringMatching(/^bomb.xml: line 1/),
    'card-411111******1111.csv: line 2, column EAN: "411111******1111" is no GTIN: correct it, or add it to codes of the device',
    'empty.csv: the file is empty: expected a line with the names of the columns',
    'giant.csv: larger than 64 MiB: expected smaller files, such as one a day',
  ]);
  // A till may be called anything.
  writeFileSync(own.path('till.csv'), csvText([receiptOf(1, { workstation: '4111111111111111' })]));
  await own.untilSold(1);
  const { stdout } = await own.store.run(['journal', 'export']);
  expect(stdout).toContain('411111******1111');
  expect(stdout).not.toContain('4111111111111111');
  expect(own.store.edge.lines.join('\n')).not.toContain('4111111111111111');
});

function mappingOf(): Record<string, string> {
  return { transaction: 'Bon', business_day: 'Tag', gtin: 'EAN', quantity: 'Menge', amount: 'Preis', currency: '=EUR' };
}
