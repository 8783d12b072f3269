import { afterEach, beforeEach, expect, test } from 'vitest';
import { cloudEventText, type JournalRow } from '../../edge/contracts/envelope.ts';
import { JournalReader } from '../../edge/journal/reader.ts';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../../edge/writer.fixture.ts';
import type { EventIdentity } from '../hq/event-record.ts';
import { type ComparisonOptions, JournalComparison } from './resume-comparison.ts';

const HUB = 'store-0042';

let journal: JournalReader;
let incarnation: string;
let sold: Map<number, JournalRow>;

/** A journal of sales 1-150, of which head office confirmed 100. */
beforeEach(() => {
  const folder = temporaryFolder();
  const clocks = new Clocks();
  const writer = openWriter(folder, clocks);
  for (let number = 1; number <= 150; number += 1) writer.process(batchOf([sale(clocks, String(number))]));
  incarnation = writer.incarnation;
  const request = { incarnation, acked: { sales: 100 }, batch: 'b' };
  writer.process(batchOf([], [{ op: 'acknowledge', request }]));
  writer.close();
  journal = JournalReader.open(folder);
  sold = new Map(journal.rows('sales', incarnation, 0, 200).map((row) => [row.streamSequence, row]));
  expect(sold.size).toBe(150);
});
afterEach(() => {
  journal.close();
});

function comparison(rows: ComparisonOptions['journal']['rows'] = (...given) => journal.rows(...given)) {
  return new JournalComparison({
    journal: { rows, dropped: (...given) => journal.dropped(...given) },
    hub: HUB,
    incarnations: [incarnation],
    heads: new Map([[incarnation, journal.heads(incarnation)]]),
    acked: journal.acked(),
    explained: () => 0,
  });
}

/** One partition in which head office holds these sales; those that the journal lacks are another journal's. */
function partitionWith(compared: JournalComparison, ...ranges: [from: number, to: number][]): void {
  compared.begin('sales');
  for (const [from, to] of ranges) {
    for (let streamSequence = from; streamSequence <= to; streamSequence += 1) {
      const row = sold.get(streamSequence);
      const event: EventIdentity = { hub: HUB, incarnation, streamSequence, sequence: streamSequence, drop: undefined };
      compared.record(event, row === undefined ? 'of another journal' : cloudEventText(HUB, row));
    }
  }
  compared.keep();
}

function equalSales(compared: JournalComparison, real = compared.lastSeen(incarnation, 'sales')): number | undefined {
  return compared.equal(incarnation, { sales: real }).sales;
}

test('records that are all there count as far as the journal has the same', () => {
  const compared = comparison();
  partitionWith(compared, [1, 130]);
  expect(equalSales(compared)).toBe(130);
});

test('unsent rows do not count when retention deleted up to beyond the end of the journal', () => {
  const compared = comparison();
  partitionWith(compared, [50_000, 50_010]);
  expect(equalSales(compared)).toBe(100);
  expect(compared.strangeCount).toBe(11);
});

test('unsent rows do not count when nothing of the stream is left and only the checkpoint claims them', () => {
  const compared = comparison();
  partitionWith(compared);
  expect(equalSales(compared, 50_010)).toBe(100);
  expect(equalSales(compared, 60)).toBe(60);
});

test('the first row without a record ends what counts', () => {
  const compared = comparison();
  partitionWith(compared, [90, 110], [112, 150]);
  expect(equalSales(compared)).toBe(110);
  const late = comparison();
  partitionWith(late, [102, 150]);
  expect(equalSales(late)).toBe(100);
});

test('records count together from whichever partition they come', () => {
  const compared = comparison();
  partitionWith(compared, [121, 140]);
  partitionWith(compared, [1, 120]);
  expect(equalSales(compared)).toBe(140);
});

test('of an older incarnation, too, only what was compared counts, up to the first other record', () => {
  const compared = new JournalComparison({
    journal,
    hub: HUB,
    incarnations: [incarnation, 'the-next-one'],
    heads: new Map([
      [incarnation, journal.heads(incarnation)],
      ['the-next-one', {}],
    ]),
    acked: journal.acked(),
    explained: () => 0,
  });
  const other = sold.get(1);
  if (other) sold.set(126, other);
  partitionWith(compared, [1, 150]);
  expect(equalSales(compared)).toBe(125);
  expect(compared.strangeCount).toBe(1);
});

test('what the journal dropped on purpose has no row, and ends nothing', () => {
  const isDropped = ({ streamSequence }: JournalRow) => streamSequence > 110 && streamSequence <= 120;
  const compared = comparison((stream, of, after, limit) =>
    journal
      .rows(stream, of, after, 2_000)
      .filter((row) => !isDropped(row))
      .slice(0, limit),
  );
  partitionWith(compared, [95, 110], [121, 140]);
  expect(equalSales(compared)).toBe(140);
});
