import { describe, expect, it } from 'vitest';
import type { JournalRow } from '../contracts/envelope.ts';
import type { Delivery } from '../contracts/intake.ts';
import type { Stream } from '../contracts/streams.ts';
import { batchOf, Clocks, delivery, openWriter, reading, temporaryFolder } from '../writer.fixture.ts';
import type { Writer } from '../writer.ts';
import { JournalReader } from './reader.ts';

const MIB = 2 ** 20;
const PADDING = 'x'.repeat(900);

/** The writer is opened again with the small budget: what it holds then is over it. */
const SMALL = { diskBudget: 2 * MIB };

function crossings(clocks: Clocks, count: number): Delivery[] {
  return Array.from({ length: count }, () =>
    delivery(clocks, 'traffic', 'counter-1', reading('door', { line: 'door', in: 1, out: 0, readingId: PADDING })),
  );
}

function sales(clocks: Clocks, count: number): Delivery[] {
  return Array.from({ length: count }, () =>
    delivery(clocks, 'sale', 'till-1', reading('till-1/1', { readingId: PADDING })),
  );
}

let levels = 0;
function shelves(clocks: Clocks, count: number): Delivery[] {
  return Array.from({ length: count }, () => {
    levels += 1;
    const body = { shelf: 'B1', gtin: '09521234543213', count: levels, readingId: PADDING };
    return delivery(clocks, 'shelf', 'sensor-1', reading('B1', body));
  });
}

let beats = 0;
function statuses(clocks: Clocks, count: number): Delivery[] {
  return Array.from({ length: count }, () => {
    beats += 1;
    return delivery(
      clocks,
      'status',
      `device-${PADDING}`,
      reading('d', { online: beats % 2 === 0, battery_percent: beats % 100 }),
    );
  });
}

function held(folder: string, stream: Stream): JournalRow[] {
  const reader = JournalReader.open(folder);
  try {
    return reader.incarnations().flatMap(({ incarnation }) => {
      const rows: JournalRow[] = [];
      for (;;) {
        const page = reader.rows(stream, incarnation, rows.at(-1)?.streamSequence ?? 0, 2000);
        if (page.length === 0) return rows;
        rows.push(...page);
      }
    });
  } finally {
    reader.close();
  }
}

function droppedOf(folder: string, stream: Stream): { from: number; to: number }[] {
  const reader = JournalReader.open(folder);
  try {
    return reader
      .incarnations()
      .flatMap(({ incarnation }) => reader.dropped(stream, incarnation, 0, Number.MAX_SAFE_INTEGER));
  } finally {
    reader.close();
  }
}

function settle(writer: Writer): Writer {
  for (let i = 0; i < 60; i += 1) writer.tick(true);
  return writer;
}

function acknowledge(writer: Writer, acked: Partial<Record<Stream, number>>): void {
  const request = { incarnation: writer.incarnation, acked, batch: 'b' };
  writer.process(batchOf([], [{ op: 'acknowledge', request }]));
}

function reserve(writer: Writer, to: Partial<Record<Stream, number>>) {
  const request = { incarnation: writer.incarnation, from: {}, to };
  const [answer] = writer.process(batchOf([], [{ op: 'reserve', request }])).answers;
  return answer?.ok ? (answer.value as { dropped: unknown[]; events: number }) : expect.unreachable();
}

