/** Every ten seconds a line of figures about the soak, kept for the report and appended to a CSV file at once. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Usage, usageOf } from '../bench/proc.ts';
import type { Devices } from './devices.ts';
import type { MemorySample } from './memory.ts';
import { bufferedEvents, journalBytes, type Stage } from './stage.ts';

const EVERY_MS = 10_000;

export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly edgeMb: number | undefined;
  readonly bridgeMb: number | undefined;
  readonly journalMb: number;
  /** Events that wait for head office. */
  readonly lag: number | undefined;
  /** Acknowledged to devices per second since the last line. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly connected: number;
  /** The fault that was on. */
  readonly fault: string;
}

const COLUMNS = ['at', 'edgeMb', 'bridgeMb', 'journalMb', 'lag', 'rate', 'p50', 'p99', 'connected', 'fault'] as const;

export class Recorder {
  readonly samples: Sample[] = [];
  readonly edgeMemory: MemorySample[] = [];
  readonly bridgeMemory: MemorySample[] = [];
  /** The fault that is on; the report's lines name it. */
  fault = '';
  readonly #stage: Stage;
  readonly #devices: Devices;
  readonly #file: string;
  readonly #begun = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(stage: Stage, devices: Devices, file: string) {
    this.#stage = stage;
    this.#devices = devices;
    this.#file = file;
  }

  start(): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    appendFileSync(this.#file, `${COLUMNS.join(',')}\n`);
    let window = this.#devices.window();
    let before = 0;
    let last = performance.now();
    this.#timer = setInterval(() => {
      const { latencies, close } = window;
      close();
      window = this.#devices.window();
      const now = performance.now();
      const { acknowledged } = this.#devices;
      const rate = ((acknowledged - before) * 1000) / (now - last);
      before = acknowledged;
      last = now;
      void this.#record(rate, latencies.percentile(0.5), latencies.percentile(0.99));
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #record(rate: number, p50: number, p99: number): Promise<void> {
    const { edge, bridge, store } = this.#stage;
    const at = Math.round((performance.now() - this.#begun) / 100) / 10;
    const sample: Sample = {
      at,
      edgeMb: this.#memory(this.edgeMemory, at, edge.pid),
      bridgeMb: this.#memory(this.bridgeMemory, at, bridge.pid),
      journalMb: Math.round(journalBytes(store) / 2 ** 20),
      lag: await bufferedEvents(store),
      rate: Math.round(rate),
      p50: Math.round(p50 * 100) / 100,
      p99: Math.round(p99 * 100) / 100,
      connected: this.#devices.last?.connected ?? 0,
      fault: this.fault,
    };
    this.samples.push(sample);
    appendFileSync(this.#file, `${COLUMNS.map((column) => sample[column] ?? '').join(',')}\n`);
  }

  #memory(into: MemorySample[], at: number, pid: number | undefined): number | undefined {
    const usage = pid === undefined ? undefined : usageNow(pid);
    if (pid === undefined || usage === undefined) return undefined;
    const rssMb = Math.round(usage.rssMb * 10) / 10;
    into.push({ at, pid, rssMb });
    return rssMb;
  }
}

/** Nothing when the process ended a moment ago. */
function usageNow(pid: number): Usage | undefined {
  try {
    return usageOf(pid);
  } catch {
    return undefined;
  }
}
