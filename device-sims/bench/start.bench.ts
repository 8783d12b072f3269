/** From starting the edge's process to its first acknowledged publish, with a million events in the journal. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { productGtin } from '../load/sales.ts';
import type { BenchContext, Measurement } from './context.ts';
import { checkJournal } from './journal-check.bench.ts';
import { loadWith } from './load-program.ts';
import { MqttSession } from './mqtt-session.ts';
import { type Line, median, type Outcome } from './report.ts';
import { createStore, type Daemon, type Store, spawnDaemon, startEdge } from './store.ts';

const PATIENCE_MS = 60_000;
const RETRY_MS = 2;

export const start: Measurement = {
  name: 'start',
  about: 'start of the edge to its first acknowledged publish, a million events in the journal',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const events = context.quick ? 50_000 : 1_000_000;
  const rounds = context.quick ? 1 : 5;
  const store = await createStore({ folder: join(context.folder, 'start'), hub: 'bench-start' });
  const filling = await startEdge(store);
  const load = await loadWith({ port: store.mqttPort, run: 'fill', count: events }).finally(() => filling.stop());
  checkJournal(store.dataDir, [load]);

  const remarks: string[] = [];
  const warm: number[] = [];
  for (let round = 0; round < rounds; round += 1) warm.push(await startOnce(store, `warm${round}`));
  const killed: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await killUnderLoad(store, `killed${round}`);
    killed.push(await startOnce(store, `killed${round}`));
  }
  const cold: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const how = coolDown(store);
    if (round === 0) remarks.push(how);
    cold.push(await startOnce(store, `cold${round}`));
  }
  const line = (what: string, values: readonly number[]): Line => ({
    what,
    unit: 's',
    measured: median(values),
    atLeast: { value: 1.5 },
    wanted: { value: 0.7 },
  });
  return {
    name: start.name,
    lines: [
      line('start to first accepted publish', warm),
      line('the same after kill -9 under load', killed),
      line('the same, page cache cold', cold),
    ],
    raw: { events, warm, killed, cold },
    remarks,
  };
}

/** Seconds from spawn to PUBACK; the edge is stopped again. */
async function startOnce(store: Store, name: string): Promise<number> {
  const begun = performance.now();
  const edge = spawnDaemon(store, 'edge');
  try {
    await firstPublish(store, edge, name, begun + PATIENCE_MS);
    const seconds = (performance.now() - begun) / 1000;
    await edge.stop();
    return seconds;
  } finally {
    await edge.process.end('SIGKILL');
  }
}

async function firstPublish(store: Store, edge: Daemon, name: string, deadline: number): Promise<void> {
  const sale = {
    id: `first-${name}`,
    till: 'till-0',
    transaction: name,
    lines: [{ gtin: productGtin(1), quantity: 1, price: { amount: 100, currency: 'EUR' } }],
  };
  for (;;) {
    let session: MqttSession | undefined;
    try {
      session = await MqttSession.open(store.mqttPort, `bench-${name}`);
      await session.publish('in/sale/till-0', sale);
      return;
    } catch (error) {
      if (performance.now() > deadline || !edge.process.running()) throw error;
      await sleep(RETRY_MS);
    } finally {
      session?.close();
    }
  }
}

/** Leaves a journal as a crash does: a WAL to recover, no clean end. */
async function killUnderLoad(store: Store, name: string): Promise<void> {
  const edge = await startEdge(store);
  const load = loadWith({ port: store.mqttPort, run: name, seconds: 30 });
  load.catch(() => undefined);
  await sleep(1_500);
  await edge.process.end('SIGKILL');
  await load.catch(() => undefined);
}

/** Says how it emptied the page cache: all of it with the right to do so, else of the journal's file only. */
function coolDown(store: Store): string {
  execFileSync('sync');
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return 'cold: the whole page cache was dropped, node and modules included';
  } catch {
    const file = join(store.dataDir, 'journal.db');
    execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'pipe' });
    return "cold: the journal's pages were dropped from the cache; dropping all of it needs root";
  }
}
