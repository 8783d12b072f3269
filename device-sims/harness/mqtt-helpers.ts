/** MQTT for tests: publish and know it is acknowledged, subscribe and remember what came. */
import { connectAsync } from 'mqtt';

export interface Publisher {
  /** Publishes one reading or an array to `in/<kind>/<device>` at QoS 1; fulfilled by the PUBACK. */
  publish(kind: string, device: string, reading: unknown): Promise<void>;
  /** The same with the topic and the bytes as they are. */
  publishRaw(topic: string, payload: string | Buffer, qos?: 0 | 1 | 2): Promise<void>;
  close(): Promise<void>;
}

export async function startPublisher(url: string): Promise<Publisher> {
  const client = await connectAsync(url, { reconnectPeriod: 200, connectTimeout: 5_000 });
  client.on('error', () => undefined);
  const publishRaw: Publisher['publishRaw'] = async (topic, payload, qos = 1) => {
    await client.publishAsync(topic, payload, { qos });
  };
  return {
    publishRaw,
    publish: (kind, device, reading) => publishRaw(`in/${kind}/${device}`, JSON.stringify(reading)),
    close: () => client.endAsync(true),
  };
}

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly retained: boolean;
}

export interface Subscriber {
  /** Everything received so far, in order. */
  readonly messages: readonly Message[];
  close(): Promise<void>;
}

/** Subscribes at QoS 1; fulfilled by the SUBACK. `heard` is called for each message as it comes. */
export async function startSubscriber(
  url: string,
  topic: string,
  heard?: (message: Message) => void,
): Promise<Subscriber> {
  const client = await connectAsync(url, { reconnectPeriod: 200, connectTimeout: 5_000 });
  client.on('error', () => undefined);
  const messages: Message[] = [];
  client.on('message', (name, payload, packet) => {
    const message = { topic: name, payload: payload.toString('utf8'), retained: packet.retain };
    messages.push(message);
    heard?.(message);
  });
  await client.subscribeAsync(topic, { qos: 1 });
  return { messages, close: () => client.endAsync(true) };
}
