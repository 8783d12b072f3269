import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Alert } from './contracts/alerts.ts';
import { cloudEventText } from './contracts/envelope.ts';
import { lockDataDir } from './journal/database.ts';
import { JournalReader } from './journal/reader.ts';
import {
  batchOf,
  Clocks,
  delivery,
  openWriter,
  reading,
  sale,
  shelfCount,
  temporaryFolder,
  WATER,
} from './writer.fixture.ts';
import type { Writer } from './writer.ts';

const FULL = 'the disk budget is used up, and nothing of it may be dropped';

function raiseGap(writer: Writer, clocks: Clocks): Alert {
  writer.process(batchOf([shelfCount(clocks, 2)]));
  clocks.pass(20_000);
  const [alert] = writer.tick(true).alerts;
  if (!alert) throw new Error('no alert was raised');
  return alert;
}

describe('a batch of readings', () => {
  it('journals each fact with sequences that have no gap, and reads back as CloudEvents', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    writer.process(batchOf([sale(clocks, '1'), sale(clocks, '2')]));
    const reader = JournalReader.open(folder);
    const rows = reader.rows('sales', writer.incarnation, 0, 10);
    expect(rows.map((row) => row.streamSequence)).toEqual([1, 2]);
    expect(rows.map((row) => row.sequence)).toEqual([2, 3]); // 1 is the incarnation event
    const event = JSON.parse(cloudEventText(reader.hub, rows[0] ?? expect.unreachable()));
    expect(event).toMatchObject({
      specversion: '1.0',
      id: `store-0042/${writer.incarnation}/0000000000000002`,
      source: '/store-0042/till-1',
      type: 'retail.sales.sold.v1',
      subject: 'till-1/1',
      time: '2026-11-20T09:00:00.000Z',
      streamsequence: '0000000000000001',
      timequality: 'ok',
      data: { readingId: '1', till: 'till-1' },
    });
    expect(reader.find(event.id)).toEqual(rows[0]);
    expect(reader.page({ from: 3, limit: 5 })).toEqual([rows[1]]);
    expect(reader.buffer()).toMatchObject({ events: 3, byStream: { sales: 2, devices: 1 } });
    reader.close();
    writer.close();
  });

  it('stores a resent reading once, also after a restart, and counts one with other content', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    expect(first.process(batchOf([sale(clocks, '1')])).receipts).toEqual([undefined]);
    first.close();
    const writer = openWriter(folder, clocks);
    const other = delivery(
      clocks,
      'sale',
      'till-1',
      reading('till-1/1', { else: 1 }, { identity: 'sale\0till-1\x001' }),
    );
    const reply = writer.process(batchOf([sale(clocks, '1'), other]));
    expect(reply.receipts).toEqual([
      { outcome: 'accepted', accepted: 0, repeated: 1 },
      { outcome: 'accepted', accepted: 0, repeated: 1 },
    ]);
    expect(reply.figures.conflicting).toEqual({ sale: 1 });
    clocks.pass(7 * 86_400_000 + 1000);
    expect(writer.process(batchOf([sale(clocks, '1')])).receipts).toEqual([undefined]);
    writer.close();
  });

  it('makes no fact of a level that did not change, and no commit for it', () => {
    const clocks = new Clocks();
    const writer = openWriter(temporaryFolder(), clocks);
    expect(writer.process(batchOf([shelfCount(clocks, 12)])).figures.committed).toBe(true);
    const again = writer.process(batchOf([shelfCount(clocks, 12)]));
    expect(again.receipts).toEqual([undefined]);
    expect(again.figures).toMatchObject({ committed: false, appended: [] });
    writer.close();
  });

  it('turns weights and fills into items', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    const shelf = (body: object) =>
      delivery(clocks, 'shelf', 'scale-1', reading('A1-3', { shelf: 'A1-3', gtin: WATER.gtin, ...body }));
    writer.process(batchOf([shelf({ weight_g: 350 + 7 * 1020 + 90 }), shelf({ fill: 0.5 }), shelf({ weight_g: 100 })]));
    const reader = JournalReader.open(folder);
    expect(reader.rows('shelves', writer.incarnation, 0, 10).map((row) => JSON.parse(row.data).count)).toEqual([
      7, 12, 0,
    ]);
    reader.close();
    writer.close();
  });

  it('turns running totals into deltas: the first and a reset total only set the mark', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const open = () => openWriter(folder, clocks);
    const total = (total_in: number, total_out: number) =>
      batchOf([delivery(clocks, 'traffic', 'counter-1', reading('door', { line: 'door', total_in, total_out }))]);
    let writer = open();
    expect(writer.process(total(100, 90)).figures).toMatchObject({ committed: true, appended: [] });
    writer.close();
    writer = open();
    writer.process(total(103, 91));
    expect(writer.process(total(103, 91)).figures.committed).toBe(false);
    expect(writer.process(total(2, 92)).figures.appended).toMatchObject([
      { type: 'retail.devices.counterreset.v1', count: 1 },
      { type: 'retail.traffic.crossed.v1', count: 1 },
    ]);
    writer.process(total(5, 92));
    const reader = JournalReader.open(folder);
    const deltas = reader.rows('traffic', writer.incarnation, 0, 10).map((row) => JSON.parse(row.data));
    expect(deltas).toEqual([
      { line: 'door', in: 3, out: 1 },
      { line: 'door', in: 0, out: 1 },
      { line: 'door', in: 3, out: 0 },
    ]);
    reader.close();
    writer.close();
  });

  it('keeps a record of the past as history, and lets it change nothing', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    writer.process(batchOf([shelfCount(clocks, 12, { time: clocks.wallMs })]));
    writer.process(batchOf([shelfCount(clocks, 1, { time: clocks.wallMs - 7_200_000 })]));
    clocks.pass(60_000);
    expect(writer.tick(true).alerts).toEqual([]);
    const reader = JournalReader.open(folder);
    const rows = reader.rows('shelves', writer.incarnation, 0, 10);
    expect(rows.map(({ history, quality }) => ({ history, quality }))).toEqual([
      { history: false, quality: 'ok' },
      { history: true, quality: 'behind' },
    ]);
    reader.close();
    writer.close();
  });

  it('keeps identical bytes of one device as one dead letter with a count', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    const refusal = {
      kind: 'sale',
      device: 'till-1',
      received: clocks.wallMs,
      reason: 'not JSON',
      pointers: [],
      bytes: Buffer.from('{'),
    };
    const reply = writer.process(batchOf([refusal, refusal, { ...refusal, device: 'till-2' }]));
    expect(reply.receipts.map((receipt) => receipt?.outcome)).toEqual(['refused', 'refused', 'refused']);
    const reader = JournalReader.open(folder);
    expect(
      reader
        .deadLetters()
        .map((letter) => letter.count)
        .sort(),
    ).toEqual([1, 2]);
    const [first] = reply.receipts;
    const id = first?.outcome === 'refused' ? first.letter : '';
    expect(Buffer.from(reader.deadLetter(id)?.bytes ?? []).toString()).toBe('{');
    expect(writer.process(batchOf([], [{ op: 'discard', letter: id }])).answers).toEqual([{ ok: true, value: true }]);
    expect(reader.deadLetter(id)).toBeUndefined();
    reader.close();
    writer.close();
  });
});

