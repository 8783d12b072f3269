/** The edge daemon: `store-hub edge`. Starts the hub, waits for the signal or a failed disk, stops it. */
import type { StoreConfig } from '../config/schema.ts';
import type { HubError } from './contracts/errors.ts';
import { Hub } from './hub.ts';
import { lockDataDir } from './journal/database.ts';

/** Resolves after a clean stop; throws the HubError that kept it from starting or made it end. */
export async function runEdge(config: StoreConfig, signal: AbortSignal): Promise<void> {
  const unlock = lockDataDir(config.data_dir);
  try {
    let end = (_failure?: HubError): void => {};
    const ended = new Promise<HubError | undefined>((resolve) => {
      end = resolve;
    });
    const hub = new Hub(config, end);
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
