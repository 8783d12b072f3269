/** The bytes of what the broker sends by itself: PUBLISH (MQTT 3.1.1, section 3.3) and PUBREL (3.6). */

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
}

/** `packet` is left out at QoS 0. */
export function publishBytes(message: OutgoingMessage, qos: number, packet: number, again: boolean): Buffer {
  const { topic, payload, retain } = message;
  const name = Buffer.byteLength(topic);
  const rest = 2 + name + (qos > 0 ? 2 : 0) + payload.length;
  const lengthBytes = rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4;
  const bytes = Buffer.allocUnsafe(1 + lengthBytes + rest);
  bytes[0] = 0x30 | (again ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  let at = 1;
  for (let left = rest; at <= lengthBytes; left = Math.floor(left / 128), at += 1) {
    bytes[at] = (left % 128) | (at < lengthBytes ? 0x80 : 0);
  }
  at = bytes.writeUInt16BE(name, at);
  at += bytes.write(topic, at);
  if (qos > 0) at = bytes.writeUInt16BE(packet, at);
  bytes.set(payload, at);
  return bytes;
}

export function pubrelBytes(packet: number): Buffer {
  return Buffer.from([0x62, 2, packet >> 8, packet & 0xff]);
}