describe('decisions', () => {
  it('are written with their alert and their outgoing message, and outlive a restart with their wake', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    expect(first.process(batchOf([shelfCount(clocks, 2)])).alerts).toEqual([]);
    clocks.pass(5000);
    first.close();
    clocks.pass(16_000);
    const writer = openWriter(folder, clocks);
    const reply = writer.tick(true);
    expect(reply.alerts).toMatchObject([{ rule: 'shelf-gap', subject: 'A1-3', state: 'open', severity: 'warning' }]);
    expect(reply.out).toMatchObject([{ topic: 'out/alerts/shelf-gap/A1-3', retain: true }]);
    expect(JSON.parse(reply.out[0]?.payload ?? '')).toEqual(reply.alerts[0]);
    expect(writer.leftovers().out).toHaveLength(1);
    writer.process(batchOf([], [{ op: 'delivered', ids: [reply.out[0]?.id ?? 0] }]));
    expect(writer.leftovers().out).toEqual([]);
    writer.close();
    const reader = JournalReader.open(folder);
    expect(reader.alerts(false)).toEqual(reply.alerts);
    const [raised] = reader.rows('alerts', reader.incarnations()[0]?.incarnation ?? '', 0, 10);
    const cause = JSON.parse(raised?.data ?? '{}').events[0];
    expect(reader.find(cause)).toMatchObject({ type: 'retail.shelves.level.v1' });
    reader.close();
  });

  it('obey staff, say when an alert has ended, and repeat without change', () => {
    const clocks = new Clocks();
    const writer = openWriter(temporaryFolder(), clocks);
    const { id } = raiseGap(writer, clocks);
    const act = (action: 'acknowledge' | 'dismiss' | 'resolve') => {
      const reply = writer.process(
        batchOf(
          [],
          [{ op: 'act', command: { alert: id, action, by: 'Kim', reason: action === 'dismiss' ? 'full' : undefined } }],
        ),
      );
      const [answer] = reply.answers;
      return { value: answer?.ok ? answer.value : answer, events: reply.figures.appended.map((entry) => entry.type) };
    };
    expect(act('acknowledge')).toMatchObject({
      value: { outcome: 'done', alert: { state: 'acknowledged' } },
      events: ['local.command.alert.v1', 'retail.alerts.acknowledged.v1'],
    });
    expect(act('acknowledge').events).toEqual(['local.command.alert.v1']);
    expect(act('dismiss').value).toMatchObject({ outcome: 'done', alert: { state: 'dismissed' } });
    expect(act('dismiss').value).toMatchObject({ outcome: 'done' });
    expect(act('resolve').value).toMatchObject({ outcome: 'ended' });
    const unknown = writer.process(batchOf([], [{ op: 'act', command: { alert: 'x'.repeat(26), action: 'resolve' } }]));
    expect(unknown.answers).toEqual([{ ok: true, value: { outcome: 'unknown' } }]);
    writer.close();
  });

  it('close when the planogram no longer names the shelf', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    const { id } = raiseGap(first, clocks);
    first.close();
    const writer = openWriter(folder, clocks, { planogram: [] });
    const reader = JournalReader.open(folder);
    expect(reader.alerts(false)).toEqual([]);
    const last = reader.last(1, { stream: 'alerts' })[0];
    expect(JSON.parse(last?.data ?? '{}')).toMatchObject({ id, state: 'resolved', reason: 'configuration' });
    reader.close();
    writer.close();
  });
});

