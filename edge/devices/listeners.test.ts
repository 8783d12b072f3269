/** The broker's encrypted and WebSocket addresses, over real TLS and real WebSockets. */
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { HubError } from '../contracts/errors.ts';
import { authority, type CertificateFiles, certificate, expiredCertificate } from '../ops/certificates.fixture.ts';
import type { AddressOptions, Ports } from './addresses.ts';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import { Credentials } from './credentials.ts';
import type { DoorLimits } from './door-options.ts';
import { InFlight } from './in-flight.ts';
import { MqttDoor } from './mqtt-door.ts';
import { connectPacket, publishPacket, until } from './raw-mqtt.ts';
import { testUser } from './users.fixture.ts';

const HERE = { host: '127.0.0.1', port: 0 };
let folder: string;
let ca: CertificateFiles;
let server: CertificateFiles;
let intake: ControlledIntake;
let door: MqttDoor;
let ports: Ports;
let lines: string[];
const clients: MqttClient[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-hub-tls-'));
  ca = authority(folder, 'shop-ca');
  server = certificate(folder, ca, { commonName: 'hub' });
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  intake = new ControlledIntake();
  lines = [];
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  intake.answer();
  await door.stop(100);
});

async function open(
  options: Pick<AddressOptions, 'tls' | 'websocket' | 'anonymous'>,
  limits: Partial<DoorLimits> = {},
  inFlight = new InFlight(8_000_000),
): Promise<void> {
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const users = [testUser('till-1'), testUser('screen', { may: ['alerts'] })];
  const credentials = new Credentials({ users, logger });
  door = new MqttDoor({ listen: HERE, ...options, intake, codec, logger, credentials, limits, inFlight });
  ports = await door.start();
}

async function client(url: string, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const made = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options }, false);
  made.on('error', () => undefined);
  clients.push(made);
  return made;
}

const failure = (connecting: Promise<unknown>): Promise<{ code?: unknown } | undefined> =>
  connecting.then(
    () => undefined,
    (error: { code?: unknown }) => error,
  );

