/**
 * The main thread's part of liveness: which configured devices were heard in the last second, and how far off their
 * clocks are, told to the writer in one request. With every delivery it does one look-up, and nothing at all where no
 * device is configured.
 */
import type { DeviceConfig } from './contracts/devices.ts';
import type { DeviceRegister, Heard, News } from './device-register.ts';
import type { HeardDevice } from './sensing/liveness.ts';

/** A device's clock is looked at so often, so that a backlog that comes at once is one look. ms. */
const LOOK_MS = 30_000;
const TELL_MS = 1000;

interface Entry {
  readonly name: string;
  heard: boolean;
  offset: number | undefined;
  /** Epoch ms. */
  lookedAt: number;
}

export interface DeviceWatchParts {
  readonly devices: readonly DeviceConfig[];
  readonly register: Pick<DeviceRegister, 'listen'>;
  /** Whether the hub's own clock is to be believed. */
  readonly synced: () => boolean;
  /** Rejects when nothing can be done about it now: then they are told of again. */
  readonly tell: (devices: readonly HeardDevice[]) => Promise<unknown>;
}

export class DeviceWatch {
  readonly #parts: DeviceWatchParts;
  readonly #entries = new Map<string, Entry>();
  #stopListening: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #telling = false;

  constructor(parts: DeviceWatchParts) {
    this.#parts = parts;
    for (const { name } of parts.devices)
      this.#entries.set(name, { name, heard: false, offset: undefined, lookedAt: 0 });
  }

  start(): void {
    if (this.#entries.size === 0) return;
    this.#stopListening = this.#parts.register.listen((device, now, news) => this.#hear(device, now, news));
    this.#timer = setInterval(() => void this.#tell(), TELL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#stopListening?.();
  }

  /** Who was heard since the last time. */
  take(): HeardDevice[] {
    const heard: HeardDevice[] = [];
    for (const entry of this.#entries.values()) {
      if (!entry.heard) continue;
      const { name: device, offset } = entry;
      heard.push(offset === undefined ? { device } : { device, offset });
      entry.heard = false;
      entry.offset = undefined;
    }
    return heard;
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    const heard = this.take();
    if (heard.length === 0) return;
    this.#telling = true;
    try {
      await this.#parts.tell(heard);
    } catch {
      // Nobody is called silent because the disk refused: it is said again with the next.
      for (const { device } of heard) {
        const entry = this.#entries.get(device);
        if (entry !== undefined) entry.heard = true;
      }
    } finally {
      this.#telling = false;
    }
  }

  #hear(device: string, now: number, news: News): void {
    if (news.is === 'trouble') return;
    const entry = this.#entries.get(device);
    if (entry === undefined) return;
    // Mostly said by somebody else: its broker, its gateway.
    entry.heard = !(news.is === 'heard' && saysOffline(news.what));
    if (news.is !== 'heard' || Math.abs(now - entry.lookedAt) < LOOK_MS) return;
    const told = news.what.readings.findLast(({ time, history }) => time !== undefined && history !== true);
    if (told?.time === undefined || !this.#parts.synced()) return;
    entry.lookedAt = now;
    entry.offset = told.time - now;
  }
}

function saysOffline({ kind, readings }: Heard): boolean {
  const last = kind === 'status' ? readings.findLast(({ history }) => history !== true) : undefined;
  return last !== undefined && (JSON.parse(last.body) as { online?: unknown }).online === false;
}
