/**
 * One client's session: its subscriptions, and the messages that it has not confirmed, in their order. While the client
 * is there they are sent, so many at a time and as fast as it reads; when it comes back, those that may have been sent
 * go again with the id they had (MQTT 3.1.1, section 4.4). A message gets its packet id as it is queued, so that a
 * restart does not send it again under another one, which a receiver of QoS 2 would take for a new message.
 */
import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { QueuedMessage } from '../contracts/sessions.ts';
import { LARGE } from './large-packets.ts';
import { type OutgoingMessage, publishBytes, pubrelBytes } from './outgoing.ts';

/** Sent and not confirmed at the same time. */
export const WINDOW = 100;
/** Messages that may wait when further retained ones of QoS 0 are asked for. */
const MOST_LATER = 10_000;
/** Bytes that may wait in a socket before messages of QoS 0 to it are dropped. */
const MOST_UNREAD = 262_144;
/** What a message costs besides its topic and payload, roughly. */
const OVERHEAD_BYTES = 64;

export interface Queued extends Omit<QueuedMessage, 'released'> {
  released: boolean;
  /** It may have been sent: a further time it is marked as a repetition. */
  sent: boolean;
}

/** What its session needs of the connection. */
export interface Link {
  readonly client: Client;
  readonly socket: Duplex;
  /** Whether the client may read the topic now. */
  mayRead(message: OutgoingMessage): boolean;
}

export class Session {
  readonly client: string;
  /** It outlives the connection (clean session off). */
  readonly kept: boolean;
  /** Filters and the quality of service granted for each. */
  readonly subscriptions = new Map<string, number>();
  readonly #queue = new Map<number, Queued>();
  readonly #byPacket = new Map<number, Queued>();
  /** Still to be sent on this connection; retained messages of QoS 0 among them. */
  #unsent: (Queued | OutgoingMessage)[] = [];
  readonly #inFlight = new Set<number>();
  #nextPacket = 1;
  #link: Link | undefined;
  #draining = false;
  /** The connection that has it, from before CONNACK on. */
  holder: Client | undefined;
  /** Bytes of the queued messages. */
  bytes = 0;
  /** Number of the newest message that may have been sent. */
  sent = 0;
  /** Monotonic ms; undefined while the client is there. */
  awaySince: number | undefined;
  /** Filters of an earlier run were not kept. */
  lostFilters = false;
  /** It was said that it loses messages. */
  warned = false;

