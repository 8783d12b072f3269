import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Publisher, startPublisher, startSubscriber } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import type { JournalRow } from './contracts/envelope.ts';
import { JournalReader } from './journal/reader.ts';

const KILLS = 30;
const MINIMUM = 4;
const REFILL = 6;

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
  store = undefined;
});

function everything(dataDir: string): JournalRow[] {
  const reader = JournalReader.open(dataDir);
  try {
    const rows: JournalRow[] = [];
    for (let from = 0; ; from = (rows.at(-1)?.sequence ?? 0) + 1) {
      const page = reader.page({ from, limit: 2000 });
      if (page.length === 0) return rows;
      rows.push(...page);
    }
  } finally {
    reader.close();
  }
}

/** A device keeps its reading until it is acknowledged: mqtt.js gives some up when it is cut while sending again. */
async function sendUntilAcknowledged(
  publisher: Publisher,
  kind: string,
  device: string,
  reading: object,
): Promise<void> {
  for (;;) {
    try {
      return await publisher.publish(kind, device, reading);
    } catch {
      await delay(20);
    }
  }
}

/** What the rule must have decided, with settle 0: by the levels alone, in their order. */
function expectedAlerts(rows: readonly JournalRow[]): string[] {
  let open = false;
  return rows
    .filter((row) => row.type === 'retail.shelves.level.v1')
    .flatMap((row) => {
      const { count } = JSON.parse(row.data) as { count: number };
      if (!open && count < MINIMUM) {
        open = true;
        return [`raised ${row.sequence}`];
      }
      if (open && count >= REFILL) {
        open = false;
        return [`resolved ${row.sequence}`];
      }
      return [];
    });
}

function actualAlerts(rows: readonly JournalRow[]): string[] {
  return rows
    .filter((row) => row.stream === 'alerts')
    .map((row) => {
      const { events } = JSON.parse(row.data) as { events: string[] };
      return `${row.type.split('.')[2]} ${Number(events[0]?.slice(-16))}`;
    });
}

describe('an edge killed with -9 under load', () => {
  it(`has every acknowledged fact once after ${KILLS} kills, and no alert lost or doubled`, {
    timeout: 300_000,
  }, async () => {
    const own = await makeStore({ config: { rules: { shelf_gap: { settle: '0s' } } } });
    store = own;
    await own.edge.start();
    const acknowledged = new Set<string>();
    let running = true;

    /** One till: always five sales on their way; after a kill the client sends them again. */
    const till = async (name: string): Promise<void> => {
      const publisher = await startPublisher(own.mqttUrl);
      let next = 0;
      const lane = async (): Promise<void> => {
        while (running) {
          const id = `${name}-${next++}`;
          const line = { gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } };
          await sendUntilAcknowledged(publisher, 'sale', name, { id, till: name, transaction: id, lines: [line] });
          acknowledged.add(id);
        }
      };
      await Promise.all(Array.from({ length: 5 }, lane));
      await publisher.close();
    };
    const shelf = async (): Promise<void> => {
      const publisher = await startPublisher(own.mqttUrl);
      const counts = [12, 9, 5, 3, 1, 0, 4, 5, 7, 12];
      for (let i = 0; running; i += 1) {
        await sendUntilAcknowledged(publisher, 'shelf', 'sensor-1', {
          id: `s-${i}`,
          shelf: 'A1-1',
          count: counts[i % counts.length],
        });
        acknowledged.add(`s-${i}`);
        await delay(3);
      }
      await publisher.close();
    };

    const devices = Promise.all([till('till-1'), till('till-2'), shelf()]);
    let seed = 42;
    for (let kill = 0; kill < KILLS; kill += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      await delay(100 + (seed % 500));
      await own.edge.kill();
      await own.edge.start();
    }
    running = false;
    await devices;
    await own.edge.stop();

    const rows = everything(own.dataDir);
    const ids = rows
      .map((row) => (JSON.parse(row.data) as { readingId?: string }).readingId)
      .filter((id) => id !== undefined);
    expect(new Set(ids).size, 'no reading is stored twice').toBe(ids.length);
    const stored = new Set(ids);
    expect(
      [...acknowledged].filter((id) => !stored.has(id) && !id.startsWith('s-')),
      'acknowledged and not stored',
    ).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(1000);
    expect(actualAlerts(rows)).toEqual(expectedAlerts(rows));
    expect(actualAlerts(rows).length).toBeGreaterThan(20);
    const sequences = rows.map((row) => row.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });

  it('keeps the wake of a gap that was settling, and tells subscribers again what is open', {
    timeout: 60_000,
  }, async () => {
    const own = await makeStore({ config: { rules: { shelf_gap: { settle: '2s' } } } });
    store = own;
    await own.edge.start();
    const publisher = await startPublisher(own.mqttUrl);
    await publisher.publish('shelf', 'sensor-1', { shelf: 'A1-1', count: 1 });
    await own.edge.kill();
    await own.edge.start();
    const alerts = async () => (await own.get(`${own.httpUrl}/api/alerts`)) as { id: string; subject: string }[];
    const [raised] = await waitUntil('the alert', async () => {
      const open = await alerts();
      return open.length > 0 ? open : undefined;
    });
    await own.edge.kill();
    await own.edge.start();
    expect(await alerts()).toMatchObject([{ id: raised?.id, subject: 'A1-1' }]);
    const subscriber = await startSubscriber(own.mqttUrl, 'out/alerts/#');
    await waitUntil('the retained alert', async () => subscriber.messages.length > 0);
    expect(JSON.parse(subscriber.messages[0]?.payload ?? '{}')).toMatchObject({ id: raised?.id, state: 'open' });
    await publisher.publish('shelf', 'sensor-1', { shelf: 'A1-1', count: 12 });
    await waitUntil('the cleared alert', async () => subscriber.messages.at(-1)?.payload === '');
    await subscriber.close();
    await publisher.close();
  });
});
