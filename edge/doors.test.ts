/** A hub from a configuration file with everything at its doors: users, TLS, WebSocket and a PIN, on the network. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../device-sims/harness/free-port.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { passwordHash } from './devices/users.fixture.ts';
import { authority, type CertificateFiles, certificate } from './ops/certificates.fixture.ts';
import { edgeRequest } from './ops/edge-request.ts';

const PIN = '482915';
let store: Store;
let ca: CertificateFiles;
let ports: { mqtt: number; tls: number; websocket: number; http: number };

beforeAll(async () => {
  ports = { mqtt: await freePort(), tls: await freePort(), websocket: await freePort(), http: await freePort() };
  store = await makeStore({
    ports: { mqtt: ports.mqtt, http: ports.http },
    config: {
      mqtt: {
        listen: `0.0.0.0:${ports.mqtt}`,
        anonymous: false,
        users: [
          { name: 'till-1', password_hash: passwordHash('till password'), may: ['claims'] },
          { name: 'gateway', password_hash: passwordHash('gateway password'), devices: ['scale-7'], may: ['alerts'] },
        ],
        tls: { listen: `0.0.0.0:${ports.tls}`, cert: './hub.pem', key: './hub.key' },
        websocket: { listen: `0.0.0.0:${ports.websocket}` },
      },
      http: { listen: `0.0.0.0:${ports.http}`, pin_file: './staff.pin' },
      campaigns: [
        {
          ...{ id: 'soda', zone: 'beverages', gtin: '09521234543213', text: '10 % off' },
          ...{ from: '2020-01-01', until: '2099-12-31', quantity: 3 },
        },
      ],
    },
  });
  ca = authority(store.dir, 'shop-ca');
  certificate(store.dir, ca, { commonName: 'hub', days: 12 });
  writeFileSync(join(store.dir, 'staff.pin'), `${PIN}\n`);
  await store.edge.start();
});

afterAll(() => store?.stop());

const clients: MqttClient[] = [];
afterAll(() => Promise.all(clients.map((client) => client.endAsync(true))));

async function connect(url: string, user?: string): Promise<MqttClient> {
  const login = user === undefined ? {} : { username: user, password: `${user.replace('-1', '')} password` };
  const options = { ...login, ca: readFileSync(ca.cert), reconnectPeriod: 0 };
  const client = await mqtt.connectAsync(url, options, false);
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

const plain = () => `mqtt://127.0.0.1:${ports.mqtt}`;
const encrypted = () => `mqtts://localhost:${ports.tls}`;
const websocket = () => `ws://127.0.0.1:${ports.websocket}/mqtt`;

let sold = 0;
function sale(): string {
  sold += 1;
  const price = { amount: 99, currency: 'EUR' };
  const lines = [{ gtin: '09521234543213', quantity: 1, price }];
  return JSON.stringify({ till: 'till-1', transaction: `t-${sold}`, business_day: '2026-11-20', lines });
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
const post = async (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(store.httpUrl + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

describe('a hub on the network', () => {
  test('takes readings of its users at every address, each as its own device only', async () => {
    for (const url of [plain(), encrypted(), websocket()]) {
      await expect(connect(url), url).rejects.toMatchObject({ code: 5 });
      const till = await connect(url, 'till-1');
      await till.publishAsync('in/sale/till-1', sale(), { qos: 1 });
      const gone = new Promise<void>((resolve) => till.once('close', () => resolve()));
      till.publish('in/sale/till-2', sale(), { qos: 1 });
      await gone;
    }
    const answer = await post('/in/sale/till-1', sale(), { authorization: basic('till-1', 'till password') });
    expect(answer.status).toBe(202);
    expect((await post('/in/sale/till-1', sale())).status).toBe(401);
    expect((await post('/in/sale/till-2', sale(), { authorization: basic('till-1', 'till password') })).status).toBe(
      403,
    );
    const { stdout } = await store.run(['journal', 'export', '--stream', 'sales']);
    const sources = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).source);
    expect(sources).toEqual(Array.from({ length: 4 }, () => '/store-0042/till-1'));
    expect((await store.run(['dead-letters', 'list', '--json'])).stdout).toBe('');
  });

  test('holds no long body of somebody unknown', async () => {
    const long = JSON.stringify({ pin: '0'.repeat(200_000) });
    for (const path of ['/api/session', '/nothing']) expect((await post(path, long)).status, path).toBe(413);
    const name = { authorization: basic('till-1', 'till password') };
    expect((await post('/in/sale/till-1', `[${sale()}]${' '.repeat(200_000)}`, name)).status).toBe(202);
  });

  test('tells alerts to those that may hear them', async () => {
    const gateway = await connect(encrypted(), 'gateway');
    const heard: string[] = [];
    gateway.on('message', (topic) => heard.push(topic));
    await gateway.subscribeAsync('out/alerts/#', { qos: 1 });
    const till = await connect(websocket(), 'till-1');
    await expect(till.subscribeAsync('out/alerts/#', { qos: 1 })).rejects.toThrow();
    await gateway.publishAsync('in/shelf/scale-7', JSON.stringify({ shelf: 'A1-1', count: 1 }), { qos: 1 });
    await waitUntil('the alert', async () => heard.includes('out/alerts/shelf-gap/A1-1'));
  });

  test('shows staff nothing without the PIN, and asks neither health, metrics nor this machine for it', async () => {
    const status = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(store.httpUrl + path, { headers })).status;
    expect(await status('/api/alerts')).toBe(401);
    expect(await status('/status', { authorization: basic('till-1', 'till password') })).toBe(401);
    for (const path of ['/', '/health/live', '/health/ready', '/metrics']) expect(await status(path)).toBe(200);
    const opened = await post('/api/session', JSON.stringify({ pin: PIN }));
    expect(opened.status).toBe(204);
    const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect(await status('/api/alerts', { cookie })).toBe(200);
    expect((await store.run(['status', '--json'])).code).toBe(0);
    await store.edge.stop();
    await store.edge.start();
    expect(await status('/api/alerts', { cookie })).toBe(401);
  });

  test('answers the claims of a till that shows its name, of staff with the PIN, and of this machine', async () => {
    const claim = (n: number) =>
      JSON.stringify({ till: 'till-1', transaction: `c-${n}`, business_day: '2026-11-20', campaign: 'soda' });
    expect((await post('/api/claims', claim(1))).status).toBe(401);
    expect((await post('/api/claims', claim(1), { authorization: basic('till-1', 'no') })).status).toBe(401);
    const gateway = { authorization: basic('gateway', 'gateway password') };
    expect((await post('/api/claims', claim(1), gateway)).status).toBe(403);
    const till = { authorization: basic('till-1', 'till password') };
    const claimed = await post('/api/claims', claim(1), till);
    expect([claimed.status, await claimed.json()]).toEqual([200, { claim: expect.any(String), campaign: 'soda' }]);
    const other = claim(1).replace('"till-1"', '"till-9"');
    expect((await post('/api/claims', other, till)).status).toBe(403);
    const opened = await post('/api/session', JSON.stringify({ pin: PIN }));
    const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await post('/api/claims', claim(2), { cookie })).status).toBe(200);
    const socket = join(store.dataDir, 'edge.sock');
    const local = (n: number) => edgeRequest(socket, 'POST', '/api/claims', JSON.parse(claim(n)));
    expect((await local(3)).status).toBe(200);
    expect(await local(4)).toMatchObject({ status: 409, body: { reason: 'capped' } });
    expect((await post(`/api/offers/${'0'.repeat(26)}/seen`, '{}', till)).status).toBe(403);
    expect((await post(`/api/offers/${'0'.repeat(26)}/seen`, '{}', { cookie })).status).toBe(404);
  });

  test('warns of a certificate that ends soon, and its log holds no password and no PIN', async () => {
    const health = JSON.stringify(await store.get(`${store.httpUrl}/health/ready`));
    expect(health).toContain('the certificate of mqtt.tls expires on');
    await expect(connect(plain(), 'nobody')).rejects.toMatchObject({ code: 4 });
    await post('/api/session', JSON.stringify({ pin: '111122' }));
    const log = store.edge.lines.join('\n');
    expect(log).toContain('wrong user name or password');
    expect(log).toMatch(/"mqtt\.tls":"[^"]+:\d+","mqtt\.websocket":"[^"]+:\d+".*the hub is up/);
    expect(log).toContain('a wrong PIN');
    expect(log).not.toMatch(/till password|nobody password|482915|111122|\$scrypt/);
    const metrics = await (await fetch(`${store.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/sign_ins_refused_total\{reason="wrong-password"\} [1-9]/);
  });

  test('holds no long body of somebody unknown', async () => {
    const long = JSON.stringify({ pin: '0'.repeat(200_000) });
    for (const path of ['/api/session', '/nothing']) expect((await post(path, long)).status, path).toBe(413);
    const name = { authorization: basic('till-1', 'till password') };
    expect((await post('/in/sale/till-1', `[${sale()}]${' '.repeat(200_000)}`, name)).status).toBe(202);
  });

  test('does not start without a file that it needs, and says where it is named', async () => {
    await store.edge.stop();
    rmSync(join(store.dir, 'hub.key'));
    writeFileSync(join(store.dir, 'staff.pin'), 'none of your business');
    const from = store.edge.lines.length;
    expect((await store.edge.startAndWait()).code).toBe(78);
    const said = store.edge.lines.slice(from).join('\n');
    expect(said).toMatch(/store\.yaml:\d+:\d+: mqtt\.tls\.key: .*hub\.key: there is no such file/);
    expect(said).toMatch(/store\.yaml:\d+:\d+: http\.pin_file: .*staff\.pin: must hold 4 to 12 digits/);
    expect(said).not.toContain('business');
    const checked = await store.run(['check-config', '--json']);
    expect(checked.code).toBe(78);
    expect(JSON.parse(checked.stdout).map(({ key }: { key: string }) => key)).toEqual([
      'mqtt.tls.key',
      'http.pin_file',
    ]);
  });
});
