/** The PIN before the staff page, over real HTTP. */
import { createConnection } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { healthRoutes } from '../ops/health.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { staffApi } from './api.ts';
import { alertId, TestDesk } from './desk.fixture.ts';
import { staffGate } from './gate.ts';
import { staffPages } from './pages.ts';
import { Sessions } from './sessions.ts';

const PIN = '482915';
let app: FastifyInstance;
let base: string;
let clock: number;
let lines: string[];
let desk: TestDesk;

beforeEach(async () => {
  clock = 0;
  lines = [];
  desk = new TestDesk();
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  app = createHttp({ hosts: [], logger });
  staffGate(app, { sessions: new Sessions({ pin: PIN, now: () => clock }), logger });
  healthRoutes(app, () => ({ ready: true, reasons: [] }));
  await app.register(staffApi, { desk });
  staffPages(app);
  base = `http://127.0.0.1:${await listenTcp(app, { host: '127.0.0.1', port: 0 })}`;
});

afterEach(() => app.close());

const enter = (pin: unknown, headers: Record<string, string> = {}) =>
  fetch(`${base}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ pin }),
  });

const get = async (path: string, cookie?: string, method = 'GET') =>
  (await fetch(base + path, { method, ...(cookie !== undefined && { headers: { cookie } }) })).status;

async function session(): Promise<string> {
  const response = await enter(PIN);
  expect(response.status).toBe(204);
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

describe('without a session', () => {
  test('what staff see and do is closed, the page, health and the rest are open', async () => {
    for (const path of [
      '/api/alerts',
      '/api/alerts?state=all',
      '/api/offers',
      '/api/live',
      '/status',
      '//api/alerts',
      '/%61pi/alerts',
    ]) {
      expect([path, await get(path)], path).not.toEqual([path, 200]);
    }
    expect(await get('/api/alerts')).toBe(401);
    expect(await get('/api/alerts', undefined, 'HEAD')).toBe(401);
    expect(await get(`/api/alerts/${alertId('a')}/resolve`, undefined, 'POST')).toBe(401);
    for (const path of ['/', '/app.js', '/style.css', '/health/live', '/health/ready'])
      expect(await get(path)).toBe(200);
    expect(desk.commands).toEqual([]);
  });

  test('neither HTTP Basic nor a cookie of nobody opens it', async () => {
    const authorization = `Basic ${Buffer.from('till-1:till-1 password').toString('base64')}`;
    expect((await fetch(`${base}/api/alerts`, { headers: { authorization } })).status).toBe(401);
    for (const token of ['', 'x', 'AAAAAAAAAAAAAAAAAAAAAA', PIN]) {
      expect(await get('/api/alerts', `store_hub_session=${token}`)).toBe(401);
    }
  });
});

describe('the PIN', () => {
  test('opens a session in a cookie that scripts and other sites cannot use', async () => {
    const response = await enter(PIN);
    expect(response.status).toBe(204);
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^store_hub_session=[A-Za-z0-9_-]{22}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    expect(await get('/api/alerts', cookie.split(';')[0])).toBe(200);
    expect(await get('/status', `other=1; ${cookie.split(';')[0]}`)).toBe(200);
    expect((await enter(PIN)).headers.get('set-cookie')).not.toBe(cookie);
  });

  test('that is wrong is 401, and what is no PIN 400; the log has the address, not the PIN', async () => {
    for (const wrong of ['482914', '48291', '4829155', '']) expect((await enter(wrong)).status).toBe(401);
    expect((await enter(482915)).status).toBe(400);
    expect((await enter('4'.repeat(1000))).status).toBe(400);
    expect(lines.join('')).toContain('127.0.0.1');
    expect(lines.join('')).not.toContain('48291');
  });

  test('five times wrong in a minute: the address waits, also with the right one, and open sessions go on', async () => {
    const cookie = await session();
    for (let i = 0; i < 5; i += 1) expect((await enter('0000')).status).toBe(401);
    clock = 20_000;
    const response = await enter(PIN);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '40']);
    expect(await get('/api/alerts', cookie)).toBe(200);
    clock = 60_000;
    expect((await enter(PIN)).status).toBe(204);
  });

  test('cannot be guessed from many addresses at once; one that was right before may still sign in', () => {
    const sessions = new Sessions({ pin: PIN, now: () => clock });
    expect(sessions.signIn(PIN, '10.0.0.1').is).toBe('in');
    const guesses = Array.from({ length: 100 }, (_, i) => sessions.signIn('0000', `10.0.1.${i}`).is);
    expect(guesses.filter((is) => is === 'wrong')).toHaveLength(60);
    clock = 20_000;
    expect(sessions.signIn(PIN, '10.0.2.1')).toEqual({ is: 'later', afterMs: 40_000 });
    expect(sessions.signIn(PIN, '::ffff:10.0.0.1').is).toBe('in');
    clock = 60_000;
    expect(sessions.signIn(PIN, '10.0.2.1').is).toBe('in');
  });

  test('is not taken from a page of others', async () => {
    expect((await enter(PIN, { origin: 'http://evil.example' })).status).toBe(403);
  });
});

describe('a session', () => {
  test('ends after twelve hours without use, not before', async () => {
    const cookie = await session();
    for (let hours = 11; hours <= 33; hours += 11) {
      clock = hours * 3_600_000;
      expect(await get('/api/alerts', cookie)).toBe(200);
    }
    clock += 12 * 3_600_000 + 1;
    expect(await get('/api/alerts', cookie)).toBe(401);
  });

  test('ends with signing out, and so does what listens on its strength', async () => {
    const cookie = await session();
    const { port } = new URL(base);
    const live = createConnection(Number(port), '127.0.0.1');
    let heard = '';
    live.on('data', (chunk) => {
      heard += chunk.toString();
    });
    live.write(`GET /api/live HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n\r\n`);
    await expect.poll(() => heard).toContain('event: hello');
    const ended = new Promise<void>((resolve) => live.once('close', () => resolve()));
    const other = await session();
    const response = await fetch(`${base}/api/session`, { method: 'DELETE', headers: { cookie } });
    expect([response.status, response.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    await ended;
    expect(await get('/api/alerts', cookie)).toBe(401);
    expect(await get('/api/alerts', other)).toBe(200);
  });

  test('makes room for another: the one used longest ago goes', async () => {
    const sessions = new Sessions({ pin: PIN, now: () => clock });
    const tokens = Array.from({ length: 501 }, () => {
      clock += 1;
      const entered = sessions.signIn(PIN, '10.0.0.1');
      return entered.is === 'in' ? entered.token : '';
    });
    expect(tokens.map((token) => sessions.use(token)).filter((open) => open)).toHaveLength(500);
    expect(sessions.use(tokens[0] ?? '')).toBe(false);
    expect(sessions.use(tokens[500] ?? '')).toBe(true);
  });
});
