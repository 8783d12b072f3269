/**
 * A shop for the bridge's tests: a real journal, an edge that answers on edge.sock and does in the journal what the
 * real one does, and head office's reader to judge what arrived.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { CHECKPOINT_TOPIC, type Stream, topicOf } from '../../edge/contracts/streams.ts';
import { openForWriting } from '../../edge/journal/database.ts';
import type { DroppedData } from '../../edge/journal/drops.ts';
import { EventLog } from '../../edge/journal/event-log.ts';
import { positionOf } from '../../edge/journal/positions.ts';
import { Replication } from '../../edge/journal/replication.ts';
import { PartitionReader } from '../hq/partition-reader.ts';

const TYPES = {
  sales: 'retail.sales.sold.v1',
  climate: 'retail.climate.measured.v1',
  alerts: 'retail.alerts.raised.v1',
} as const;

export class Shop {
  readonly hub: string;
  readonly dir = mkdtempSync(join(tmpdir(), 'store-hub-shop-'));
  readonly dataDir = join(this.dir, 'data');
  readonly bridgeDir = join(this.dir, 'bridge-data');
  readonly requests: string[] = [];
  /** Runs once, right before the next reservation. */
  beforeReserve: (() => void) | undefined;
  #db: Database | undefined;
  #log: EventLog | undefined;
  #replication: Replication | undefined;
  #server: Server | undefined;

  constructor(hub: string) {
    this.hub = hub;
  }

  async start(): Promise<void> {
    const db = openForWriting(this.dataDir);
    this.#db = db;
    db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('hub', ?)").run(this.hub);
    const log = new EventLog(db);
    if (!log.load()) this.#write(() => log.openIncarnation('new', this.#now()), log);
    this.#log = log;
    this.#replication = new Replication(db);
    this.#server = createServer((request, response) => {
      void this.#answer(request).then((answer) => response.end(JSON.stringify(answer ?? {})));
    });
    await new Promise<void>((resolve) => this.#server?.listen(join(this.dataDir, 'edge.sock'), resolve));
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
    this.#server = undefined;
    this.#db?.close();
    this.#db = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  get incarnation(): string {
    return this.#log?.incarnation ?? '';
  }

  append(stream: keyof typeof TYPES, count: number, text = 'x'.repeat(300)): void {
    const log = this.#log;
    if (!log) throw new Error('the shop is closed');
    const now = this.#now();
    this.#write(() => {
      for (let n = 0; n < count; n += 1) {
        log.append({
          type: TYPES[stream],
          source: 'till-1',
          subject: `s/${n}`,
          time: now.wall,
          received: now.wall,
          quality: 'ok',
          history: false,
          data: JSON.stringify({ n, text }),
        });
      }
    }, log);
  }

  /** What eviction does: rows of the present incarnation go, and a drop tells of it. Stream sequences, both inclusive. */
  drop(stream: Stream, from: number, to: number): void {
    const db = this.#db;
    const log = this.#log;
    if (!db || !log) throw new Error('the shop is closed');
    const { ordinal } = log;
    this.#write(() => {
      const ends = [positionOf(ordinal, from), positionOf(ordinal, to)];
      const { first, last } = db
        .prepare(
          `SELECT min(sequence) AS first, max(sequence) AS last FROM events_${stream} WHERE position BETWEEN ? AND ?`,
        )
        .get(...ends) as { first: number; last: number };
      db.prepare(`DELETE FROM events_${stream} WHERE position BETWEEN ? AND ?`).run(...ends);
      const rows = { stream, ordinal, from, to, firstSequence: first, lastSequence: last, reason: 'no space' };
      this.#replication?.drops.note(rows);
    }, log);
  }

  /** What nobody tells of: rows are not there any more. */
  lose(stream: Stream, from: number, to: number): void {
    const ordinal = this.#log?.ordinal ?? 0;
    this.#db
      ?.prepare(`DELETE FROM events_${stream} WHERE position BETWEEN ? AND ?`)
      .run(positionOf(ordinal, from), positionOf(ordinal, to));
  }

  /** Up to which stream sequence rows are reserved now. */
  reserved(stream: Stream): number {
    const row = this.#db?.prepare('SELECT reserved FROM replication').get() as { reserved: string | null } | undefined;
    return row?.reserved ? ((JSON.parse(row.reserved) as { to: Record<string, number> }).to[stream] ?? 0) : 0;
  }

  /** What a restore does: a new incarnation on the same journal. */
  openIncarnation(): void {
    const log = this.#log;
    if (log) this.#write(() => log.openIncarnation('restore', this.#now()), log);
  }

  /** Stream sequence up to which the edge was told that head office has it, in the present incarnation. */
  acked(stream: Stream): number {
    const row = this.#db?.prepare('SELECT incarnation, acked FROM replication').get() as
      | { incarnation: string; acked: string }
      | undefined;
    if (row?.incarnation !== this.incarnation) return 0;
    return (JSON.parse(row.acked) as Partial<Record<Stream, number>>)[stream] ?? 0;
  }

  /** Copies a stopped shop's folder. */
  copy(folder: 'data' | 'bridge-data', to: string): void {
    cpSync(join(this.dir, folder), to, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  }

  #write(work: () => void, log: EventLog): void {
    this.#db
      ?.transaction(() => {
        work();
        log.flush(this.#now());
      })
      .immediate();
  }

  #now() {
    return { elapsed: Math.floor(performance.now()), wall: Date.now() };
  }

  async #answer(request: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = request.url ?? '';
    if (request.method === 'POST') this.requests.push(url);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
    const log = this.#log;
    let answer: unknown;
    if (!log) return answer;
    if (url === '/bridge/reserve') {
      const before = this.beforeReserve;
      this.beforeReserve = undefined;
      before?.();
    }
    this.#write(() => {
      if (url === '/bridge/reserve') answer = this.#replication?.reserve(body, log, (data) => this.#dropped(log, data));
      if (url === '/bridge/acknowledge') this.#replication?.acknowledge(body, log);
    }, log);
    return answer;
  }

  #dropped(log: EventLog, data: DroppedData): number {
    const { wall } = this.#now();
    const { streamSequence } = log.append({
      type: 'retail.devices.dropped.v1',
      source: 'journal',
      subject: data.stream,
      time: wall,
      received: wall,
      quality: 'ok',
      history: false,
      data: JSON.stringify(data),
    });
    return positionOf(log.ordinal, streamSequence);
  }
}

