/** For tests: a shop whose tills write files, and a real edge that takes them. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Receipt } from '../device-sims/devices/till-files.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { JournalReader } from './journal/reader.ts';

export const MAPPING = {
  ...{ till: 'Kasse', transaction: 'Bon', business_day: 'Tag', time: 'Zeit', gtin: 'EAN', quantity: 'Menge' },
  ...{ amount: 'Preis', discount: 'Rabatt', kind: 'Art', currency: '=EUR' },
};

export interface SoldData {
  readonly till: string;
  readonly transaction: string;
  readonly lines: readonly { readonly gtin: string; readonly quantity: string; readonly price: { amount: number } }[];
}

export interface Letter {
  readonly id: string;
  readonly device: string;
  readonly reason: string;
  readonly count: number;
}

/** A receipt of two lines; each number is another. */
export function receiptOf(number: number, more: Partial<Receipt> = {}): Receipt {
  return {
    workstation: `till-${1 + (number % 3)}`,
    number: `${number}`,
    businessDay: '2026-11-20',
    began: '2026-11-20 09:15:00',
    items: [
      { code: '9521234543213', quantity: '2', unitPrice: '1.29' },
      { code: '96385074', quantity: '0.345', unitPrice: '12.99', unit: 'KG' },
    ],
    ...more,
  };
}

export function receipts(count: number, from = 1): Receipt[] {
  return Array.from({ length: count }, (_, index) => receiptOf(from + index));
}

export class FileShop {
  readonly store: Store;
  readonly folder: string;
  readonly #dataDir: string;

  private constructor(store: Store, folder: string, dataDir: string) {
    this.store = store;
    this.folder = folder;
    this.#dataDir = dataDir;
  }

  /** The edge is started. `folder`: keys of the device's `folder`; `device`: of the device. */
  static async open(
    codec: 'csv' | 'poslog',
    folder: Readonly<Record<string, unknown>> = {},
    device: Readonly<Record<string, unknown>> = {},
    dataDir?: string,
  ): Promise<FileShop> {
    const store = await makeStore(dataDir === undefined ? {} : { config: { data_dir: dataDir } });
    const path = join(store.dir, 'export');
    mkdirSync(path);
    await store.configure({
      devices: [
        {
          ...{ name: 'tills', codec },
          folder: { path, files: codec === 'csv' ? '*.csv' : '*.xml', settle: '200ms', ...folder },
          ...(codec === 'csv' && { mapping: MAPPING }),
          ...device,
        },
      ],
    });
    await store.edge.start();
    return new FileShop(store, path, dataDir ?? store.dataDir);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Names in the folder, or in one inside it. */
  names(inside = ''): string[] {
    return readdirSync(join(this.folder, inside)).sort();
  }

  sales(): SoldData[] {
    const reader = JournalReader.open(this.#dataDir);
    try {
      const sold: SoldData[] = [];
      for (const { incarnation } of reader.incarnations()) {
        for (let after = 0; ; ) {
          const rows = reader.rows('sales', incarnation, after, 2000);
          if (rows.length === 0) break;
          for (const row of rows) sold.push(JSON.parse(row.data) as SoldData);
          after = rows.at(-1)?.streamSequence ?? after;
        }
      }
      return sold;
    } finally {
      reader.close();
    }
  }

  /** Of every sale, in the order in which they were stored. */
  transactions(): string[] {
    return this.sales().map(({ transaction }) => transaction);
  }

  async untilSold(count: number, timeoutMs = 30_000): Promise<void> {
    await waitUntil(`${count} sales`, async () => this.sales().length >= count, { timeoutMs, everyMs: 300 });
  }

  async letters(): Promise<Letter[]> {
    const { stdout } = await this.store.run(['dead-letters', 'list', '--json']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Letter);
  }

  async untilRefused(count: number): Promise<Letter[]> {
    return waitUntil(`${count} dead letters`, async () => {
      const letters = await this.letters();
      return letters.length >= count ? letters : undefined;
    });
  }

  /** What the log says of the device. */
  said(): string[] {
    return this.store.edge.lines.filter((line) => line.includes('"device":"tills"'));
  }

  async untilSaid(part: string): Promise<void> {
    await waitUntil(`the log to say ${part}`, async () => this.said().some((line) => line.includes(part)));
  }

  async close(): Promise<void> {
    await this.store.edge.kill();
    await this.store.stop();
  }
}