describe('trouble', () => {
  it('journals a step of the wall clock, and keeps durations out of it', () => {
    const clocks = new Clocks();
    const writer = openWriter(temporaryFolder(), clocks);
    writer.process(batchOf([shelfCount(clocks, 2)]));
    clocks.wallMs += 30 * 86_400_000;
    clocks.pass(1000);
    const reply = writer.tick(true);
    expect(reply.figures.appended).toMatchObject([{ type: 'retail.devices.clockstepped.v1', count: 1 }]);
    expect(reply.alerts).toEqual([]);
    clocks.pass(19_000);
    expect(writer.tick(true).alerts).toHaveLength(1);
    writer.close();
  });

  it('refuses facts when the disk budget is used up and nothing may go, and still takes what makes none', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf([sale(clocks, '1'), shelfCount(clocks, 12)]));
    const request = { incarnation: first.incarnation, from: {}, to: { sales: 1, shelves: 1 } };
    first.process(batchOf([], [{ op: 'reserve', request }]));
    first.close();
    const writer = openWriter(folder, clocks, { diskBudget: 1000 });
    writer.tick(true);
    const reply = writer.process(
      batchOf([sale(clocks, '2'), sale(clocks, '1'), shelfCount(clocks, 12), shelfCount(clocks, 3)]),
    );
    expect(reply.receipts).toEqual([
      { outcome: 'not-stored', reason: FULL },
      { outcome: 'accepted', accepted: 0, repeated: 1 },
      undefined,
      { outcome: 'not-stored', reason: FULL },
    ]);
    expect(reply.figures.refusing).toBe(FULL);
    // Who reads on from a position must know that it is kept.
    const repeated = { ...sale(clocks, '1'), position: { source: 'file/till/a.csv', value: 'taken' } };
    expect(writer.process(batchOf([repeated])).receipts).toEqual([{ outcome: 'not-stored', reason: FULL }]);
    writer.close();
    const later = openWriter(folder, clocks);
    expect(later.process(batchOf([sale(clocks, '2')])).receipts).toEqual([undefined]);
    later.close();
  });

  it('lets a failing housekeeping take nothing back of what was committed', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    const saboteur = new SQLite(join(folder, 'journal.db'));
    saboteur.exec("CREATE TRIGGER no BEFORE DELETE ON marks BEGIN SELECT raise(ABORT, 'no'); END");
    saboteur.close();
    clocks.pass(40 * 86_400_000);
    writer.process(batchOf([sale(clocks, '1')]));
    clocks.pass(40 * 86_400_000);
    const reply = writer.process(batchOf([sale(clocks, '2')]));
    expect(reply.receipts).toEqual([undefined]);
    expect(reply.figures).toMatchObject({ committed: true, refusing: undefined });
    const next = writer.process(batchOf([sale(clocks, '3')]));
    expect(next.receipts).toEqual([undefined]);
    expect(next.figures.trouble).toBe('housekeeping failed: no');
    writer.close();
  });

  it('refuses another hub’s journal, and a second edge on the same folder', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    openWriter(folder, clocks).close();
    expect(() => openWriter(folder, clocks, { hub: 'store-0043' })).toThrow(/belongs to hub store-0042/);
    const unlock = lockDataDir(folder);
    expect(() => lockDataDir(folder)).toThrow(/is in use/);
    unlock();
    lockDataDir(folder)();
  });

  it('goes on with the elapsed clock over a restart, and never backwards', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const first = openWriter(folder, clocks);
    first.process(batchOf([shelfCount(clocks, 2)]));
    first.close();
    clocks.wallMs -= 365 * 86_400_000; // the box booted without a clock
    clocks.monotonicMs = 5;
    const writer = openWriter(folder, clocks);
    clocks.pass(19_000);
    expect(writer.tick(true).alerts).toEqual([]);
    clocks.pass(1000);
    expect(writer.tick(true).alerts).toHaveLength(1);
    writer.close();
  });
});

