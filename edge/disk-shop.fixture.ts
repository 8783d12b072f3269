/** A real edge whose data folder is on a disk of its own, and sales that are told apart by whether they were acknowledged. */
import { join } from 'node:path';
import { type LoopDisk, makeLoopDisk } from '../device-sims/harness/loop-disk.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { JournalReader } from './journal/reader.ts';

const LINES = 20;

export class DiskShop {
  readonly disk: LoopDisk;
  readonly store: Store;
  readonly dataDir: string;
  #next = 0;

  private constructor(disk: LoopDisk, store: Store, dataDir: string) {
    this.disk = disk;
    this.store = store;
    this.dataDir = dataDir;
  }

  /** With a cloud that nobody answers: what is not acknowledged stays. The edge is started. */
  static async open(megabytes: number, env: NodeJS.ProcessEnv = {}): Promise<DiskShop> {
    const disk = await makeLoopDisk(megabytes);
    const dataDir = join(disk.dir, 'data');
    const store = await makeStore({ brokers: ['127.0.0.1:1'], config: { data_dir: dataDir }, env });
    await store.edge.start();
    return new DiskShop(disk, store, dataDir);
  }

  async close(): Promise<void> {
    await this.store.edge.kill();
    await this.store.stop();
    await this.disk.remove();
  }

  /** So many sales in one request: its HTTP status, and the ids if it was acknowledged. */
  async sell(count = 1): Promise<{ status: number; ids: string[] }> {
    return this.sellAs(Array.from({ length: count }, () => `t-${this.#next++}`));
  }

  async sellAs(ids: readonly string[]): Promise<{ status: number; ids: string[] }> {
    const line = { gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } };
    const lines = Array.from({ length: LINES }, () => line);
    const sales = ids.map((id) => ({ id, till: 'till-1', transaction: id, lines }));
    const { status } = await this.store.post('/in/sale/till-1', sales);
    return { status, ids: status === 202 ? [...ids] : [] };
  }

  /**
   * Several tills at once, until the promise is there or they are not answered any more; the ids that were acknowledged
   * by then. What is acknowledged later is not counted: a file system that is being shut down may answer a sync well
   * that it did not do, and the machine of a true power cut answers nobody.
   */
  async sellUntil(over: Promise<unknown>): Promise<string[]> {
    const taken: string[] = [];
    let running = true;
    void over.then(() => {
      running = false;
    });
    const till = async (): Promise<void> => {
      while (running) {
        try {
          const { ids } = await this.sell(5);
          if (running) taken.push(...ids);
        } catch {
          return;
        }
      }
    };
    await Promise.all([till(), till(), till(), till()]);
    return taken;
  }

  /** The HTTP status of a count of the shelf. */
  async level(count: number): Promise<number> {
    return (await this.store.post('/in/shelf/sensor-1', { shelf: 'A1-1', count })).status;
  }

  async readiness(): Promise<{ status: number; reasons: string }> {
    const response = await fetch(`${this.store.httpUrl}/health/ready`);
    const { reasons } = (await response.json()) as { reasons: string[] };
    return { status: response.status, reasons: reasons.join('; ') };
  }

  /** Ids of the sales that the journal holds. */
  stored(): Set<string> {
    const reader = JournalReader.open(this.dataDir);
    try {
      const ids = new Set<string>();
      for (const { incarnation } of reader.incarnations()) {
        for (let after = 0; ; ) {
          const rows = reader.rows('sales', incarnation, after, 2000);
          if (rows.length === 0) break;
          for (const row of rows) ids.add((JSON.parse(row.data) as { readingId: string }).readingId);
          after = rows.at(-1)?.streamSequence ?? after;
        }
      }
      return ids;
    } finally {
      reader.close();
    }
  }

  missing(ids: readonly string[]): string[] {
    const stored = this.stored();
    return ids.filter((id) => !stored.has(id));
  }
}