  constructor(client: string, kept: boolean) {
    this.client = client;
    this.kept = kept;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get size(): number {
    return this.#queue.size;
  }

  messages(): Iterable<Queued> {
    return this.#queue.values();
  }

  /** A message of an earlier run. */
  restore(message: QueuedMessage, sent: boolean): void {
    this.#keep({ ...message, sent });
    this.#nextPacket = (message.packet % 65_535) + 1;
  }

  /** Queues one for sending; `sendQueued` sends it. */
  enqueue(number: number, { topic, payload, retain }: OutgoingMessage, qos: number): Queued {
    const queued: Queued = {
      number,
      client: this.client,
      packet: this.#freePacket(),
      qos,
      released: false,
      retain,
      topic,
      payload,
      sent: false,
    };
    this.#keep(queued);
    if (this.#link !== undefined) this.#unsent.push(queued);
    return queued;
  }

  #keep(queued: Queued): void {
    this.#queue.set(queued.number, queued);
    this.#byPacket.set(queued.packet, queued);
    this.bytes += costOf(queued);
  }

  #freePacket(): number {
    let packet = this.#nextPacket;
    while (this.#byPacket.has(packet)) packet = (packet % 65_535) + 1;
    this.#nextPacket = (packet % 65_535) + 1;
    return packet;
  }

  /** The oldest that can be given up: one that the client may have half of must stay, or its id would be stuck there. */
  oldest(): Queued | undefined {
    for (const queued of this.#queue.values()) {
      const begun = queued.released || (queued.sent && queued.qos === 2) || this.#inFlight.has(queued.number);
      if (!begun) return queued;
    }
    return undefined;
  }

  remove(queued: Queued): void {
    if (!this.#queue.delete(queued.number)) return;
    this.#byPacket.delete(queued.packet);
    this.#inFlight.delete(queued.number);
    this.bytes -= costOf(queued);
  }

  /** PUBACK or PUBCOMP: what it confirmed, which is gone now. */
  confirmed(packet: number, qos: number): Queued | undefined {
    const queued = this.#byPacket.get(packet);
    if (queued === undefined || queued.qos !== qos || !queued.sent) return undefined;
    this.remove(queued);
    return queued;
  }

  /** PUBREC: the client has it. Undefined when it is not known, or was said before. */
  received(packet: number): Queued | undefined {
    const queued = this.#byPacket.get(packet);
    if (queued === undefined || queued.qos !== 2 || queued.released || !queued.sent) return undefined;
    this.bytes -= costOf(queued);
    const released: Queued = { ...queued, released: true, topic: '', payload: new Uint8Array(0) };
    this.#queue.set(released.number, released);
    this.#byPacket.set(packet, released);
    this.bytes += costOf(released);
    return released;
  }

  /** The client is there, and has been told so. What it has not confirmed goes again, in the order of the first time. */
  attach(link: Link): void {
    this.#link = link;
    this.#draining = false;
    this.#inFlight.clear();
    this.#unsent = [...this.#queue.values()];
    this.awaySince = undefined;
    this.warned = false;
  }

  /** The connection is closed. */
  detach(): void {
    this.#link = undefined;
    this.#unsent = [];
    this.#inFlight.clear();
  }

  /** Retained messages for a new subscription, as fast as the client reads; false: it has not read earlier ones. */
  later(messages: readonly OutgoingMessage[]): boolean {
    if (messages.length > 0 && this.#unsent.length > MOST_LATER) return false;
    for (const message of messages) this.#unsent.push(message);
    return true;
  }

  /**
   * A message of QoS 0, as bytes that all who get it share. Returns how many of them wait in the socket now: none when
   * nobody is there who may have it; undefined when it was not sent, because the client reads too slowly.
   */
  sendNow(message: OutgoingMessage, bytes: Buffer, pressed: boolean): number | undefined {
    const link = this.#link;
    if (link === undefined || link.socket.destroyed || !link.mayRead(message)) return 0;
    const { socket } = link;
    if (socket.writableLength > MOST_UNREAD) return undefined;
    if (pressed && (socket.writableNeedDrain || bytes.length > LARGE)) return undefined;
    return socket.write(bytes) ? 0 : bytes.length;
  }

  /** Sends what may be sent: up to message number `upTo`. Returns what the client may not read any more. */
  sendQueued(upTo: number): Queued[] {
    const refused: Queued[] = [];
    const link = this.#link;
    if (link === undefined) return refused;
    const { socket } = link;
    let at = 0;
    socket.cork();
    for (; at < this.#unsent.length && !socket.destroyed && !socket.writableNeedDrain; at += 1) {
      const next = this.#unsent[at];
      if (next === undefined) continue;
      if (!('number' in next)) {
        if (link.mayRead(next)) socket.write(publishBytes(next, 0, 0, false));
        continue;
      }
      if (this.#inFlight.size >= WINDOW || next.number > upTo) break;
      if (this.#queue.get(next.number) !== next) continue;
      if (!next.released && !link.mayRead(next)) {
        refused.push(next);
        continue;
      }
      this.#inFlight.add(next.number);
      socket.write(next.released ? pubrelBytes(next.packet) : publishBytes(next, next.qos, next.packet, next.sent));
      next.sent = true;
      this.sent = Math.max(this.sent, next.number);
    }
    socket.uncork();
    this.#unsent.splice(0, at);
    return refused;
  }

  /** Calls `again` when the client has read what waits in its socket; nothing if none waits. */
  whenRead(again: () => void): void {
    const socket = this.#link?.socket;
    if (this.#draining || this.#unsent.length === 0 || socket === undefined || !socket.writableNeedDrain) return;
    this.#draining = true;
    socket.once('drain', () => {
      this.#draining = false;
      if (this.#link?.socket === socket) again();
    });
  }
}

function costOf({ topic, payload }: Queued): number {
  return topic.length + payload.length + OVERHEAD_BYTES;
}
