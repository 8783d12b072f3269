/**
 * The main thread's side of the OPC UA servers: starts their thread once the hub is up, starts it again when it failed,
 * and hands over their frames. What could not be stored is tried again until something newer is known of that unit.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DeviceConfig } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';
import type { Frame } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import { type OpcUaFrame, opcUaGroups } from '../contracts/opcua.ts';
import type { Logger } from '../ops/logging.ts';
import type { FromOpcUa, OpcUaThreadOptions } from './opcua-thread.ts';

/** The hub is ready first: loading the library costs seconds. */
const AFTER_READY_MS = 200;
const PAUSES = { restart: 2000, longest: 60_000, tryAgain: 5000, stop: 4000 };

export interface OpcUaDevicesParts {
  readonly devices: readonly DeviceConfig[];
  readonly hub: string;
  /** Certificates are kept in `opcua/pki` in it. */
  readonly dataDir: string;
  readonly take: (device: string, frame: Frame, done: (receipt: Receipt) => void) => void;
  readonly trouble: (device: string, reason: string | undefined) => void;
  readonly logger: Logger;
  /** The thread's program; for tests. */
  readonly program?: URL;
  /** Milliseconds: before a failed thread is started again, at first and at most; before a frame is; for its end. */
  readonly pauses?: typeof PAUSES;
}

export class OpcUaDevices {
  readonly #parts: OpcUaDevicesParts;
  readonly #options: OpcUaThreadOptions;
  /** Newest frames that were not stored, by device and unit. */
  readonly #waiting = new Map<string, { readonly device: string; readonly frame: Frame }>();
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #pauses: typeof PAUSES;
  #pause: number;
  #stopping = false;

  constructor(parts: OpcUaDevicesParts) {
    this.#parts = parts;
    this.#pauses = parts.pauses ?? PAUSES;
    this.#pause = this.#pauses.restart;
    const servers = parts.devices.flatMap((device) =>
      device.opcua === undefined
        ? []
        : [{ device: device.name, source: device.opcua, groups: opcUaGroups(device).groups }],
    );
    this.#options = { hub: parts.hub, pki: join(parts.dataDir, 'opcua', 'pki'), servers };
  }

  async start(): Promise<void> {
    this.#timer = setTimeout(() => this.#begin(), AFTER_READY_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('stop');
    const kill = setTimeout(() => void worker.terminate(), this.#pauses.stop);
    await ended;
    clearTimeout(kill);
  }

  #begin(): void {
    const { logger } = this.#parts;
    const began = performance.now();
    // What the library prints is no line of the hub's log.
    const worker = new Worker(this.#parts.program ?? new URL('./opcua-thread.js', import.meta.url), {
      workerData: this.#options,
      name: 'opcua',
      stdout: true,
      stderr: true,
    });
    this.#worker = worker;
    for (const output of [worker.stdout, worker.stderr])
      output.setEncoding('utf8').on('data', (text: string) => logger.debug({ text: text.trimEnd() }, 'OPC UA library'));
    worker.on('message', (message: FromOpcUa) => this.#hear(message));
    let fault = 'its thread ended';
    worker.on('error', (error) => {
      fault = messageOf(error);
    });
    worker.on('exit', () => {
      this.#worker = undefined;
      if (this.#stopping) return;
      if (performance.now() - began > this.#pauses.longest) this.#pause = this.#pauses.restart;
      logger.error({ reason: fault, againInMs: this.#pause }, 'the OPC UA client failed: it is started again');
      for (const { device } of this.#options.servers) this.#parts.trouble(device, `the OPC UA client failed: ${fault}`);
      this.#timer = setTimeout(() => this.#begin(), this.#pause);
      this.#pause = Math.min(this.#pauses.longest, this.#pause * 2);
    });
  }

  #hear(message: FromOpcUa): void {
    const { device } = message;
    if (message.is === 'trouble') this.#parts.trouble(device, message.reason);
    else {
      const bytes = Buffer.from(JSON.stringify(message.frame));
      this.#take(device, message.frame, { bytes, received: Date.now() });
    }
  }

  #take(device: string, { unit, probe }: Pick<OpcUaFrame, 'unit' | 'probe'>, frame: Frame): void {
    const key = JSON.stringify([device, unit, probe]);
    this.#waiting.set(key, { device, frame });
    this.#parts.take(device, frame, ({ outcome }) => {
      if (outcome !== 'not-stored') {
        if (this.#waiting.get(key)?.frame === frame) this.#waiting.delete(key);
      } else if (!this.#stopping) this.#retry ??= setTimeout(() => this.#tryAgain(), this.#pauses.tryAgain);
    });
  }

  #tryAgain(): void {
    this.#retry = undefined;
    for (const [key, { device, frame }] of [...this.#waiting]) {
      const [, unit, probe] = JSON.parse(key) as [string, string, OpcUaFrame['probe']];
      this.#take(device, { unit, probe }, frame);
    }
  }
}