describe('over the disk budget', () => {
  it('what head office acknowledged goes first, and nothing is dropped for it', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf([...sales(clocks, 2000), ...crossings(clocks, 200)]));
    acknowledge(first, { sales: 1900 });
    first.close();
    settle(openWriter(folder, clocks, SMALL)).close();
    expect(held(folder, 'sales').length).toBeLessThan(2000);
    expect(held(folder, 'sales').length).toBeGreaterThanOrEqual(100);
    expect(held(folder, 'traffic').length).toBe(200);
    expect(droppedOf(folder, 'sales')).toEqual([]);
  });

  it('then the oldest traffic, then shelves, then sales, and all that is gone is told as drops that join', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf([...sales(clocks, 1200), ...shelves(clocks, 500), ...crossings(clocks, 1000)]));
    first.close();
    const writer = settle(openWriter(folder, clocks, SMALL));
    const traffic = droppedOf(folder, 'traffic');
    expect(traffic).toMatchObject([{ from: 1 }]);
    expect(held(folder, 'traffic').length + (traffic[0]?.to ?? 0)).toBe(1000);
    expect(droppedOf(folder, 'sales')).toEqual([]);
    // More sales come: now the shelves have to go, then the oldest sales, and never the newest.
    for (let i = 0; i < 10; i += 1) writer.process(batchOf(sales(clocks, 200)));
    settle(writer);
    expect(held(folder, 'traffic')).toEqual([]);
    expect(droppedOf(folder, 'traffic')).toEqual([{ from: 1, to: 1000 }]);
    expect(droppedOf(folder, 'shelves')).toEqual([{ from: 1, to: 500 }]);
    const rest = held(folder, 'sales').map((row) => row.streamSequence);
    expect(rest.at(-1)).toBe(3200);
    expect(droppedOf(folder, 'sales')).toEqual([{ from: 1, to: (rest[0] ?? 0) - 1 }]);
    const { figures } = writer.tick(true);
    expect(figures).toMatchObject({ refusing: undefined, dropped: { traffic: 1000, shelves: 500 } });
    expect(figures.usedBytes + figures.walBytes).toBeLessThan(1.1 * SMALL.diskBudget);
    writer.close();
  });

  it('keeps what the bridge has reserved, and tells it what of its range is gone', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf(crossings(clocks, 3000)));
    expect(reserve(first, { traffic: 300 }).dropped).toEqual([]);
    first.close();
    const writer = settle(openWriter(folder, clocks, SMALL));
    const rows = held(folder, 'traffic').map((row) => row.streamSequence);
    expect(rows.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    const [gone] = droppedOf(folder, 'traffic');
    expect(gone?.from).toBe(301);
    expect(rows[300]).toBe((gone?.to ?? 0) + 1);
    const answer = reserve(writer, { traffic: 1000, devices: 1 });
    expect(answer).toEqual({ dropped: [{ stream: 'traffic', from: 301, to: 1000 }], events: 2 });
    const told = held(folder, 'devices').filter((row) => row.type === 'retail.devices.dropped.v1');
    expect(told.map((row) => JSON.parse(row.data))).toMatchObject([
      { stream: 'traffic', count: (gone?.to ?? 0) - 300, reason: 'the disk budget was used up' },
    ]);
    writer.close();
  });

  it('leaves the events that tell of drops and incarnations, and splits the range around them', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf([...crossings(clocks, 10), ...statuses(clocks, 300)]));
    first.close();
    // With the smallest budget there is no room for anything but what must stay.
    const tiny = { diskBudget: MIB / 4 };
    const writer = settle(openWriter(folder, clocks, tiny));
    reserve(writer, {});
    writer.process(batchOf(statuses(clocks, 300)));
    settle(writer);
    const types = held(folder, 'devices').map((row) => row.type);
    expect(types.filter((type) => type === 'retail.devices.incarnation.v1')).toHaveLength(1);
    expect(types.filter((type) => type === 'retail.devices.dropped.v1').length).toBeGreaterThan(1);
    const gone = droppedOf(folder, 'devices');
    expect(gone[0]?.from).toBe(2);
    expect(gone.length).toBeGreaterThan(1);
    const all = [
      ...gone,
      ...held(folder, 'devices').map((row) => ({ from: row.streamSequence, to: row.streamSequence })),
    ]
      .sort((a, b) => a.from - b.from)
      .flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n));
    expect(all).toEqual(Array.from({ length: all.length }, (_, n) => n + 1));
    writer.close();
  });

  it('refuses facts only when nothing may go any more, and takes them again when something may', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf(sales(clocks, 2000)));
    reserve(first, { sales: 2000 });
    first.close();
    const writer = settle(openWriter(folder, clocks, SMALL));
    const again = writer.process(batchOf(sales(clocks, 1)));
    expect(again.receipts).toEqual([
      { outcome: 'not-stored', reason: 'the disk budget is used up, and nothing of it may be dropped' },
    ]);
    acknowledge(writer, { sales: 2000 });
    settle(writer);
    expect(writer.process(batchOf(sales(clocks, 1))).receipts).toEqual([undefined]);
    writer.close();
  }, 10_000);

  it('rests when nothing more may go although it is within the budget again', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf(sales(clocks, 8000)));
    const used = first.tick(true).figures.usedBytes;
    first.process(batchOf(crossings(clocks, 1500)));
    reserve(first, { sales: 8000 });
    first.close();
    // What is reserved fills the budget nearly; only the crossings are too much.
    const writer = settle(openWriter(folder, clocks, { diskBudget: Math.floor(used / 0.97) }));
    expect(held(folder, 'traffic')).toEqual([]);
    expect(held(folder, 'sales')).toHaveLength(8000);
    expect(writer.tick(true).figures.refusing).toBeUndefined();
    expect(writer.restMs()).toBeGreaterThan(500);
    writer.close();
  });

  it('becomes events at the next heartbeat without a cloud', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf(crossings(clocks, 3000)));
    first.close();
    const retention = { cloud: false, keepMs: 30 * 86_400_000, keepAcknowledgedMs: 86_400_000 };
    const writer = openWriter(folder, clocks, { ...SMALL, retention });
    writer.settle();
    const { alerts, figures } = writer.process(batchOf([]));
    expect(alerts).toMatchObject([{ rule: 'buffer-space', title: 'Storage full', state: 'open' }]);
    expect(figures.dropping).toMatchObject({ counts: { traffic: expect.any(Number) }, isOver: false });
    settle(writer);
    const beat = { op: 'beat', buffer: { events: 0, oldest_age_s: 0 }, synced: true } as const;
    writer.process(batchOf([], [beat]));
    const told = held(folder, 'devices').filter((row) => row.type === 'retail.devices.dropped.v1');
    expect(told).toHaveLength(1);
    writer.close();
  });
});

describe('nearly full of what head office does not have', () => {
  it('alerts staff from 90 % on, and resolves it when there is room again', async () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks, SMALL);
    for (let i = 0; i < 16; i += 1) writer.process(batchOf(crossings(clocks, 100)));
    await new Promise((done) => setTimeout(done, 1100));
    const [alert] = writer.process(batchOf([])).alerts;
    expect(alert).toMatchObject({ rule: 'buffer-space', subject: 'store-0042', state: 'open', severity: 'critical' });
    expect(alert?.detail).toMatch(/internet connection/);
    acknowledge(writer, { traffic: 1600 });
    await new Promise((done) => setTimeout(done, 1100));
    expect(writer.process(batchOf([])).alerts).toMatchObject([{ id: alert?.id, state: 'resolved' }]);
    writer.close();
  });
});
