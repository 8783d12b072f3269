/** The edge daemon: `store-hub edge`. Opens the journal, starts the hub, waits for the signal or a failed disk, stops it. */
import { configHash } from '../config/loader.ts';
import type { StoreConfig } from '../config/schema.ts';
import { HubError, isDamage, messageOf } from './contracts/errors.ts';
import { mend, noteDamage, salvagedText } from './journal/damage.ts';
import { lockDataDir } from './journal/database.ts';
import { identityKey } from './journal/identity-key.ts';
import { JournalThread } from './journal-thread.ts';
import { clockSync } from './ops/clock-sync.ts';
import { childLoggers, createLogger, type Logger } from './ops/logging.ts';
import { giveBackWhenCalm } from './ops/memory-return.ts';
import { packageVersion } from './ops/version.ts';
import { letYoungSpaceGrow } from './ops/young-space.ts';
import { readersOf } from './reader-zones.ts';
import type { WriterOptions } from './writer.ts';

/** So often a journal is mended within one process; then something else is wrong than the file. */
const MOST_MENDED = 3;

/** Resolves after a clean stop; throws the HubError that kept it from starting or made it end. */
export async function runEdge(config: StoreConfig, signal: AbortSignal): Promise<void> {
  const unlock = lockDataDir(config.data_dir);
  try {
    for (let mended = 0; ; mended += 1) {
      const salvaged = mend(config.data_dir, config.hub, Date.now());
      if (salvaged) edgeLogger().error(salvaged, salvagedText(salvaged));
      try {
        await live(config, signal);
        return;
      } catch (error) {
        const isOfShoppers = error instanceof HubError && error.code === 'SHOPPERS_DAMAGED';
        if (!(isOfShoppers || isDamaged(error)) || mended >= MOST_MENDED || signal.aborted) throw error;
        // Opening it finds the same, and begins it anew.
        if (isOfShoppers) continue;
        noteDamage(config.data_dir, messageOf(error));
        edgeLogger().error({ reason: messageOf(error) }, 'the journal is damaged: it is set aside and salvaged');
      }
    }
  } finally {
    unlock();
  }
}

/** From the opening of the journal to its closing. */
async function live(config: StoreConfig, signal: AbortSignal): Promise<void> {
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
  const stop = (): void => end();
  let calm = (): void => {};
  try {
    await hub.start();
    letYoungSpaceGrow();
    calm = giveBackWhenCalm();
    if (signal.aborted) end();
    signal.addEventListener('abort', stop, { once: true });
    const failure = await ended;
    if (failure) throw failure;
  } finally {
    signal.removeEventListener('abort', stop);
    calm();
    await hub.stop();
  }
}

function edgeLogger(): Logger {
  return childLoggers(createLogger('edge')).journal;
}

function isDamaged(error: unknown): boolean {
  if (error instanceof HubError && error.code === 'JOURNAL_DAMAGED') return true;
  return isDamage(error) || (error instanceof Error && isDamage(error.cause));
}

function writerOptions(config: StoreConfig, synced: boolean): WriterOptions {
  const { hub, timezone, hours, planogram, rules, campaigns, data_dir, journal, cloud, devices, sensing } = config;
  const { profile, departed_after } = sensing.rfid;
  return {
    hub,
    timezone,
    hours,
    planogram,
    rules,
    campaigns,
    items: { profile, departedAfter: departed_after, readers: readersOf(devices) },
    devices,
    dataDir: data_dir,
    identityKey: identityKey(data_dir),
    retention: { cloud: cloud !== undefined, keepMs: journal.keep, keepAcknowledgedMs: journal.keep_acknowledged },
    diskBudget: journal.disk_budget,
    synced,
    version: packageVersion(),
    configHash: configHash(config),
  };
}
