/**
 * A serial cable made of two pseudo-terminals (socat): what is written into one end comes out of the other. Pulled and
 * plugged in again it is another terminal under the same stable name, as an adapter is.
 */
import { constants, existsSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { type GuardedProcess, spawnGuarded } from './guarded-process.ts';
import { waitUntil } from './wait-until.ts';

export class SerialCable {
  readonly folder: string;
  /** Stable name of the hub's end. */
  readonly hubEnd: string;
  readonly #deviceEnd: string;
  #socat: GuardedProcess | undefined;
  #blocker: GuardedProcess | undefined;
  #port: SerialPort | undefined;
  /** Nobody reads it: a terminal that nobody has open would end the cable when the hub stops. */
  #held: FileHandle | undefined;

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.hubEnd = join(folder, name);
    this.#deviceEnd = join(folder, `${name}-device`);
  }

  /** Not plugged in yet. `folder`: one of its own, which goes with it; absent: a temporary one. */
  static async make(name = 'usb-adapter', folder?: string): Promise<SerialCable> {
    return new SerialCable(folder ?? (await mkdtemp(join(tmpdir(), 'serial-'))), name);
  }

  /** Resolves to the terminal that the stable name means now. */
  async plug(): Promise<string> {
    const [hub, device] = [this.hubEnd, this.#deviceEnd];
    const socat = spawnGuarded('socat', [`pty,raw,echo=0,link=${hub}`, `pty,raw,echo=0,link=${device}`]);
    this.#socat = socat;
    await waitUntil('the cable', () => existsSync(hub) && existsSync(device));
    this.#held = await open(hub, constants.O_RDWR | constants.O_NOCTTY);
    const port = new SerialPort({ path: device, baudRate: 115_200, autoOpen: false });
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
    port.on('error', () => undefined);
    this.#port = port;
    return realpath(hub);
  }

  /** The names vanish, and the next plug gets another terminal. */
  async pull(): Promise<void> {
    const old = await realpath(this.hubEnd);
    await this.#end(this.#socat);
    this.#socat = undefined;
    await waitUntil('the names to vanish', () => !existsSync(this.hubEnd));
    await this.#end(this.#blocker);
    // Takes the numbers that have just become free.
    this.#blocker = spawnGuarded('socat', [`pty,link=${this.hubEnd}-other`, 'pty']);
    await waitUntil('another terminal', () => existsSync(`${this.hubEnd}-other`) && old !== '');
  }

  /** The device speaks. Resolves when the line took it. */
  async say(bytes: Uint8Array): Promise<void> {
    const port = this.#port;
    if (port === undefined) throw new Error('the cable is not plugged in');
    await new Promise<void>((resolve, reject) => {
      port.write(Buffer.from(bytes), (error) => {
        if (error) reject(error);
        else port.drain(() => resolve());
      });
    });
  }

  /** The device hears what the hub sends. */
  hear(listener: (bytes: Buffer) => void): void {
    this.#port?.on('data', listener);
  }

  async remove(): Promise<void> {
    await this.#end(this.#socat);
    await this.#end(this.#blocker);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #end(child: GuardedProcess | undefined): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    await this.#held?.close();
    this.#held = undefined;
    if (port?.isOpen) await new Promise<void>((resolve) => port.close(() => resolve()));
    if (child?.running()) await child.end('SIGTERM');
  }
}
