/** One publishing connection: a raw socket, a window of unacknowledged sales, and as few allocations as possible. */
import { connect, type Socket } from 'node:net';
import type { Latencies } from './latencies.ts';
import { connectPacket } from './mqtt-bytes.ts';
import { SalePackets } from './sales.ts';

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly run: string;
  readonly index: number;
  readonly window: number;
  /** One sale of a hundred names one of so many; 0: none does. */
  readonly shoppers: number;
  readonly latencies: Latencies;
  /** How many more sales may be sent now; the connection sends at most that many and reports them by `took`. */
  readonly allowance: () => number;
  readonly took: (count: number) => void;
  readonly acked: (count: number) => void;
  readonly failed: (reason: string) => void;
  /** ISO 8601 text of now, 24 bytes. */
  readonly timeText: Buffer;
}

const PUBACK_FIRST = 0x40;
const CONNACK_FIRST = 0x20;

/**
 * Packets lie in `window` slots of one block and go out in slot order, so what follows each other in the window
 * follows each other in memory and one write takes it. A slot is filled again only after its PUBACK, when the kernel
 * has long copied it.
 */
export class SaleConnection {
  sent = 0;
  acknowledged = 0;
  private socket: Socket | undefined;
  private readonly packets: SalePackets;
  private readonly sentAt: Float64Array;
  private readonly busy: Uint8Array;
  private nextSlot = 0;
  private readonly partial = Buffer.alloc(4);
  private partialLength = 0;
  private closing = false;
  private readonly options: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.packets = new SalePackets(options.run, options.index, options.window, options.shoppers);
    this.sentAt = new Float64Array(options.window);
    this.busy = new Uint8Array(options.window);
  }

  /** Connects; resolves at a CONNACK that accepts. */
  async start(): Promise<void> {
    const { host, port, run, index } = this.options;
    const socket = connect({ host, port, noDelay: true });
    this.socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => socket.write(connectPacket(`load-${run}-${index}`)));
      socket.once('data', (chunk: Buffer) => {
        if (chunk[0] === CONNACK_FIRST && chunk[3] === 0) resolve();
        else reject(new Error(`CONNECT refused with code ${chunk[3]}`));
      });
    });
    socket.removeAllListeners('error');
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => this.fail('closed by the other side'));
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
  }

  stop(): void {
    this.closing = true;
    this.socket?.end(Buffer.from([0xe0, 0]));
  }

  /** Sends whatever window and allowance permit. */
  pump(): void {
    const { window, timeText } = this.options;
    const allowed = Math.min(this.options.allowance(), window);
    if (allowed <= 0) return;
    const now = performance.now();
    let taken = 0;
    while (taken < allowed) {
      const from = this.nextSlot;
      let slot = from;
      while (taken < allowed && slot < window && this.busy[slot] === 0) {
        this.packets.fill(slot, this.sent, timeText);
        this.sentAt[slot] = now;
        this.busy[slot] = 1;
        this.sent += 1;
        taken += 1;
        slot += 1;
      }
      if (slot === from) break;
      this.nextSlot = slot === window ? 0 : slot;
      this.socket?.write(this.packets.bytes.subarray(from * this.packets.size, slot * this.packets.size));
    }
    if (taken > 0) this.options.took(taken);
  }

  private onData(chunk: Buffer): void {
    const now = performance.now();
    let at = 0;
    let count = 0;
    if (this.partialLength > 0) {
      while (this.partialLength < 4 && at < chunk.length) {
        this.partial[this.partialLength] = chunk[at] ?? 0;
        this.partialLength += 1;
        at += 1;
      }
      if (this.partialLength < 4) return;
      this.partialLength = 0;
      count += this.onAck(this.partial, 0, now);
    }
    for (; at + 4 <= chunk.length; at += 4) count += this.onAck(chunk, at, now);
    this.partialLength = chunk.copy(this.partial, 0, at);
    if (count > 0) {
      this.acknowledged += count;
      this.options.acked(count);
      this.pump();
    }
  }

  /** 1 for an awaited PUBACK. Nothing else may come on a connection that only publishes. */
  private onAck(bytes: Buffer, at: number, now: number): number {
    const slot = (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) - 1;
    if (bytes[at] !== PUBACK_FIRST || bytes[at + 1] !== 2 || this.busy[slot] !== 1) {
      this.fail(`unexpected bytes ${bytes.subarray(at, at + 4).toString('hex')} where a PUBACK was awaited`);
      return 0;
    }
    this.busy[slot] = 0;
    this.options.latencies.add((now - (this.sentAt[slot] ?? now)) * 1000);
    return 1;
  }

  private fail(reason: string): void {
    if (this.closing) return;
    this.closing = true;
    this.options.failed(`connection ${this.options.index}: ${reason}`);
    this.socket?.destroy();
  }
}
