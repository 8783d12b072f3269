/** The edge daemon: `store-hub edge`. Opens the journal, starts the hub, waits for the signal or a failed disk, stops it. */
import { configHash } from '../config/loader.ts';
import type { StoreConfig } from '../config/schema.ts';
import type { HubError } from './contracts/errors.ts';
import { lockDataDir } from './journal/database.ts';
import { finishExchange } from './journal/exchange.ts';
import { JournalThread } from './journal-thread.ts';
import { clockSync } from './ops/clock-sync.ts';
import { packageVersion } from './ops/version.ts';
import type { WriterOptions } from './writer.ts';

/** Resolves after a clean stop; throws the HubError that kept it from starting or made it end. */
export async function runEdge(config: StoreConfig, signal: AbortSignal): Promise<void> {
  const unlock = lockDataDir(config.data_dir);
  try {
    finishExchange(config.data_dir);
    let end = (_failure?: HubError): void => {};
    const ended = new Promise<HubError | undefined>((resolve) => {
      end = resolve;
    });
    const synced = clockSync(Date.now, () => performance.now());
    const journal = new JournalThread({ writer: writerOptions(config, synced()), synced, onFailure: end });
    // The journal opens in its own thread while this one loads the rest of the program.
    journal.start().catch(() => undefined);
    const { Hub } = await import('./hub.ts');
    const hub = new Hub(config, journal, synced);
    try {
      await hub.start();
      if (signal.aborted) end();
      signal.addEventListener('abort', () => end(), { once: true });
      const failure = await ended;
      if (failure) throw failure;
    } finally {
      await hub.stop();
    }
  } finally {
    unlock();
  }
}

function writerOptions(config: StoreConfig, synced: boolean): WriterOptions {
  const { hub, planogram, rules, data_dir, journal, cloud } = config;
  return {
    hub,
    planogram,
    rules,
    dataDir: data_dir,
    retention: { cloud: cloud !== undefined, keepMs: journal.keep, keepAcknowledgedMs: journal.keep_acknowledged },
    diskBudget: journal.disk_budget,
    synced,
    version: packageVersion(),
    configHash: configHash(config),
  };
}
