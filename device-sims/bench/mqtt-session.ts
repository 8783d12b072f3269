/** A small MQTT session on a raw socket: publishes at QoS 1 and tells when what arrives, at the socket. */
import { connect, type Socket } from 'node:net';
import {
  connectPacket,
  PACKET,
  PacketCutter,
  pubackPacket,
  publishPacket,
  publishParts,
  type RawPacket,
  subscribePacket,
} from '../load/mqtt-bytes.ts';

export class MqttSession {
  /** Called for each PUBLISH with the steady clock's milliseconds of the moment its bytes were read. */
  onPublish: (topic: string, payload: Buffer, at: number) => void = () => undefined;
  private readonly cutter = new PacketCutter();
  private readonly waiting = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  private packetId = 0;
  private broken: Error | undefined;
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Connects once; throws when nobody listens or the broker refuses. */
  static async open(port: number, clientId: string): Promise<MqttSession> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const session = new MqttSession(socket);
    const accepted = session.once('connack');
    socket.on('error', (error) => session.fail(error));
    socket.on('close', () => session.fail(new Error(`the session ${clientId} was closed by the other side`)));
    socket.on('data', (chunk: Buffer) => session.onData(chunk));
    socket.once('connect', () => socket.write(connectPacket(clientId, 0)));
    await accepted;
    return session;
  }

  async subscribe(filter: string): Promise<void> {
    const id = this.nextId();
    const granted = this.once(`suback ${id}`);
    this.socket.write(subscribePacket(id, filter));
    await granted;
  }

  /** Resolves at the PUBACK. */
  async publish(topic: string, reading: object): Promise<void> {
    const id = this.nextId();
    const acked = this.once(`puback ${id}`);
    this.socket.write(publishPacket(topic, id, Buffer.from(JSON.stringify(reading))));
    await acked;
  }

  close(): void {
    this.socket.destroy();
  }

  private nextId(): number {
    this.packetId = (this.packetId % 65_535) + 1;
    return this.packetId;
  }

  private once(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.broken) reject(this.broken);
      else this.waiting.set(key, { resolve, reject });
    });
  }

  private fail(error: Error): void {
    this.broken ??= error;
    for (const { reject } of this.waiting.values()) reject(this.broken);
    this.waiting.clear();
  }

  private onData(chunk: Buffer): void {
    const at = performance.now();
    this.cutter.push(chunk, (packet) => this.onPacket(packet, at));
  }

  private onPacket(packet: RawPacket, at: number): void {
    if (packet.type === PACKET.publish) {
      const { topic, packetId, payload } = publishParts(packet);
      if (packetId > 0) this.socket.write(pubackPacket(packetId));
      this.onPublish(topic, payload, at);
      return;
    }
    const key = answerKey(packet);
    this.waiting.get(key)?.resolve();
    this.waiting.delete(key);
  }
}

function answerKey(packet: RawPacket): string {
  if (packet.type === PACKET.connack && packet.body[1] === 0) return 'connack';
  if (packet.type === PACKET.puback) return `puback ${packet.body.readUInt16BE(0)}`;
  if (packet.type === PACKET.suback) return `suback ${packet.body.readUInt16BE(0)}`;
  return 'other';
}
