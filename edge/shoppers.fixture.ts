/** A shop whose shoppers consent, are seen and buy, by way of the writer alone. */
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import type { AcceptedReading, Delivery } from './contracts/intake.ts';
import type { Request } from './crossing.ts';
import { JournalReader } from './journal/reader.ts';
import { batchOf, Clocks, delivery, openWriter, reading, temporaryFolder } from './writer.fixture.ts';
import type { Writer } from './writer.ts';

export const ANNA = 'pseudonym-anna-4410';
export const BOB = 'pseudonym-bob-9102';

/** A writer on its own folder, and what is in its two databases. */
export class Shop {
  readonly folder = temporaryFolder();
  readonly clocks = new Clocks();
  writer: Writer = openWriter(this.folder, this.clocks);

  give(...deliveries: Delivery[]) {
    return this.writer.process(batchOf(deliveries));
  }

  ask(request: Request): unknown {
    const [answer] = this.writer.process(batchOf([], [request])).answers;
    if (!answer?.ok) throw new Error(answer?.message);
    return answer.value;
  }

  consent(shopper: string, granted: boolean, more: Partial<AcceptedReading> = {}, device = 'till-1'): Delivery {
    return delivery(this.clocks, 'consent', device, reading('', { granted, scope: 'offers' }, { shopper, ...more }));
  }

  sighted(shopper: string, zone: string, more: Partial<AcceptedReading> = {}, device = 'camera-1'): Delivery {
    return delivery(this.clocks, 'presence', device, reading('', { zone, present: true }, { shopper, ...more }));
  }

  sold(shopper: string, transaction: string, device = 'till-1'): Delivery {
    const body = { readingId: `r-${transaction}`, till: 'till-1', transaction, business_day: '2026-11-20', lines: [] };
    return delivery(this.clocks, 'sale', device, reading(`till-1/${transaction}`, body, { shopper }));
  }

  /** As events that are journaled of these streams, in order. */
  events(...streams: ('shoppers' | 'sales' | 'offers')[]): Record<string, unknown>[] {
    const reader = JournalReader.open(this.folder);
    try {
      return reader
        .page({ limit: 1000 })
        .filter(({ type }) => streams.some((stream) => type.startsWith(`retail.${stream}.`)))
        .map(({ type, source, subject, data }) => ({ type: type.split('.')[2], source, subject, ...JSON.parse(data) }));
    } finally {
      reader.close();
    }
  }

  /** The last word on each keyed pseudonym that head office gets. */
  told(): Record<string, unknown> {
    const consents = this.events('shoppers').filter(({ type }) => type === 'consent');
    return Object.fromEntries(consents.map(({ shopper, granted }) => [shopper, granted]));
  }

  rows(file: string, sql: string): unknown[] {
    const db = new SQLite(join(this.folder, file), { readonly: true });
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  }

  bytes(): string {
    return readdirSync(this.folder)
      .map((name) => readFileSync(join(this.folder, name), 'latin1'))
      .join('\n');
  }

  restart(): void {
    this.writer.close();
    this.writer = openWriter(this.folder, this.clocks);
  }

  /** What a copy of one of the databases was, when the writer is closed. */
  copy(file: string): () => void {
    const [from, to] = [join(this.folder, file), join(this.folder, `${file}.copy`)];
    copyFileSync(from, to);
    return () => {
      for (const suffix of ['-wal', '-shm']) rmSync(from + suffix, { force: true });
      copyFileSync(to, from);
    };
  }
}

/** Of the first event of a shopper. */
export function keyed(shop: Shop): string {
  const [first] = shop.events('shoppers');
  return String(first?.shopper);
}
