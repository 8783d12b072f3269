/** Users at the broker's door: who comes in, what each may publish and read, over real sockets. */
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import { Credentials } from './credentials.ts';
import { MqttDoor } from './mqtt-door.ts';
import { connectPacket, publishPacket, RawMqtt, until } from './raw-mqtt.ts';
import { testUser } from './users.fixture.ts';

let intake: ControlledIntake;
let door: MqttDoor;
let port: number;
let lines: string[];
const clients: MqttClient[] = [];

async function open(anonymous = true): Promise<void> {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const users = [
    testUser('till-1'),
    testUser('gateway', { devices: ['scale-7', 'scale-8'], may: ['consent', 'alerts'] }),
    testUser('screen', { may: ['offers', 'alerts'] }),
  ];
  const credentials = new Credentials({ users, logger });
  door = new MqttDoor({ listen: { host: '127.0.0.1', port: 0 }, intake, codec, logger, credentials, anonymous });
  ({ port } = await door.start());
}

beforeEach(() => {
  intake = new ControlledIntake();
  lines = [];
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  await door.stop(100);
});

async function client(options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const made = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  made.on('error', () => undefined);
  clients.push(made);
  return made;
}

const as = (username: string, more: mqtt.IClientOptions = {}): Promise<MqttClient> =>
  client({ username, password: `${username} password`, ...more });

/** The return code of the CONNACK. */
const refused = (connecting: Promise<MqttClient>): Promise<unknown> =>
  connecting.then(
    () => 0,
    (error: { code?: unknown }) => error.code,
  );

const closed = (one: MqttClient): Promise<void> => new Promise((resolve) => one.once('close', () => resolve()));

describe('at the door', () => {
  test('a right password comes in, a wrong one and an unknown name get 4', async () => {
    await open();
    expect(await refused(as('till-1'))).toBe(0);
    expect(await refused(client({ username: 'till-1', password: 'guess' }))).toBe(4);
    expect(await refused(client({ username: 'till-1' }))).toBe(4);
    expect(await refused(client({ username: 'nobody', password: 'guess' }))).toBe(4);
    const line = lines.find((text) => text.includes('wrong user'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ user: 'till-1', address: '127.0.0.1' });
    expect(lines.join('')).not.toContain('guess');
    const told = lines.map((text) => JSON.parse(text).msg).filter((text) => text.includes('user name or password'));
    expect(told).toEqual(Array(3).fill('wrong user name or password'));
  });

  test('a client without a name is the anonymous one, or gets 5', async () => {
    await open();
    expect(await refused(client())).toBe(0);
    await door.stop(100);
    await open(false);
    expect(await refused(client())).toBe(5);
    expect(door.counters.notAuthorized).toBe(1);
    expect(await refused(as('till-1'))).toBe(0);
  });

  test('an address that was wrong ten times gets 3, whatever it sends', async () => {
    await open();
    for (let i = 0; i < 10; i += 1) await refused(client({ username: 'till-1', password: `guess ${i}` }));
    expect(await refused(as('till-1'))).toBe(3);
  });

  test('what comes in the packet behind CONNECT waits for the password', async () => {
    await open(false);
    const raw = await RawMqtt.dial(port);
    // CONNECT of nobody, and a publish that must not be taken on its strength.
    raw.send(connectPacket({ id: 'none' }), publishPacket('in/sale/t1', 'ok', 1));
    await until(() => raw.closed);
    expect(raw.of(2).map(({ body }) => body[1])).toEqual([5]);
    expect(intake.deliveries).toEqual([]);
  });

  test('a will for another device gets 5, one for its own is sent', async () => {
    await open();
    const will = (device: string) => ({
      will: { topic: `in/status/${device}`, payload: Buffer.from('ok'), qos: 1 as const },
    });
    expect(await refused(as('till-1', will('till-2')))).toBe(5);
    const own = await as('till-1', will('till-1'));
    own.stream.destroy();
    await until(() => intake.deliveries.length === 1);
    expect(intake.deliveries[0]).toMatchObject({ kind: 'status', device: 'till-1' });
  });
});