/** One committed event at head office. */
export interface Arrived {
  readonly incarnation: string;
  readonly streamSequence: number;
  readonly id: string;
  readonly offset: number;
  readonly text: string;
}

/** Committed records of a hub's stream, in order of their offsets. */
export async function arrived(brokers: readonly string[], hub: string, stream: Stream, partition: number) {
  const found: Arrived[] = [];
  await readAll(brokers, topicOf(stream), partition, hub, (value, offset) => {
    const event = JSON.parse(value) as { id: string; incarnation: string; streamsequence: string };
    const { id, incarnation, streamsequence } = event;
    found.push({ id, incarnation, streamSequence: Number(streamsequence), offset, text: value });
  });
  return found;
}

/** Every committed checkpoint of a hub. */
export async function checkpoints(brokers: readonly string[], hub: string, partition: number): Promise<string[]> {
  const found: string[] = [];
  await readAll(brokers, CHECKPOINT_TOPIC, partition, hub, (value) => found.push(value));
  return found;
}

async function readAll(
  brokers: readonly string[],
  topic: string,
  partition: number,
  hub: string,
  take: (value: string, offset: number) => void,
): Promise<void> {
  const reader = new PartitionReader({ brokers });
  await reader.start();
  try {
    const ends = (await reader.ends(topic)).find((one) => one.partition === partition);
    await reader.read(topic, partition, ends?.low ?? 0, ends?.high ?? 0, (record) => {
      if (record.key === hub && record.value) take(record.value.toString('utf8'), record.offset);
    });
  } finally {
    await reader.stop();
  }
}
