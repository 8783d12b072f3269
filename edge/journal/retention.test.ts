import { describe, expect, it } from 'vitest';
import { batchOf, Clocks, openWriter, sale, temporaryFolder } from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { JournalReader } from './reader.ts';

const HOUR = 3_600_000;

/** An hour of the shop: a sale and what the writer does by itself. */
function hour(writer: Writer, clocks: Clocks, transaction: number): void {
  writer.process(batchOf([sale(clocks, String(transaction))]));
  clocks.pass(HOUR);
  writer.tick(true);
}

function sales(folder: string): string[] {
  const reader = JournalReader.open(folder);
  try {
    const [{ incarnation } = expect.unreachable()] = reader.incarnations();
    return reader.rows('sales', incarnation, 0, 100).map((row) => row.subject.slice('till-1/'.length));
  } finally {
    reader.close();
  }
}

describe('retention', () => {
  it('without a cloud keeps events by age', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const retention = { cloud: false, keepMs: 5 * HOUR, keepAcknowledgedMs: HOUR };
    const writer = openWriter(folder, clocks, { retention });
    for (let i = 1; i <= 10; i += 1) hour(writer, clocks, i);
    const left = sales(folder);
    expect(left.at(-1)).toBe('10');
    expect(left.length).toBeGreaterThanOrEqual(5);
    expect(left.length).toBeLessThanOrEqual(7);
    writer.close();
  });

  it('with a cloud keeps everything that is not acknowledged, and the rest for keep_acknowledged', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const retention = { cloud: true, keepMs: HOUR, keepAcknowledgedMs: 2 * HOUR };
    const writer = openWriter(folder, clocks, { retention });
    for (let i = 1; i <= 6; i += 1) hour(writer, clocks, i);
    expect(sales(folder)).toHaveLength(6);
    const acked = { incarnation: writer.incarnation, acked: { sales: 4 }, batch: 'b' };
    writer.process(batchOf([], [{ op: 'acknowledge', request: acked }]));
    hour(writer, clocks, 7);
    expect(sales(folder)).toHaveLength(7);
    for (let i = 8; i <= 10; i += 1) hour(writer, clocks, i);
    expect(sales(folder)).toEqual(['5', '6', '7', '8', '9', '10']);
    for (let i = 11; i <= 16; i += 1) hour(writer, clocks, i);
    expect(sales(folder)[0]).toBe('5');
    writer.close();
  });
});
