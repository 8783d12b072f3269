/** MQTT 3.1.1 by hand, for tests that send what no client library would. Every answer is kept as a packet. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawPacket {
  /** 2 CONNACK, 3 PUBLISH, 4 PUBACK, 5 PUBREC, 6 PUBREL, 7 PUBCOMP, 9 SUBACK, 11 UNSUBACK, 13 PINGRESP. */
  readonly type: number;
  /** The lower four bits of the first byte. */
  readonly flags: number;
  readonly body: Buffer;
}

export interface RawMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly again: boolean;
  /** 0 at QoS 0. */
  readonly packetId: number;
}

export function messageIn({ flags, body }: RawPacket): RawMessage {
  const end = 2 + body.readUInt16BE(0);
  const qos = (flags >> 1) & 3;
  return {
    topic: body.toString('utf8', 2, end),
    payload: body.toString('utf8', qos > 0 ? end + 2 : end),
    qos,
    retain: (flags & 1) > 0,
    again: (flags & 8) > 0,
    packetId: qos > 0 ? body.readUInt16BE(end) : 0,
  };
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

export function packet(first: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export interface ConnectFields {
  readonly id?: string;
  readonly clean?: boolean;
  readonly keepAlive?: number;
  readonly will?: {
    readonly topic: string;
    readonly payload: string;
    readonly qos?: number;
    readonly retain?: boolean;
  };
}

export function connectPacket({ id = 'raw', clean = true, keepAlive = 0, will }: ConnectFields = {}): Buffer {
  const flags = (clean ? 2 : 0) | (will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.retain ? 32 : 0));
  const head = Buffer.concat([text('MQTT'), Buffer.from([4, flags, keepAlive >> 8, keepAlive & 0xff])]);
  const last = will === undefined ? [] : [text(will.topic), text(will.payload)];
  return packet(0x10, head, text(id), ...last);
}

export function publishPacket(
  topic: string,
  payload: Uint8Array | string,
  qos: number,
  packetId = 1,
  retain = 0,
): Buffer {
  const id = qos === 0 ? Buffer.alloc(0) : Buffer.from([packetId >> 8, packetId & 0xff]);
  return packet(0x30 | (qos << 1) | retain, text(topic), id, Buffer.from(payload));
}

/** The same publish, sent again. */
export function again(publish: Buffer): Buffer {
  const copy = Buffer.from(publish);
  copy.writeUInt8((copy[0] ?? 0) | 8, 0);
  return copy;
}

export function pubrelPacket(packetId: number): Buffer {
  return Buffer.from([0x62, 2, packetId >> 8, packetId & 0xff]);
}

export function subscribePacket(filters: readonly (readonly [filter: string, qos: number])[], packetId = 1): Buffer {
  const parts = filters.map(([filter, qos]) => Buffer.concat([text(filter), Buffer.from([qos])]));
  return packet(0x82, Buffer.from([packetId >> 8, packetId & 0xff]), ...parts);
}

export function unsubscribePacket(filters: readonly string[], packetId = 1): Buffer {
  return packet(0xa2, Buffer.from([packetId >> 8, packetId & 0xff]), ...filters.map(text));
}

/** PUBACK (4), PUBREC (5), PUBREL (6) or PUBCOMP (7). */
export function answerPacket(type: number, packetId: number): Buffer {
  return Buffer.from([(type << 4) | (type === 6 ? 2 : 0), 2, packetId >> 8, packetId & 0xff]);
}

export class RawMqtt {
  readonly socket: Socket;
  readonly packets: RawPacket[] = [];
  closed = false;
  #confirms = false;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  /** A connected socket that has said nothing yet. */
  static async dial(port: number): Promise<RawMqtt> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const raw = new RawMqtt(socket);
    await once(socket, 'connect');
    return raw;
  }

  /** `confirms`: what it receives it confirms, as a client does. */
  static async open(port: number, fields: ConnectFields = {}, confirms = false): Promise<RawMqtt> {
    const raw = await RawMqtt.dial(port);
    raw.#confirms = confirms;
    raw.send(connectPacket(fields));
    await raw.#answered(() => raw.of(2).length > 0);
    return raw;
  }

  send(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  of(type: number): RawPacket[] {
    return this.packets.filter((candidate) => candidate.type === type);
  }

  /** Packet ids of the PUBACKs so far. */
  get acknowledged(): number[] {
    return this.of(4).map(({ body }) => body.readUInt16BE(0));
  }

  /** Packet ids of the answers of a type so far: 4 PUBACK, 5 PUBREC, 7 PUBCOMP. */
  ids(type: number): number[] {
    return this.of(type).map(({ body }) => body.readUInt16BE(0));
  }

  /** Throws after five seconds. */
  async until(met: () => boolean): Promise<void> {
    await until(met);
  }

  /** A round trip: everything sent before it was parsed, as far as the broker reads. */
  async ping(patienceMs?: number): Promise<void> {
    const before = this.of(13).length;
    this.send(Buffer.from([0xc0, 0]));
    await this.#answered(() => this.of(13).length > before, patienceMs);
  }

  /** What it received, in order. */
  get messages(): RawMessage[] {
    return this.of(3).map(messageIn);
  }

  /** A subscription, granted; gives the SUBACK's codes. */
  async subscribe(...filters: (readonly [filter: string, qos: number])[]): Promise<number[]> {
    const before = this.of(9).length;
    this.send(subscribePacket(filters, 100 + before));
    await this.#answered(() => this.of(9).length > before);
    return [...(this.of(9).at(-1)?.body.subarray(2) ?? [])];
  }

  /** Throws at once when nothing more can come: a client of a broker that was killed connects again then, not later. */
  async #answered(met: () => boolean, patienceMs?: number): Promise<void> {
    await until(() => met() || this.closed, patienceMs);
    if (!met()) throw new Error('the connection was closed before the answer');
  }

  #confirm(packet: RawPacket): void {
    if (packet.type === 6) this.send(answerPacket(7, packet.body.readUInt16BE(0)));
    if (packet.type !== 3) return;
    const { qos, packetId } = messageIn(packet);
    if (qos > 0) this.send(answerPacket(qos === 1 ? 4 : 5, packetId));
  }

  #take(chunk: Buffer): void {
    let rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let scale = 1; ; scale *= 128, at += 1) {
        const byte = rest[at];
        if (byte === undefined) {
          this.#rest = rest;
          return;
        }
        length += (byte & 0x7f) * scale;
        if (byte < 0x80) break;
      }
      const end = at + 1 + length;
      if (rest.length < end) {
        this.#rest = rest;
        return;
      }
      const first = rest[0] ?? 0;
      const packet = { type: first >> 4, flags: first & 15, body: rest.subarray(at + 1, end) };
      this.packets.push(packet);
      if (this.#confirms) this.#confirm(packet);
      rest = rest.subarray(end);
    }
  }
}

/** Looks until it is so; throws when patience (ms) is over. */
export async function until(met: () => boolean, patienceMs = 5000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!met()) {
    if (performance.now() > end) throw new Error(`it did not happen within ${patienceMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
