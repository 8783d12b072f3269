/**
 * A device on a serial line: opened by its stable name, cut into telegrams by its codec's parser, opened again when
 * the adapter comes back, under whatever number. A line has no acknowledgement and cannot be held up for long, so what
 * waits is bounded and what is lost is counted; what is wrong with it is said once, and taken back when it works again.
 */
import { readdir, realpath } from 'node:fs/promises';
import { SerialPort } from 'serialport';
import { maskCardData } from '../contracts/card-data.ts';
import type { SerialSource } from '../contracts/devices.ts';
import { messageOf } from '../contracts/errors.ts';
import type { Frame, LineParser } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import type { Logger } from '../ops/logging.ts';
import { FramesInOrder } from './frames-in-order.ts';

const BY_ID = '/dev/serial/by-id';
/** How often an absent port is tried, and a present one looked at. */
const EVERY_MS = 1000;
/** Bytes without any telegram, over at least so long: the line is set otherwise than the device. */
const GARBAGE_BYTES = 16;
const GARBAGE_MS = 5000;
/** Bytes of it that are shown. */
const LONGEST_SAMPLE = 40;
const HEX_SAMPLE = 12;
const MOSTLY_TEXT = 0.7;
/** A line that is held up longer is read again and its newest lost, so that the loss is known and counted. */
const HELD_MS = 2000;
/** Between two greetings: a reader finishes its round before it obeys. */
const PAUSE_MS = 1000;
const MOST_UNWRITTEN = 4096;
const STOP_MS = 2000;
const LOSING = 'it says more than can be stored: its newest telegrams are lost';

export interface SerialLineParts {
  readonly device: string;
  readonly codec: string;
  readonly source: SerialSource;
  /** A fresh one for each opening: half a telegram is not continued after a gap. */
  readonly parser: () => LineParser;
  readonly take: (frame: Frame, done: (receipt: Receipt) => void) => void;
  /** What is wrong, in a sentence for an installer; undefined: it works again. */
  readonly trouble: (reason: string | undefined) => void;
  readonly logger: Logger;
  /** Where the stable names are; for tests. */
  readonly byId?: string;
}

/** What belongs to one opening of the port. */
interface Opened {
  readonly port: SerialPort;
  readonly parser: LineParser;
  /** Which port the stable name meant. */
  readonly real: string;
  readonly timers: NodeJS.Timeout[];
  readonly idle: NodeJS.Timeout | undefined;
  /** When bytes that are no telegram began to come, and how many were skipped before. */
  /** Nothing came for half the time after which the line is quiet. */
  calm: boolean;
  garbageSince: number | undefined;
  garbageFrom: number;
  /** The beginning of what came then. */
  garbage: string | undefined;
  lastTelegram: number;
  heldSince: number | undefined;
}

export class SerialLine {
  readonly #parts: SerialLineParts;
  readonly #path: string;
  readonly #frames: FramesInOrder;
  #opened: Opened | undefined;
  #tick: NodeJS.Timeout | undefined;
  #looking = false;
  #stopped = false;
  #reason: string | undefined;
  #lostTold = 0;

  constructor(parts: SerialLineParts) {
    this.#parts = parts;
    const { port } = parts.source;
    this.#path = port.includes('/') ? port : `${parts.byId ?? BY_ID}/${port}`;
    this.#frames = new FramesInOrder({ take: parts.take, onRoom: () => this.#goOn() });
  }

  /** Telegrams lost for want of room, since start. */
  get lost(): number {
    return this.#frames.lost;
  }

  /** Resolves soon, whether or not the port is there. */
  async start(): Promise<void> {
    this.#tick = setInterval(() => void this.#look(), EVERY_MS);
    await this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#tick);
    await this.#close();
    await this.#frames.stop(STOP_MS);
  }

  /** Once a second: is the port there, is it still the same, and does it make sense. */
  async #look(): Promise<void> {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    try {
      const real = await realpath(this.#path).catch(() => undefined);
      if (this.#opened !== undefined && this.#opened.real !== real) await this.#away('it was unplugged');
      if (this.#opened !== undefined) this.#judge(this.#opened);
      else if (real === undefined) await this.#absent();
      else await this.#open(real);
    } finally {
      this.#looking = false;
    }
  }

  /** Said anew when other adapters come or go: one of them may be the one that was meant. */
  async #absent(): Promise<void> {
    const names = await readdir(this.#parts.byId ?? BY_ID).catch(() => []);
    const there = names.length === 0 ? 'no other adapter is there' : `there are ${names.slice(0, 8).join(', ')}`;
    this.#say(`nothing is plugged in as ${this.#path}; ${there}`);
  }

  async #open(real: string): Promise<void> {
    const { baud, frame } = this.#parts.source;
    const port = new SerialPort({
      path: real,
      baudRate: baud,
      dataBits: frame.startsWith('7') ? 7 : 8,
      parity: frame[1] === 'E' ? 'even' : frame[1] === 'O' ? 'odd' : 'none',
      stopBits: 1,
      autoOpen: false,
    });
    const failed = await new Promise<Error | null>((resolve) => port.open(resolve));
    if (failed !== null) {
      this.#say(`${this.#path} cannot be opened: ${messageOf(failed)}${hintFor(failed)}`);
      return;
    }
    if (this.#stopped) {
      await closed(port);
      return;
    }
    this.#opened = this.#begin(port, real);
    this.#parts.logger.info({ device: this.#parts.device, port: real, baud, frame }, 'a serial line is open');
    this.#say(undefined);
  }