describe('a new incarnation', () => {
  it('keeps what head office has, and gives all later rows new identities with their references', () => {
    const folder = temporaryFolder();
    const clocks = new Clocks();
    const writer = openWriter(folder, clocks);
    const old = writer.incarnation;
    writer.process(batchOf([sale(clocks, '1'), sale(clocks, '2'), sale(clocks, '3')]));
    raiseGap(writer, clocks);
    const reply = writer.process(
      batchOf([], [{ op: 'new-incarnation', request: { acked: { sales: 2, devices: 1 }, reason: 'restored' } }]),
    );
    const answer = reply.answers[0];
    const { incarnation } = (answer?.ok ? answer.value : {}) as { incarnation: string };
    expect(incarnation).not.toBe(old);
    const reader = JournalReader.open(folder);
    expect(reader.heads(old)).toEqual({ sales: 2, devices: 1 });
    expect(reader.rows('sales', old, 0, 10)).toHaveLength(2);
    expect(reader.rows('sales', incarnation, 0, 10)).toMatchObject([{ streamSequence: 1, subject: 'till-1/3' }]);
    expect(reader.rows('devices', incarnation, 0, 10).map((row) => row.type)).toEqual([
      'retail.devices.incarnation.v1',
      'retail.devices.resumed.v1',
    ]);
    const [level] = reader.rows('shelves', incarnation, 0, 1);
    const levelId = `store-0042/${incarnation}/${String(level?.sequence).padStart(16, '0')}`;
    expect(JSON.parse(reader.rows('alerts', incarnation, 0, 1)[0]?.data ?? '{}').events).toEqual([levelId]);
    expect(reader.alerts(false)[0]?.events).toEqual([levelId]);
    expect(JSON.parse(writer.leftovers().out[0]?.payload ?? '{}').events).toEqual([levelId]);
    const [opened] = reader.rows('devices', incarnation, 0, 1);
    expect(JSON.parse(opened?.data ?? '{}')).toEqual({
      previous: old,
      lastknown: { sales: '0000000000000002', devices: '0000000000000001' },
      reason: 'restored',
    });
    expect(reader.rows('shelves', incarnation, 0, 10)).toHaveLength(1);
    expect(reader.buffer().byStream).toEqual({ sales: 1, shelves: 1, alerts: 1, devices: 2 });
    expect(reader.acked()).toEqual({ incarnation: old, vector: { sales: 2, devices: 1 } });
    const sequences = reader.page({ limit: 100 }).map((row) => row.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    writer.process(batchOf([sale(clocks, '4')]));
    expect(reader.rows('sales', incarnation, 1, 10)).toMatchObject([{ streamSequence: 2, subject: 'till-1/4' }]);
    reader.close();
    writer.close();
  });
});
