/** A writer on a temporary folder with clocks in the test's hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { AcceptedReading, Delivery, Refusal } from './contracts/intake.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Kind } from './contracts/readings.ts';
import { type Batch, type Packed, packDelivery, packRefusal, type Request } from './crossing.ts';
import type { LocationOfferOptions } from './rules/location-offer.ts';
import { Writer, type WriterOptions } from './writer.ts';

export const WATER: Facing = {
  shelf: 'A1-3',
  zone: 'beverages',
  gtin: '09521234543213',
  name: 'Spring water 1 l',
  capacity: 24,
  minimum: 4,
  unit_weight_g: 1020,
  tare_g: 350,
};

export const LOCATION_OFFER: LocationOfferOptions = {
  dwell: 8_000,
  valid: 900_000,
  absent_after: 600_000,
  identities_per_device: 200,
  works_here: 4 * 3_600_000,
};

export class Clocks {
  wallMs = Date.UTC(2026, 10, 20, 9, 0, 0);
  monotonicMs = 1000;
  readonly wall = (): number => this.wallMs;
  readonly monotonic = (): number => this.monotonicMs;

  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }
}

const folders: string[] = [];

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-hub-'));
  folders.push(folder);
  return folder;
}

// A test file leaves nothing behind: each journal has a ballast of 16 MiB.
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

export function writerOptions(dataDir: string, change: Partial<WriterOptions> = {}): WriterOptions {
  return {
    dataDir,
    hub: 'store-0042',
    planogram: [WATER],
    rules: { shelf_gap: { settle: 20_000, remind: 1_800_000 }, location_offer: LOCATION_OFFER },
    campaigns: [],
    devices: [],
    timezone: 'Europe/Berlin',
    identityKey: '5e'.repeat(32),
    retention: { cloud: true, keepMs: 30 * 86_400_000, keepAcknowledgedMs: 86_400_000 },
    diskBudget: 4 * 2 ** 30,
    synced: true,
    version: '0.0.0',
    configHash: 'test',
    ...change,
  };
}

export function openWriter(dataDir: string, clocks: Clocks, change: Partial<WriterOptions> = {}): Writer {
  return new Writer(writerOptions(dataDir, change), clocks);
}

export function reading(subject: string, body: object, more: Partial<AcceptedReading> = {}): AcceptedReading {
  return { subject, identity: undefined, time: undefined, body: JSON.stringify(body), ...more };
}

export function delivery(clocks: Clocks, kind: Kind, device: string, ...readings: AcceptedReading[]): Delivery {
  return { kind, device, received: clocks.wallMs, readings };
}

export function shelfCount(clocks: Clocks, count: number, more: Partial<AcceptedReading> = {}): Delivery {
  return delivery(clocks, 'shelf', 'sensor-1', reading('A1-3', { shelf: 'A1-3', gtin: WATER.gtin, count }, more));
}

export function sale(clocks: Clocks, transaction: string): Delivery {
  const body = { readingId: transaction, till: 'till-1', transaction, business_day: '2026-11-20', lines: [] };
  return delivery(
    clocks,
    'sale',
    'till-1',
    reading(`till-1/${transaction}`, body, { identity: `sale\0till-1\0${transaction}` }),
  );
}

export function batchOf(deliveries: readonly (Delivery | Refusal)[], requests: readonly Request[] = []): Batch {
  const packed: Packed = [];
  const refusals: Refusal[] = [];
  for (const unit of deliveries) {
    if ('readings' in unit) packDelivery(packed, unit);
    else {
      packRefusal(packed, refusals.length);
      refusals.push(unit);
    }
  }
  return { deliveries: packed, count: deliveries.length, refusals, requests, synced: true };
}