  #begin(port: SerialPort, real: string): Opened {
    const parser = this.#parts.parser();
    const { idleMs, ask, greeting } = parser;
    const timers: NodeJS.Timeout[] = [];
    const send = (bytes: Uint8Array): void => {
      if (port.isOpen && port.writableLength < MOST_UNWRITTEN) port.write(Buffer.from(bytes));
    };
    const idle =
      idleMs === undefined || parser.idle === undefined
        ? undefined
        : setTimeout(() => this.#onIdle(opened), idleMs / 2);
    const opened: Opened = {
      port,
      parser,
      real,
      timers,
      idle,
      calm: true,
      garbageSince: undefined,
      garbageFrom: 0,
      garbage: undefined,
      lastTelegram: Date.now(),
      heldSince: undefined,
    };
    const gone = (error: Error | null | undefined): void => {
      if (this.#opened === opened) void this.#away(error ? messageOf(error) : 'it was unplugged');
    };
    port.on('error', gone);
    port.on('close', gone);
    port.on('data', (chunk: Buffer) => this.#read(opened, chunk));
    if (greeting !== undefined) {
      const greetings = greeting instanceof Uint8Array ? [greeting] : greeting;
      const greet = (): void => {
        for (const [index, bytes] of greetings.entries()) setTimeout(() => send(bytes), index * PAUSE_MS);
      };
      greet();
      const { greetAgainMs } = parser;
      if (greetAgainMs !== undefined) {
        const again = (): void => {
          if (Date.now() - opened.lastTelegram >= greetAgainMs) greet();
        };
        timers.push(setInterval(again, greetAgainMs));
      }
    }
    if (ask !== undefined) timers.push(setInterval(() => send(ask.bytes), ask.everyMs));
    return opened;
  }

  #read(opened: Opened, chunk: Buffer): void {
    if (this.#opened !== opened) return;
    // Not every adapter takes the parity bit away.
    const bytes = this.#parts.source.frame.startsWith('7') ? chunk.map((byte) => byte & 0x7f) : chunk;
    opened.calm = false;
    opened.idle?.refresh();
    this.#handOver(opened, opened.parser.push(bytes));
    if (opened.parser.skipped === opened.garbageFrom) return;
    opened.garbageSince ??= Date.now();
    opened.garbage ??= sampleOf(bytes);
  }

  /** In two steps: a process that was busy has not read yet what came meanwhile. */
  #onIdle(opened: Opened): void {
    if (this.#opened !== opened) return;
    if (opened.calm) this.#handOver(opened, opened.parser.idle?.() ?? []);
    else {
      opened.calm = true;
      opened.idle?.refresh();
    }
  }

  #handOver(opened: Opened, telegrams: readonly Uint8Array[]): void {
    if (telegrams.length === 0) return;
    const received = Date.now();
    opened.lastTelegram = received;
    opened.garbageSince = undefined;
    opened.garbage = undefined;
    opened.garbageFrom = opened.parser.skipped;
    // Copies: a telegram may be a view of a chunk that is reused, and it waits.
    for (const telegram of telegrams) this.#frames.push({ bytes: Uint8Array.from(telegram), received });
    if (this.#frames.many && opened.heldSince === undefined) {
      opened.heldSince = received;
      opened.port.pause();
    }
    if (this.#reason !== LOSING) this.#say(undefined);
  }

  /** Few telegrams wait again. */
  #goOn(): void {
    const opened = this.#opened;
    if (opened?.heldSince === undefined) return;
    opened.heldSince = undefined;
    opened.port.resume();
  }

  #judge(opened: Opened): void {
    const { source, codec } = this.#parts;
    const now = Date.now();
    if (opened.heldSince !== undefined && now - opened.heldSince >= HELD_MS) opened.port.resume();
    const { lost } = this.#frames;
    if (lost > this.#lostTold) {
      this.#lostTold = lost;
      this.#say(LOSING);
      return;
    }
    if (this.#reason === LOSING) {
      this.#parts.logger.warn({ device: this.#parts.device, lost }, 'telegrams of a serial line were lost since start');
      this.#say(undefined);
    }
    const skipped = opened.parser.skipped - opened.garbageFrom;
    if (opened.garbageSince !== undefined && skipped >= GARBAGE_BYTES && now - opened.garbageSince >= GARBAGE_MS)
      this.#say(
        `bytes come that are no telegram of ${codec}, such as ${opened.garbage}: check baud (${source.baud}) and frame (${source.frame}), and the codec`,
      );
  }

  async #away(reason: string): Promise<void> {
    await this.#close();
    if (!this.#stopped) this.#say(`the line is down: ${reason}`);
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return;
    this.#opened = undefined;
    for (const timer of opened.timers) clearInterval(timer);
    clearTimeout(opened.idle);
    await closed(opened.port);
  }

  #say(reason: string | undefined): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#parts.trouble(reason);
  }
}

/** What an installer may recognise: another protocol as text, a wrong speed as hex that changes. */
function sampleOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, LONGEST_SAMPLE))
    .toString('latin1')
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  if (text.length > MOSTLY_TEXT * Math.min(bytes.length, LONGEST_SAMPLE) && !/[^ -~]/.test(text))
    return JSON.stringify(maskCardData(text));
  const hex = Buffer.from(bytes.subarray(0, HEX_SAMPLE)).toString('hex').toUpperCase();
  return `${hex.replace(/..(?=.)/g, '$& ')} (hex)`;
}

function hintFor({ message }: Error): string {
  if (/permission/i.test(message)) return "; the hub's user must be in the group of serial lines, such as dialout";
  if (/lock|busy/i.test(message)) return '; another program, or another device of the configuration, has it open';
  return '';
}

/** What was not sent yet is given up: a device that takes nothing must not hold up the stop. */
async function closed(port: SerialPort): Promise<void> {
  if (!port.isOpen) return;
  await new Promise<void>((resolve) => port.flush(() => port.close(() => resolve())));
}
