/**
 * One device's connection: its reading can be held, its bytes are scanned before they are parsed, and its
 * keep-alive is judged here, because silence that we caused ourselves by holding the
 * reading is not the device's.
 *
 * One member of the broker's client is used that it does not document: its parser (`_parser`), for the size guard, for
 * subscriptions, and so that a packet which trips the parser closes one connection and not the process.
 */
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import { messageOf } from '../contracts/errors.ts';
import type { Guest } from '../ops/doorstep.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { ClientFilters } from './client-filters.ts';
import { LARGE, type LargePackets } from './large-packets.ts';
import { MOST_DELIVERIES, Pace } from './pace.ts';
import { type PacketLimits, PacketScanner } from './packet-scanner.ts';
import { plain } from './topics.ts';
import type { User } from './users.ts';

interface Parser extends EventEmitter {
  /** The packet that is being read. */
  readonly packet: IncomingPacket | null;
  parse(chunk: Buffer): number;
}

interface IncomingPacket {
  readonly cmd: string;
  readonly protocolVersion?: number;
  readonly clientId?: string;
  readonly subscriptions?: unknown[];
  readonly unsubscriptions?: string[];
}

/** Bytes taken of one connection at a time while much waits for the journal, so that everybody has a turn soon. */
const PORTION = 4096;
/** Milliseconds of work for one chunk that are paid for with a pause. */
const LONG_MS = 50;

/** What the door tells its connections. */
export interface Holding {
  /** Nothing more is read at the moment. */
  readonly held: boolean;
  /** Much waits for the journal: everybody is read in small portions. */
  readonly crowded: boolean;
  /** Messages a second of one connection. */
  readonly rate: number;
  /** Filters that one connection may name in a second, to subscribe or to unsubscribe. */
  readonly filterRate: number;
  /** Seconds since the door opened; coarse, so that reading it costs nothing. */
  readonly tick: number;
  readonly largePackets: LargePackets;
  /** This connection would be read if reading were not held. */
  waits(connection: Connection): void;
  /** It sends faster than its rate, and is read more slowly. */
  tooFast(connection: Connection): void;
  /** A chunk of it took the hub so many milliseconds; for how many it is not read now. */
  tookLong(connection: Connection, ms: number): number;
  /** Its CONNECT speaks a version of MQTT that this hub does not. */
  foreign(connection: Connection, level: number, clientId: string): void;
}

/** A TCP or TLS socket, or a WebSocket as bytes. */
export type DoorSocket = Duplex & { readonly remoteAddress?: string | undefined };

export class Connection {
  readonly client: Client;
  readonly socket: DoorSocket;
  /** Where it came from; known after it is closed, too. */
  readonly address: string | undefined;
  readonly #holding: Holding;
  readonly #scanner: PacketScanner;
  readonly acknowledgements: Acknowledgements;
  /** A read was asked for while reading was held. */
  #owed = false;
  /** Those for whom it brings something have no room for more. */
  #crowded = false;
  /** A large packet was begun, and there is no room for the rest of it yet. */
  #roomless = false;
  #lastHeard: number;
  /** The packet that is not whole yet, whether it has told its size, and since when (ticks). */
  #packet = 0;
  #packetSized = false;
  #packetSince: number | undefined;
  /** The broker is parsing what was read, or rests after it until the next turn. */
  #parsing = false;
  #begun = 0;
  /** Bytes of the messages in the last chunk, on average. */
  #messageBytes = PORTION;
  readonly #pace: Pace;
  readonly filters = new ClientFilters();
  /** Its place at the door. */
  guest: Guest | undefined;
  /** It was answered for the last time, or closed for what it did: nothing of it is read any more. */
  condemned = false;
  /** Seconds; 0: none. */
  keepAlive = 0;
  /** Why CONNECT will be refused. */
  rejected: string | undefined;
  /** Whether it may come in without a name. */
  anonymous = true;
  /** The name in its client certificate, which was checked. */
  certificateName: string | undefined;
  /** Topic of the will in its CONNECT. */
  will: string | undefined;
  /** Its password is being checked, and nothing more is read until it is. */
  deciding = false;
  /** Who it is; undefined: the anonymous client. */
  user: User | undefined;

