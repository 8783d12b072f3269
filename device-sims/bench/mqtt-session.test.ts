import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MqttSession } from './mqtt-session.ts';

let broker: Aedes;
let server: Server;
let port: number;

beforeEach(async () => {
  broker = await Aedes.createBroker();
  server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

test('what one session publishes another receives, whole and in order', async () => {
  const subscriber = await MqttSession.open(port, 'a');
  const sensor = await MqttSession.open(port, 'b');
  const got: string[] = [];
  subscriber.onPublish = (topic, payload) => got.push(`${topic} ${payload}`);
  await subscriber.subscribe('out/#');
  for (let n = 0; n < 50; n += 1) await sensor.publish('out/x', { n, filler: 'y'.repeat(n * 20) });
  await expect.poll(() => got.length).toBe(50);
  expect(got.map((line) => JSON.parse(line.slice(6)).n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  subscriber.close();
  sensor.close();
});

test('a publish that waits for its acknowledgement fails when the broker goes away', async () => {
  broker.authorizePublish = () => server.emit('withheld');
  const sensor = await MqttSession.open(port, 'c');
  const withheld = new Promise((resolve) => server.once('withheld', resolve));
  const publishing = sensor.publish('in/x', {});
  await withheld;
  const closed = new Promise<void>((resolve) => broker.close(() => resolve()));
  await expect(publishing).rejects.toThrow('closed by the other side');
  await closed;
});

test('nobody listening is an error at once', async () => {
  await expect(MqttSession.open(1, 'd')).rejects.toThrow('ECONNREFUSED');
});