describe('TLS', () => {
  const files = () => ({ cert: server.cert, key: server.key });
  const secure = (options: mqtt.IClientOptions = {}) =>
    client(`mqtts://localhost:${ports.tlsPort}`, { ca: readFileSync(ca.cert), ...options });

  test('carries readings and alerts as the open address does', async () => {
    await open({ tls: { listen: HERE, files: files() } });
    const screen = await secure({ username: 'screen', password: 'screen password' });
    const heard: string[] = [];
    screen.on('message', (topic) => heard.push(topic));
    await screen.subscribeAsync('out/alerts/#');
    const till = await secure({ username: 'till-1', password: 'till-1 password' });
    await till.publishAsync('in/sale/till-1', `ok ${'x'.repeat(500_000)}`, { qos: 1 });
    await door.publishOut('out/alerts/shelf-gap/A1', '{}');
    await until(() => heard.length === 1);
    expect(intake.deliveries[0]).toMatchObject({ device: 'till-1' });
    expect((await failure(secure({ username: 'till-1', password: 'guess' })))?.code).toBe(4);
  });

  test('is 1.2 or newer', async () => {
    await open({ tls: { listen: HERE, files: files() } });
    const dial = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string>((resolve) => {
        const socket: TLSSocket = connectTls(
          {
            port: ports.tlsPort ?? 0,
            ca: readFileSync(ca.cert),
            servername: 'localhost',
            minVersion: 'TLSv1',
            maxVersion,
            ciphers: 'DEFAULT@SECLEVEL=0',
          },
          () => {
            resolve(socket.getProtocol() ?? '');
            socket.destroy();
          },
        );
        socket.on('error', () => resolve('refused'));
      });
    expect(await dial('TLSv1.1')).toBe('refused');
    expect(await dial('TLSv1.2')).toBe('TLSv1.2');
    await until(() => door.counters.connectionsRefused === 1);
  });

  test('without a word is closed, and does not hold up the stop', async () => {
    await open({ tls: { listen: HERE, files: files() } });
    const silent = connectTcp({ port: ports.tlsPort ?? 0, host: '127.0.0.1' });
    await once(silent, 'connect');
    const begun = performance.now();
    await door.stop(100);
    expect(performance.now() - begun).toBeLessThan(5000);
    silent.destroy();
  });

  test('with an authority for clients: the name in the certificate is the user', async () => {
    const files = { ...server, client_ca: ca.cert };
    await open({ tls: { listen: HERE, files, anonymous: false } });
    const own = (commonName: string, signer = ca) => {
      const { cert, key } = certificate(folder, signer, { commonName, file: `${commonName}-client` });
      return { cert: readFileSync(cert), key: readFileSync(key) };
    };
    const till = await secure(own('till-1'));
    await till.publishAsync('in/sale/till-1', 'ok', { qos: 1 });
    const gone = new Promise<void>((resolve) => till.once('close', () => resolve()));
    till.publish('in/sale/till-2', 'ok', { qos: 1 });
    await gone;
    expect(intake.deliveries.map(({ device }) => device)).toEqual(['till-1']);
    // A certificate of nobody is the anonymous client, a name in CONNECT goes before the certificate.
    expect((await failure(secure(own('nobody'))))?.code).toBe(5);
    const named = await secure({ ...own('till-1'), username: 'screen', password: 'screen password' });
    await named.subscribeAsync('out/alerts/#');
    expect((await failure(secure({ ...own('till-1'), username: 'screen', password: 'guess' })))?.code).toBe(4);
    expect(await failure(secure())).toBeDefined();
    expect(await failure(secure(own('till-1', authority(folder, 'other-ca'))))).toBeDefined();
    expect(intake.deliveries).toHaveLength(1);
  });

  test('takes a renewed certificate without a restart, and keeps the earlier one while the files do not fit', async () => {
    const live = { cert: join(folder, 'live.pem'), key: join(folder, 'live.key') };
    const install = (from: CertificateFiles, what: readonly (keyof CertificateFiles)[] = ['cert', 'key']): void => {
      for (const name of what) {
        copyFileSync(from[name], live[name]);
        utimesSync(live[name], new Date(), new Date(Date.now() + Math.random() * 1e6));
      }
    };
    const served = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const options = { port: ports.tlsPort ?? 0, ca: readFileSync(ca.cert), servername: 'localhost' };
        const socket: TLSSocket = connectTls(options, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    install(server);
    await open({ tls: { listen: HERE, files: live, lookEvery: 50 } });
    const till = await secure({ username: 'till-1', password: 'till-1 password' });
    const renewed = certificate(folder, ca, { commonName: 'renewed', days: 10 });
    install(renewed, ['cert']);
    await until(() => door.warnings.length === 1);
    expect(door.warnings[0]).toContain('goes on with its earlier certificate');
    expect(await served()).toBe('hub');
    install(renewed, ['key']);
    await until(() => door.warnings.some((warning) => warning.includes('expires on')));
    expect(await served()).toBe('renewed');
    await till.publishAsync('in/sale/till-1', 'ok', { qos: 1 });
  });

  test('starts with a certificate that has expired, and says that devices cannot connect', async () => {
    await open({ tls: { listen: HERE, files: expiredCertificate(folder, ca, 'late') } });
    expect(door.warnings).toEqual([
      'the certificate of mqtt.tls has expired on 2020-03-01: devices that check it cannot connect',
    ]);
    const checking = connectTls({ port: ports.tlsPort ?? 0, ca: readFileSync(ca.cert), servername: 'localhost' });
    const [error] = (await once(checking, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('CERT_HAS_EXPIRED');
  });

  test('does not start with files that cannot serve it, and says which', async () => {
    const other = authority(folder, 'elsewhere');
    const text = join(folder, 'text.pem');
    writeFileSync(text, 'not a certificate');
    const start = async (files: { cert: string; key: string; client_ca?: string }): Promise<string> => {
      const error = await failure(open({ tls: { listen: HERE, files } }));
      expect(error).toBeInstanceOf(HubError);
      expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 78 });
      await door.stop(0);
      return (error as HubError).message;
    };
    expect(await start({ ...server, cert: join(folder, 'gone.pem') })).toMatch(/mqtt\.tls\.cert: .*no such file/);
    expect(await start({ ...server, cert: text })).toMatch(/mqtt\.tls\.cert: .*is no certificate/);
    expect(await start({ ...server, key: server.cert })).toMatch(/mqtt\.tls\.key: .*is no private key/);
    expect(await start({ ...server, key: other.key })).toMatch(/mqtt\.tls\.key: .*does not belong/);
    expect(await start({ ...server, client_ca: text })).toMatch(/mqtt\.tls\.client_ca: .*is no certificate/);
  });
});

describe('WebSocket', () => {
  const websocket = { listen: HERE, hosts: ['hub.shop.example'] };
  const url = (): string => `ws://127.0.0.1:${ports.websocketPort}/any/path`;

  const dial = (options: { protocols?: string[]; headers?: Record<string, string> } = {}): WebSocket => {
    const { protocols = ['mqtt'], headers = {} } = options;
    const socket = new WebSocket(url(), protocols, { headers, perMessageDeflate: true });
    socket.on('error', () => undefined);
    return socket;
  };

  async function raw(): Promise<{ socket: WebSocket; heard: Buffer[]; closed: () => number | undefined }> {
    const socket = dial();
    const heard: Buffer[] = [];
    let code: number | undefined;
    socket.on('message', (data) => heard.push(data as Buffer));
    socket.on('close', (given) => {
      code = given;
    });
    await once(socket, 'open');
    return { socket, heard, closed: () => code };
  }

  test('carries readings and alerts, large ones too, under any path', async () => {
    await open({ websocket });
    const screen = await client(url(), { username: 'screen', password: 'screen password' });
    const heard: string[] = [];
    screen.on('message', (topic, payload) => heard.push(`${topic} ${payload.length}`));
    await screen.subscribeAsync('out/alerts/#', { qos: 1 });
    const till = await client(url(), { username: 'till-1', password: 'till-1 password' });
    await till.publishAsync('in/sale/till-1', `ok ${'x'.repeat(1_048_000)}`, { qos: 1 });
    for (let i = 0; i < 500; i += 1) till.publish('in/sale/till-1', `ok ${i}`, { qos: 1 });
    await until(() => intake.deliveries.length === 501);
    await door.publishOut('out/alerts/shelf-gap/A1', 'y'.repeat(300_000));
    await until(() => heard.length === 1);
    expect(heard).toEqual(['out/alerts/shelf-gap/A1 300000']);
    expect((await failure(client(url(), { username: 'till-1', password: 'x' })))?.code).toBe(4);
  });

  test('takes packets that are spread over messages, and several in one', async () => {
    await open({ websocket });
    const { socket, heard } = await raw();
    const bytes = Buffer.concat([
      connectPacket(),
      publishPacket('in/sale/t', 'ok 1', 1, 1),
      publishPacket('in/sale/t', 'ok 2', 1, 2),
    ]);
    for (const byte of bytes.subarray(0, 40)) socket.send(Buffer.from([byte]));
    socket.send(bytes.subarray(40));
    await until(() => intake.deliveries.length === 2);
    await until(() => Buffer.concat(heard).length === 12);
    expect(Buffer.concat(heard).toString('hex')).toBe(`20020000${'40020001'}${'40020002'}`);
    expect(socket.protocol).toBe('mqtt');
    expect(socket.extensions).toBe('');
    socket.close();
  });

  test('refuses text, packets over the limit, and frames that are none', async () => {
    await open({ websocket }, { packet: 10_000 });
    const texting = await raw();
    texting.socket.send('hello');
    await until(() => texting.closed() !== undefined);
    const large = await raw();
    large.socket.send(connectPacket());
    large.socket.send(publishPacket('in/sale/t', 'x'.repeat(20_000), 1, 1));
    await until(() => large.closed() !== undefined);
    const huge = await raw();
    huge.socket.send(Buffer.alloc(1_000_000));
    await until(() => huge.closed() !== undefined);
    expect(intake.deliveries).toEqual([]);
    await until(() => door.connections === 0);
    const fine = await client(url());
    await fine.publishAsync('in/sale/t', 'ok', { qos: 1 });
  });

  test('holds reading while the journal is behind, and goes on', async () => {
    const inFlight = new InFlight(1000);
    await open({ websocket }, {}, inFlight);
    intake.automatic = false;
    const { socket } = await raw();
    socket.send(connectPacket());
    for (let i = 1; i <= 3000; i += 1) socket.send(publishPacket('in/sale/t', `ok ${'x'.repeat(1000)}`, 1, i));
    await until(() => inFlight.paused);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(intake.deliveries.length).toBeLessThan(200);
    intake.automatic = true;
    intake.answer();
    await until(() => intake.deliveries.length === 3000);
    socket.close();
  });

  test('gives messages that are arriving a bounded room, and time', async () => {
    await open({ websocket }, { arriving: 300_000, packetAge: 1 });
    const begun = await Promise.all(Array.from({ length: 10 }, raw));
    for (const { socket } of begun) socket.send(Buffer.alloc(100_000), { fin: false });
    const closed = () => begun.filter((one) => one.closed() !== undefined).length;
    await until(() => closed() >= 7);
    expect(closed()).toBeLessThan(10);
    // What is never ended goes too, and gives its room back.
    await until(() => closed() === 10);
    const fine = await client(url());
    await fine.publishAsync('in/sale/t', `ok ${'x'.repeat(200_000)}`, { qos: 1 });
  });

  test('does not pile up pongs for a client that reads nothing', async () => {
    await open({ websocket });
    const { socket } = await raw();
    socket.send(connectPacket());
    socket.pause();
    const flood = setInterval(() => {
      for (let i = 0; i < 500 && socket.bufferedAmount < 4_000_000; i += 1) socket.ping(Buffer.alloc(120));
    }, 5);
    const until20s = performance.now() + 20_000;
    while (door.connections > 0 && performance.now() < until20s)
      await new Promise((resolve) => setTimeout(resolve, 20));
    clearInterval(flood);
    expect(door.connections).toBe(0);
    socket.terminate();
  });

  test('answers a handshake that it may not take, and no path is a page', async () => {
    await open({ websocket });
    const port = ports.websocketPort ?? 0;
    const status = async (options: Parameters<typeof dial>[0]): Promise<number> => {
      const socket = dial(options);
      return Promise.race([
        once(socket, 'open').then(() => 101),
        once(socket, 'unexpected-response').then(([, response]) => response.statusCode as number),
      ]);
    };
    expect(await status({ protocols: [] })).toBe(400);
    expect(await status({ protocols: ['mqttv3.1'] })).toBe(400);
    expect(await status({ headers: { host: 'evil.example' } })).toBe(421);
    expect(await status({ headers: { origin: 'http://evil.example' } })).toBe(403);
    expect(await status({ headers: { origin: 'null' } })).toBe(403);
    expect(await status({ headers: { origin: 'http://127.0.0.1:8080' } })).toBe(101);
    expect(await status({ headers: { host: 'hub.shop.example', origin: 'http://hub.shop.example' } })).toBe(101);
    const page = request({ host: '127.0.0.1', port });
    page.end();
    const [response] = await once(page, 'response');
    expect(response.statusCode).toBe(426);
    response.resume();
  });
});

test('all addresses together take no more connections than one', async () => {
  await open({ websocket: { listen: HERE, hosts: [] } }, { connections: 2 });
  await client(`mqtt://127.0.0.1:${ports.port}`);
  await client(`ws://127.0.0.1:${ports.websocketPort}`);
  expect(await failure(client(`mqtt://127.0.0.1:${ports.port}`))).toBeDefined();
  expect(await failure(client(`ws://127.0.0.1:${ports.websocketPort}`))).toBeDefined();
  expect(door.counters.connectionsRefused).toBe(2);
});