  constructor(client: Client, socket: DoorSocket, limits: PacketLimits, holding: Holding) {
    this.client = client;
    this.socket = socket;
    this.address = socket.remoteAddress;
    this.#holding = holding;
    this.#scanner = new PacketScanner(limits);
    this.#lastHeard = holding.tick;
    this.acknowledgements = new Acknowledgements(client, socket, () => {
      // Until now the device may have waited for us.
      this.#lastHeard = holding.tick;
    });
    this.#pace = new Pace({
      rate: holding.rate,
      resume: () => this.resume(),
      onTooFast: () => holding.tooFast(this),
    });
  }

  /** Puts itself between the socket, the parser and the broker. Throws when the broker's inside is not as expected. */
  attach(onBroken: (connection: Connection, what: string) => void): void {
    const { socket } = this;
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      // Zero is Node asking the system for more, not somebody taking data.
      if (size === 0) return read(size);
      if (this.#holding.held) this.#holding.waits(this);
      else if (!(this.#roomless || this.#crowded || this.#parsing || this.#pace.held)) return read(this.#portion(size));
      this.#owed = true;
      return null;
    };
    const parser = (this.client as unknown as { readonly _parser?: Parser })._parser;
    const [take] = parser?.listeners('packet') ?? [];
    if (parser === undefined || take === undefined) throw new Error('this version of the broker is not supported');
    const parse = parser.parse.bind(parser);
    parser.parse = (chunk) => {
      if (this.condemned) return 0;
      this.#lastHeard = this.#holding.tick;
      const ended = this.#scanner.ended;
      const wrong = this.#scanner.scan(chunk);
      if (wrong !== undefined) {
        onBroken(this, wrong);
        return 0;
      }
      this.#count(chunk.length);
      this.#followPacket();
      this.#parsing = true;
      const large = this.#scanner.length > LARGE;
      const begun = large ? performance.now() : 0;
      try {
        return parse(chunk);
      } catch (thrown) {
        onBroken(this, messageOf(thrown));
        return 0;
      } finally {
        // Only a large payload can be hard to judge; small ones are few at a time.
        const took = large ? performance.now() - begun : 0;
        if (took > LONG_MS) this.#pace.pause(this.#holding.tookLong(this, took));
        // A portion that ended no packet: nobody else would ask for the next one.
        this.#rest(this.#scanner.ended === ended && this.socket.readableLength > 0);
      }
    };
    parser.removeAllListeners('packet');
    parser.on('packet', (packet: IncomingPacket) => {
      if (this.condemned) return;
      const filters = packet.subscriptions?.length ?? packet.unsubscriptions?.length;
      if (filters !== undefined) {
        const { tick, filterRate } = this.#holding;
        const tooMany = this.filters.named(filters, tick, filterRate);
        if (tooMany !== undefined) {
          onBroken(this, tooMany);
          return;
        }
      }
      if (packet.cmd === 'connect' && packet.protocolVersion === 5) {
        this.#holding.foreign(this, 5, packet.clientId ?? '');
        return;
      }
      take.call(parser, packet);
    });
    parser.removeAllListeners('error');
    parser.on('error', (error: Error) => {
      const level = parser.packet?.cmd === 'connect' ? parser.packet.protocolVersion : undefined;
      // The parser stops at a level that it does not know, and the specification (3.1.2.2) wants an answer.
      if (level !== undefined && (level < 3 || level > 5)) this.#holding.foreign(this, level, '');
      else this.client.emit('error', error);
    });
  }

  /**
   * What a chunk brought may be answered while it is parsed, and the broker asks for the next one then: it gets that
   * in the next turn, so that others are read in between, and never in the middle of the one before.
   */
  #rest(more: boolean): void {
    if (more) this.#owed = true;
    if (!this.#owed) {
      this.#parsing = false;
      return;
    }
    setImmediate(() => {
      this.#parsing = false;
      this.#goOn();
    });
  }

  /** Once a chunk: what it brought is charged. */
  #count(bytes: number): void {
    const { begun } = this.#scanner;
    const messages = begun - this.#begun;
    this.#begun = begun;
    this.#messageBytes = messages === 0 ? bytes : bytes / messages;
    this.#pace.charge(messages);
  }

  /** How much is taken at a time: all there is, unless that would be too many messages, or others need their turn. */
  #portion(size: number | undefined): number | undefined {
    const most = this.#holding.crowded ? PORTION : Math.ceil(this.#messageBytes * MOST_DELIVERIES);
    const portion = Math.max(most, this.#scanner.missing);
    return portion < this.socket.readableLength ? portion : size;
  }

  /** Notes since when the packet at the end of what was read is incomplete, and asks for room if it is a large one. */
  #followPacket(): void {
    const { begun, midPacket, length, missing } = this.#scanner;
    const sized = missing > 0;
    if (midPacket && this.#packet === begun && this.#packetSized === sized && this.#packetSince !== undefined) return;
    if (!midPacket && this.#packetSince === undefined) return;
    const { largePackets, tick } = this.#holding;
    largePackets.release(this);
    this.#packet = begun;
    this.#packetSized = sized;
    this.#packetSince = midPacket ? tick : undefined;
    if (!sized || length <= LARGE) return;
    this.#roomless = !largePackets.request(this, length, () => {
      this.#roomless = false;
      this.resume();
    });
  }

  /** The socket is closed. */
  closed(): void {
    this.#pace.stop();
    this.guest?.left();
    this.#holding.largePackets.release(this);
  }

  /** The password is checked; how long that took is not the device's silence. */
  decided(): void {
    this.deciding = false;
    this.#lastHeard = this.#holding.tick;
  }

  /** Reading may go on. */
  resume(): void {
    this.#lastHeard = this.#holding.tick;
    if (this.#packetSince !== undefined) this.#packetSince = this.#holding.tick;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#owed) return;
    this.#owed = false;
    this.socket.emit('readable');
  }

  /** Nothing more is read until there is room: `hasRoom` calls what it is given once, when there is. */
  waitForRoom(hasRoom: (again: () => void) => boolean): void {
    if (this.#crowded) return;
    this.#crowded = !hasRoom(() => {
      this.#crowded = false;
      if (!this.client.closed) this.resume();
    });
  }

  /** So many bytes of it wait for the journal, and do not any more. */
  tookUp(bytes: number): void {
    this.#pace.gave(bytes);
  }

  gaveBack(bytes: number): void {
    this.#pace.answered(bytes);
  }

  /** Silent for one and a half of its keep-alive, although everything it sent was read. */
  get silent(): boolean {
    return (
      this.keepAlive > 0 &&
      !this.deciding &&
      !this.#owed &&
      !this.acknowledgements.owed &&
      this.socket.readableLength === 0 &&
      this.#holding.tick - this.#lastHeard > this.keepAlive * 1.5
    );
  }

  /** Began a packet this many seconds ago and has not ended it; 0: none begun. */
  get packetAge(): number {
    return this.#packetSince === undefined || this.#owed ? 0 : this.#holding.tick - this.#packetSince;
  }
}

/** Which connection, for the log. */
export function named({ client, address }: Connection): { client: string; address: string | undefined } {
  return { client: plain(client.id ?? '', 128), address };
}
