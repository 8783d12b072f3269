import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttp } from '../ops/http.ts';
import { ControlledIntake, plainCodec as codec } from './controlled-intake.ts';
import { Credentials } from './credentials.ts';
import { newDoorCounters } from './door-counters.ts';
import { httpIn } from './http-in.ts';
import { InFlight } from './in-flight.ts';
import { until } from './raw-mqtt.ts';
import { testUser } from './users.fixture.ts';

let app: FastifyInstance;
let intake: ControlledIntake;
let inFlight: InFlight;
let base: string;
const counters = newDoorCounters();

beforeEach(async () => {
  intake = new ControlledIntake();
  inFlight = new InFlight(1000);
  app = createHttp({ hosts: [], logger: pino({ level: 'silent' }) });
  await app.register(httpIn, { intake, codec, inFlight, counters });
  base = await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  intake.answer();
  await app.close();
});

const post = (path: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  fetch(base + path, { method: 'POST', body, headers });

describe('readings by HTTP', () => {
  test('are answered with 202 after the receipt, not before', async () => {
    intake.automatic = false;
    let status = 0;
    const answer = post('/in/sale/till-1', 'ok').then(async (response) => {
      status = response.status;
      return response.json();
    });
    await until(() => intake.waiting.length === 1);
    expect(status).toBe(0);
    intake.answer();
    expect(await answer).toEqual({ accepted: 1, repeated: 0 });
    expect(status).toBe(202);
    expect(intake.deliveries[0]).toMatchObject({ kind: 'sale', device: 'till-1' });
  });

  test('that are only counted are answered without the journal', async () => {
    const response = await post('/in/presence/p', '{}');
    expect([response.status, await response.json()]).toEqual([202, { accepted: 2, repeated: 0 }]);
    expect(intake.waiting).toEqual([]);
  });

  test('are taken whatever the content type says, even none', async () => {
    for (const headers of [{ 'content-type': 'text/plain' }, { 'content-type': 'application/x-www-form-urlencoded' }]) {
      expect((await post('/in/sale/t', 'ok', headers)).status).toBe(202);
    }
    const { port } = new URL(base);
    const socket = connect(Number(port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.write('POST /in/sale/t HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
    await until(() => answer.includes('\r\n\r\n'));
    expect(answer).toMatch(/^HTTP\/1.1 202/);
    socket.destroy();
  });

  test('that are refused are 400 with the dead letter and the places', async () => {
    const response = await post('/in/sale/till-1', '{"a":1}');
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(await response.json()).toMatchObject({
      status: 400,
      detail: 'not ok',
      letter: 'letter-1',
      pointers: ['/a'],
    });
    expect((await post('/in/sale/till-1', '')).status).toBe(400);
  });

  test('name their device percent-encoded, as one level', async () => {
    expect((await post(`/in/sale/${encodeURIComponent('Kasse 3 é')}`, 'ok')).status).toBe(202);
    expect(intake.deliveries[0]?.device).toBe('Kasse 3 é');
    expect((await post(`/in/sale/${'é'.repeat(128)}`, 'ok')).status).toBe(202);
    for (const device of ['a%2Fb', 'a%00b', 'd'.repeat(129)]) {
      const response = await post(`/in/sale/${device}`, 'ok');
      expect(response.status).toBe(400);
      expect(await response.json()).toHaveProperty('letter');
    }
    expect((await post('/in/sale/%E0%A4%A', 'ok')).status).toBe(400);
  });

  test('of an unknown kind are 404', async () => {
    for (const kind of ['sales', 'constructor', '__proto__'])
      expect((await post(`/in/${kind}/t`, 'ok')).status).toBe(404);
    expect(intake.waiting).toEqual([]);
    expect(intake.refusals).toEqual([]);
  });

  test('over 1 MiB are 413', async () => {
    expect((await post('/in/sale/t', 'ok'.repeat(600_000))).status).toBe(413);
  });

  test('that cannot be stored are 503 and to be sent again', async () => {
    intake.broken = true;
    for (const body of ['ok', 'bad']) {
      const response = await post('/in/sale/t', body);
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    }
  });

  test('are 429 while too much waits for the journal', async () => {
    intake.automatic = false;
    const first = post('/in/sale/t', 'ok'.repeat(600));
    await until(() => inFlight.paused);
    const second = await post('/in/sale/t', 'ok');
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '1']);
    intake.answer();
    expect((await first).status).toBe(202);
    intake.automatic = true;
    expect((await post('/in/sale/t', 'ok')).status).toBe(202);
  });

  test('leave nothing behind when the journal throws', async () => {
    intake.fault = new Error('no journal');
    expect((await post('/in/sale/t', 'ok')).status).toBe(500);
    expect(inFlight).toMatchObject({ bytes: 0, deliveries: 0 });
  });
});

describe('users by HTTP', () => {
  const credentials = new Credentials({
    users: [testUser('till-1'), testUser('gateway', { devices: ['scale-7', '4111111111111111'], may: ['consent'] })],
    logger: pino({ level: 'silent' }),
  });
  const basic = (name: string, password = `${name} password`) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  });

  async function serve(demanded: boolean): Promise<void> {
    await app.close();
    app = createHttp({ hosts: [], logger: pino({ level: 'silent' }) });
    await app.register(httpIn, { intake, codec, inFlight, counters, access: { credentials, demanded } });
    base = await app.listen({ host: '127.0.0.1', port: 0 });
  }

  test('are asked for their name where it is demanded, before the body is read', async () => {
    await serve(true);
    const response = await post('/in/sale/till-1', 'ok');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="store-hub"/);
    expect((await post('/in/nonsense/till-1', 'ok')).status).toBe(401);
    expect((await post('/in/sale/till-1', 'ok', basic('till-1'))).status).toBe(202);
  });

  test('are checked whenever they say who they are', async () => {
    await serve(false);
    expect((await post('/in/sale/anyone', 'ok')).status).toBe(202);
    for (const headers of [
      basic('till-1', 'guess'),
      basic('nobody'),
      { authorization: 'Bearer x' },
      { authorization: 'Basic !' },
    ]) {
      const response = await post('/in/sale/till-1', 'ok', headers);
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('Basic'),
      ]);
    }
    expect(intake.deliveries).toHaveLength(1);
  });

  test('get 403 for the device of another, and for consent without that permission', async () => {
    await serve(true);
    expect((await post('/in/sale/till-2', 'ok', basic('till-1'))).status).toBe(403);
    const refused = await post('/in/consent/till-1', 'ok', basic('till-1'));
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining('this user needs `may: [consent]`'),
    ]);
    expect((await post('/in/consent/scale-7', 'ok', basic('gateway'))).status).toBe(202);
    expect((await post('/in/nonsense/till-1', 'ok', basic('till-1'))).status).toBe(404);
    expect(intake.deliveries.map(({ device }) => device)).toEqual(['scale-7']);
  });

  test('may send as a device whose name looks like a card number, as over MQTT', async () => {
    await serve(true);
    expect((await post('/in/sale/4111111111111111', 'ok', basic('gateway'))).status).toBe(202);
    expect((await post('/in/sale/4012888888881881', 'ok', basic('gateway'))).status).not.toBe(202);
    for (const path of [
      '/in/sale/%2e%2e',
      '/in/sale/scale-7%2f..%2ftill-1',
      '/in/sale/scale-7%00',
      '/in/%73ale/till-1',
    ])
      expect((await post(path, 'ok', basic('gateway'))).status, path).not.toBe(202);
    expect(intake.deliveries.map(({ device }) => device)).toEqual([expect.not.stringContaining('4111111111111111')]);
  });

  test('that guess get 429 with the time to wait, also with the right password', async () => {
    await serve(true);
    const answers: number[] = [];
    for (let i = 0; i < 12; i += 1) answers.push((await post('/in/sale/till-1', 'ok', basic('till-1', `${i}`))).status);
    expect(answers.slice(-2)).toEqual([429, 429]);
    const right = await post('/in/sale/till-1', 'ok', basic('till-1'));
    expect(right.status).toBe(429);
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(30);
  });
});
