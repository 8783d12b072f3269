/**
 * One device of the soak: publishes its readings in order at QoS 1 with a window, and never gives one up: after a
 * broken connection it connects again and sends everything unacknowledged once more, in order. First of all it tells,
 * on each connection, of its shopper's consent: until that is acknowledged a sighting would make no event.
 */
import { connect, type Socket } from 'node:net';
import { connectPacket, PACKET, PacketCutter, publishPacket } from '../load/mqtt-bytes.ts';
import { consentReading, reading } from './readings.ts';

export interface PublisherOptions {
  readonly port: number;
  readonly run: string;
  readonly device: number;
  readonly window: number;
  /** Hears how long each acknowledgement took. */
  readonly latencies: { add(us: number): void };
  /** How many more readings may be sent for the first time. */
  readonly allowance: () => number;
  readonly took: (count: number) => void;
}

const RETRY_MS = 250;
/** A connection without any answer for so long is given up, as a device would. */
const SILENCE_MS = 20_000;

export class Publisher {
  /** Readings sent at least once; the next one's number. */
  sent = 0;
  /** All readings below this number are acknowledged. */
  acknowledged = 0;
  /** Connections lost after they had been accepted. */
  lost = 0;
  connected = false;
  #consented = false;
  readonly #options: PublisherOptions;
  /** For each slot (number modulo window) whether its acknowledgement is awaited, and since when. */
  readonly #awaited: Uint8Array;
  readonly #since: Float64Array;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastAnswer = 0;
  #stopped = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#awaited = new Uint8Array(options.window);
    this.#since = new Float64Array(options.window);
  }

  start(): void {
    if (this.#stopped) return;
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    this.#socket = socket;
    this.#lastAnswer = performance.now();
    const cutter = new PacketCutter();
    socket.on('connect', () => socket.write(connectPacket(`${this.#options.run}-${this.#options.device}`)));
    socket.on('data', (chunk: Buffer) => {
      this.#lastAnswer = performance.now();
      cutter.push(chunk, ({ type, body }) => {
        if (type === PACKET.connack && body[1] === 0) this.#accepted();
        else if (type === PACKET.puback) this.#acked(body.readUInt16BE(0));
      });
      this.pump();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.connected) this.lost += 1;
      this.connected = false;
      this.#consented = false;
      if (!this.#stopped) this.#retry = setTimeout(() => this.start(), RETRY_MS);
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#socket?.end(Buffer.from([0xe0, 0]));
  }

  /** Sends what window and allowance permit; called at each tick. */
  pump(): void {
    if (!this.connected) return;
    const waiting = !this.#consented || this.sent > this.acknowledged;
    if (waiting && performance.now() - this.#lastAnswer > SILENCE_MS) {
      this.#socket?.destroy();
      return;
    }
    if (!this.#consented) return;
    const { window, allowance, took } = this.#options;
    const count = Math.min(allowance(), this.acknowledged + window - this.sent);
    if (count <= 0) return;
    if (!waiting) this.#lastAnswer = performance.now();
    const from = this.sent;
    this.sent += count;
    took(count);
    this.#send(from);
  }

  #accepted(): void {
    this.connected = true;
    const { run, device, window } = this.#options;
    const { topic, payload } = consentReading(run, device);
    this.#socket?.write(publishPacket(topic, window + 1, Buffer.from(payload)));
  }

  /** Sends all unacknowledged readings from this number on. A resent one's latency counts from its resending. */
  #send(from: number): void {
    const { run, device, window } = this.#options;
    const now = performance.now();
    const time = new Date().toISOString();
    const packets: Buffer[] = [];
    for (let number = from; number < this.sent; number += 1) {
      const slot = number % window;
      this.#awaited[slot] = 1;
      this.#since[slot] = now;
      const { topic, payload } = reading(run, device, number, time);
      packets.push(publishPacket(topic, slot + 1, Buffer.from(payload)));
    }
    if (packets.length > 0) this.#socket?.write(Buffer.concat(packets));
  }

  /** Packet id = slot + 1; consent's lies beyond the window. */
  #acked(packetId: number): void {
    if (packetId === this.#options.window + 1) {
      this.#consented = true;
      this.#send(this.acknowledged);
      return;
    }
    const slot = packetId - 1;
    if (this.#awaited[slot] !== 1) return;
    this.#awaited[slot] = 0;
    this.#options.latencies.add((performance.now() - (this.#since[slot] ?? 0)) * 1000);
    while (this.acknowledged < this.sent && this.#awaited[this.acknowledged % this.#options.window] === 0) {
      this.acknowledged += 1;
    }
  }
}
