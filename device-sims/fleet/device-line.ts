/** A device's end of a serial line: a pair of pseudo-terminals (socat), which may be pulled and plugged in again. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SerialEnd } from '../devices/serial/serial-end.ts';
import { SerialCable } from '../harness/serial-cable.ts';
import type { FleetTally } from './sim-device.ts';

const PORT = 'port';

export class DeviceLine implements SerialEnd {
  /** The hub's end, as its configuration names it. */
  readonly port: string;
  readonly #folder: string;
  readonly #tally: FleetTally;
  readonly #listeners: ((bytes: Buffer) => void)[] = [];
  #cable: SerialCable | undefined;
  #isOut = true;
  /** Resolves when the cable is pulled: what was on it then is answered by nobody. */
  #pulled: Promise<void> = Promise.resolve();
  #pull = (): void => undefined;
  #fault: unknown;
  /** Pulling and plugging in take their time, one after the other. */
  #hands: Promise<void> = Promise.resolve();

  /** @param dir its own folder, with the name of the device, is made in it */
  constructor(dir: string, name: string, tally: FleetTally) {
    this.#folder = join(dir, name);
    this.port = join(this.#folder, PORT);
    this.#tally = tally;
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    this.#cable = await SerialCable.make(PORT, this.#folder);
    await this.#plug(this.#cable);
  }

  /** Resolves when the line took it; while the cable is out it goes nowhere. */
  async say(bytes: Uint8Array): Promise<void> {
    if (this.#isOut || this.#cable === undefined) return;
    this.#tally.sent += 1;
    this.#tally.acknowledged += 1;
    const said = this.#cable.say(bytes).catch((error: unknown) => {
      if (!this.#isOut) this.#fault ??= error;
    });
    await Promise.race([said, this.#pulled]);
  }

  hear(listener: (bytes: Buffer) => void): void {
    this.#listeners.push(listener);
    if (!this.#isOut) this.#cable?.hear(listener);
  }

  unplug(isOut: boolean): void {
    const cable = this.#cable;
    if (cable === undefined) return;
    if (isOut) {
      this.#isOut = true;
      this.#pull();
    }
    this.#hands = this.#hands
      .then(() => (isOut ? cable.pull() : this.#plug(cable)))
      .catch((error: unknown) => {
        this.#fault ??= error;
      });
  }

  /** Throws what went wrong. */
  check(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  async stop(): Promise<void> {
    await this.drop();
    this.check();
  }

  /** Whatever is still on it. */
  async drop(): Promise<void> {
    this.#isOut = true;
    this.#pull();
    await this.#hands;
    await this.#cable?.remove();
  }

  async #plug(cable: SerialCable): Promise<void> {
    await cable.plug();
    for (const listener of this.#listeners) cable.hear(listener);
    this.#pulled = new Promise((resolve) => {
      this.#pull = resolve;
    });
    this.#isOut = false;
  }
}