describe('publishing', () => {
  test('as its devices is stored', async () => {
    await open();
    const gateway = await as('gateway');
    await gateway.publishAsync('in/shelf/scale-7', 'ok', { qos: 1 });
    await gateway.publishAsync('in/consent/scale-8', 'ok', { qos: 1 });
    const anybody = await client();
    await anybody.publishAsync('in/consent/whoever', 'ok', { qos: 1 });
    expect(intake.deliveries.map(({ device }) => device)).toEqual(['scale-7', 'scale-8', 'whoever']);
  });

  test.each([
    ['in/sale/till-2', 1],
    ['in/sale/till-2', 0],
    ['in/consent/till-1', 1],
    ['in/sale/till-1/extra', 1],
    ['in/nonsense/till-2', 1],
    ['in/sale', 1],
    ['out/alerts/x', 1],
  ] as const)('to %s at QoS %d closes the connection, stores nothing, and is in the log', async (topic, qos) => {
    await open();
    const till = await as('till-1', { clientId: 'c1' });
    const gone = closed(till);
    till.publish(topic, 'ok', { qos });
    await gone;
    expect([intake.deliveries, intake.refusals]).toEqual([[], []]);
    expect(door.counters.notAllowedClosed + door.counters.forbiddenTopicClosed).toBe(1);
    expect(lines.map((line) => JSON.parse(line)).find((line) => line.topic === topic)?.client).toContain('c1');
  });

  test('of what nobody understands becomes a dead letter of that user, whatever its client id', async () => {
    await open();
    const till = await as('till-1', { clientId: 'till-2' });
    await till.publishAsync('vendor/topic', 'hello', { qos: 1 });
    expect(intake.refusals[0]).toMatchObject({ device: 'till-1' });
  });
});

describe('reading', () => {
  const granted = async (one: MqttClient, topic: string): Promise<boolean> =>
    one.subscribeAsync(topic, { qos: 1 }).then(
      () => true,
      () => false,
    );

  test('needs the permission for what the filter reaches, and SUBACK says so', async () => {
    await open();
    const till = await as('till-1');
    expect(await granted(till, 'out/hub/status')).toBe(true);
    for (const filter of ['out/alerts/#', 'out/offers/zone/#', '#', 'out/#', 'in/#', '$SYS/#', '+/alerts/+/+']) {
      expect(await granted(till, filter), filter).toBe(false);
    }
    expect(door.counters.subscriptionsRefused).toBe(7);
    const screen = await as('screen');
    for (const filter of ['out/alerts/#', 'out/offers/shopper/+', '#'])
      expect(await granted(screen, filter)).toBe(true);
    const anybody = await client();
    expect(await granted(anybody, '#')).toBe(true);
  });

  test('ends for a session whose next owner may not read', async () => {
    await open();
    const session = { clientId: 'shared', clean: false };
    const screen = await as('screen', session);
    await screen.subscribeAsync('out/alerts/#', { qos: 1 });
    await screen.endAsync();
    await door.publishOut('out/alerts/shelf-gap/A1', 'secret');
    const till = await as('till-1', session);
    const heard: string[] = [];
    till.on('message', (topic) => heard.push(topic));
    await till.subscribeAsync('out/hub/status');
    await door.publishOut('out/alerts/shelf-gap/A2', 'secret');
    await door.publishOut('out/hub/status', 'online');
    await until(() => heard.length > 0);
    expect(heard).toEqual(['out/hub/status']);
    // The session waits for its owner.
    const again = await as('screen', session);
    const late: string[] = [];
    again.on('message', (topic) => late.push(topic));
    await door.publishOut('out/alerts/shelf-gap/A3', 'x');
    await until(() => late.includes('out/alerts/shelf-gap/A3'));
  });

  test('nobody throws a user out by taking its client id', async () => {
    await open();
    const till = await as('till-1', { clientId: 'x' });
    let lost = false;
    till.once('close', () => {
      lost = true;
    });
    await as('gateway', { clientId: 'x' });
    await client({ clientId: 'x' });
    expect(await refused(client({ clientId: 'till-1/x' }))).toBe(2);
    await till.publishAsync('in/sale/till-1', 'ok', { qos: 1 });
    expect(lost).toBe(false);
  });
});

describe('what is neither a reading nor the hub’s', () => {
  test('travels from the anonymous client, and from a user is a dead letter only, its will too', async () => {
    await open();
    const listener = await RawMqtt.open(port, { id: 'listener' }, true);
    await listener.subscribe(['shop/#', 1]);
    const user = await as('till-1', { will: { topic: 'shop/will', payload: Buffer.from('gone'), qos: 1 } });
    await user.publishAsync('shop/lamp', 'from a user', { qos: 1, retain: true });
    const anonymous = await client({ clientId: 'anonymous' });
    await anonymous.publishAsync('shop/lamp', 'from anybody', { qos: 1 });
    user.stream.destroy();
    await until(() => intake.refusals.length === 3 && listener.messages.length === 1);
    await listener.ping();
    expect(listener.messages).toMatchObject([{ topic: 'shop/lamp', payload: 'from anybody' }]);
    expect(intake.refusals.map(({ kind }) => kind).sort()).toEqual(['shop/lamp', 'shop/lamp', 'shop/will']);
    expect(door.kept.retained).toBe(0);
  });
});
