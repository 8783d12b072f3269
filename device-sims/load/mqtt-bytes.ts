/**
 * The few MQTT 3.1.1 packets that measuring needs, as bytes. Written apart from every client and broker in use, so
 * that a fault on one side cannot hide behind the same fault on the other.
 */

export const PACKET = { connack: 2, publish: 3, puback: 4, suback: 9 } as const;

/** "Remaining Length" (MQTT 3.1.1, section 2.2.3): seven bits a byte, low ones first. */
function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return bytes;
}

function text(value: string): Buffer {
  const body = Buffer.from(value);
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body]);
}

function packet(firstByte: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([firstByte, ...remainingLength(body.length)]), body]);
}

/** CONNECT with a clean session and without user; `keepAlive` in seconds. */
export function connectPacket(clientId: string, keepAlive = 60): Buffer {
  const flags = Buffer.from([4, 0x02, keepAlive >> 8, keepAlive & 0xff]);
  return packet(0x10, text('MQTT'), flags, text(clientId));
}

/** PUBLISH at QoS 1. `packetId` 1..65535. */
export function publishPacket(topic: string, packetId: number, payload: Buffer): Buffer {
  return packet(0x32, text(topic), Buffer.from([packetId >> 8, packetId & 0xff]), payload);
}

export function pubackPacket(packetId: number): Buffer {
  return Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]);
}

/** SUBSCRIBE to one filter at QoS 1. */
export function subscribePacket(packetId: number, filter: string): Buffer {
  return packet(0x82, Buffer.from([packetId >> 8, packetId & 0xff]), text(filter), Buffer.from([1]));
}

/** One packet as it came: its type (first nibble), its flags, and what follows the fixed header. */
export interface RawPacket {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
}

/** Cuts a byte stream into packets. Feed it chunks as they come; it keeps what is incomplete. */
export class PacketCutter {
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer, each: (packet: RawPacket) => void): void {
    const bytes = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const header = headerAt(bytes, at);
      if (header === undefined || header.end > bytes.length) break;
      const first = bytes[at] ?? 0;
      each({ type: first >> 4, flags: first & 0x0f, body: bytes.subarray(header.start, header.end) });
      at = header.end;
    }
    this.rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0);
  }
}

function headerAt(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  let length = 0;
  for (let i = 0; i < 4; i += 1) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { start: at + 2 + i, end: at + 2 + i + length };
  }
  throw new Error('a packet whose length field has more than four bytes');
}

/** The parts of a received PUBLISH; `packetId` 0 at QoS 0. */
export function publishParts(packet: RawPacket): { topic: string; packetId: number; payload: Buffer } {
  const topicEnd = 2 + packet.body.readUInt16BE(0);
  const qos = (packet.flags >> 1) & 3;
  const packetId = qos > 0 ? packet.body.readUInt16BE(topicEnd) : 0;
  return {
    topic: packet.body.toString('utf8', 2, topicEnd),
    packetId,
    payload: packet.body.subarray(qos > 0 ? topicEnd + 2 : topicEnd),
  };
}
