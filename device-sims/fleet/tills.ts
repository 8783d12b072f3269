/**
 * The tills of the shop: each sale as the hub's own JSON, told from a resend by its transaction: on `in/sale/<till>` by
 * MQTT, and from mobile ones by HTTP. Old ones export files instead: the receipts since the last export, as CSV or as
 * POSLog, with the shop's local times.
 */
import { join } from 'node:path';
import { CSV_HEADER, csvText, encoded, posLogText, type Receipt } from '../devices/till-files.ts';
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { beaconOf } from './bluetooth.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

type Sold = Extract<LedgerRecord, { kind: 'sold' }>;

export function openTill(till: string, way: 'mqtt' | 'http', { world, links, clock }: DeviceParts): SimDevice {
  const said = new Said();
  const ring = (sale: Sold): void => {
    const { transaction, business_day, lines, total, shopper } = sale;
    const reading = {
      time: new Date(clock(sale.ms)).toISOString(),
      ...{ till, transaction, business_day, total },
      lines: lines.map(({ gtin, count, price }) => ({ gtin, quantity: count, price })),
      // One pseudonym for card and phone: the loyalty programme knows both.
      ...(shopper !== undefined && { shopper: beaconOf(shopper).name }),
    };
    const payload = JSON.stringify(reading);
    said.add(
      way === 'http' ? links.post(`/in/sale/${till}`, payload) : links.publish(till, `in/sale/${till}`, payload),
    );
  };
  return {
    name: till,
    entry: undefined,
    async start() {
      world.watch((record) => {
        if (record.kind === 'sold' && record.till === till) ring(record);
      });
    },
    look: () => undefined,
    settled: () => said.settled(),
    stop: () => said.settled(),
  };
}

export interface FileTillPlan {
  readonly till: string;
  readonly format: 'csv' | 'poslog';
  /** Its own folder is made in it. */
  readonly dir: string;
  readonly everyMs: number;
}

const [TILL, NUMBER, DAY, TIME, EAN, , QUANTITY, PRICE, OFF, KIND] = CSV_HEADER;

export function openFileTill({ till, format, dir, everyMs }: FileTillPlan, parts: DeviceParts): SimDevice {
  const { world, links, clock } = parts;
  const name = `export-${till}`;
  const path = join(dir, name);
  const { timezone, currency } = world.floor.file;
  // The Swedish way to write it is year, month, day and a clock of 24 hours.
  const local = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' });
  const said = new Said();
  let receipts: Receipt[] = [];
  let exported = Number.NEGATIVE_INFINITY;
  let files = 0;
  const ring = ({ ms, transaction, business_day, lines }: Sold): void => {
    const began = local.format(clock(ms));
    const items = lines.map(({ gtin, count, price }) => ({
      code: gtin.replace(/^0/, ''),
      ...{ quantity: String(count), unitPrice: (price.amount / 100).toFixed(2) },
    }));
    const time = format === 'csv' ? began : began.replace(' ', 'T');
    receipts.push({ workstation: till, number: transaction, businessDay: business_day, began: time, items });
  };
  const leave = (now: number): void => {
    exported = now;
    if (receipts.length === 0) return;
    files += 1;
    const text = format === 'csv' ? csvText(receipts) : posLogText(receipts, { currency });
    receipts = [];
    // A second run is no repeat of the first.
    const file = `${name}-${clock(now)}-${files}.${format === 'csv' ? 'csv' : 'xml'}`;
    said.add(links.leave(path, file, encoded(text)));
  };
  const columns = {
    ...{ till: TILL, transaction: NUMBER, business_day: DAY, time: TIME, gtin: EAN, quantity: QUANTITY },
    ...{ amount: PRICE, discount: OFF, kind: KIND, currency: `=${currency}` },
  };
  return {
    name,
    watches: [till],
    entry: {
      ...{ name, codec: format },
      folder: { path, files: format === 'csv' ? '*.csv' : '*.xml', after: 'move', settle: '200ms' },
      ...(format === 'csv' && { mapping: columns }),
    },
    async start() {
      world.watch((record) => {
        if (record.kind === 'sold' && record.till === till) ring(record);
      });
    },
    look(now) {
      if (now - exported >= everyMs) leave(now);
    },
    settled: () => said.settled(),
    async stop() {
      leave(world.now);
      await said.settled();
    },
  };
}
