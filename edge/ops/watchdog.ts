/**
 * What a daemon tells systemd: that it is ready, what it is doing, that it makes progress, that it stops (sd_notify).
 * Node cannot reach Unix datagram sockets, so `systemd-notify` says it; a start of that costs some 20 ms, so progress
 * is told a few times in each watchdog period and not more. Without NOTIFY_SOCKET nothing of this happens.
 *
 * Progress is only ever told by whoever made it, never by a timer: a daemon that is stuck falls silent, and systemd
 * ends it and starts it anew.
 */
import { execFile } from 'node:child_process';
import { messageOf } from '../contracts/errors.ts';

/** Of a watchdog period, how much passes between two words about progress. */
const SHARE = 4;
/** Without a watchdog the status line is renewed this often, ms. */
const STATUS_MS = 60_000;
/** `systemd-notify` waits until it was heard; a systemd that does not listen must not pile them up, ms. */
const PATIENCE_MS = 10_000;

export interface WatchdogOptions {
  /** One line for `systemctl status`; asked when something is told. */
  readonly status: () => string;
  /** Hears once when `systemd-notify` cannot be used. */
  readonly onFault: (reason: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #now: () => number;
  readonly #every: number;
  #told = Number.NEGATIVE_INFINITY;
  #ready = false;
  #stopping = false;
  #faulty = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#now = options.now ?? (() => performance.now());
    const period = watchdogPeriod(this.#env);
    this.#every = period === undefined ? STATUS_MS : period / SHARE;
  }

  /** Whether a service manager listens. */
  get #listened(): boolean {
    return (this.#env.NOTIFY_SOCKET ?? '') !== '';
  }

  /** The daemon does its work from now on. */
  ready(): void {
    if (this.#ready || this.#stopping) return;
    this.#ready = true;
    this.#told = this.#now();
    this.#tell('READY=1', 'WATCHDOG=1');
  }

  /** Something was really done. Cheap: most calls end here. */
  progress(): void {
    const now = this.#now();
    if (now - this.#told < this.#every || !this.#ready || this.#stopping) return;
    this.#told = now;
    this.#tell('WATCHDOG=1');
  }

  /** The daemon ends; it says nothing more afterwards. */
  stopping(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#tell('STOPPING=1');
  }

  #tell(...words: string[]): void {
    if (!this.#listened) return;
    const status = this.#stopping ? 'stopping' : this.#options.status();
    // A status is one line.
    const assignments = [...words, `STATUS=${status.replaceAll(/[\r\n]+/g, ' ')}`];
    const child = execFile('systemd-notify', assignments, { env: this.#env, timeout: PATIENCE_MS }, (error) => {
      if (error === null || this.#faulty) return;
      this.#faulty = true;
      this.#options.onFault(messageOf(error));
    });
    // A stop is not held up by it.
    child.unref();
  }
}

/** WATCHDOG_USEC in milliseconds, when it is meant for this process (sd_watchdog_enabled(3)). */
function watchdogPeriod(env: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(env.WATCHDOG_USEC);
  const meant = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(process.pid);
  return meant && microseconds > 0 ? microseconds / 1000 : undefined;
}
