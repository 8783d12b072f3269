/** The staff API over real sockets: list, actions, the live stream, the page's files. */
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../contracts/alerts.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { createLogger } from '../ops/logging.ts';
import { staffApi } from './api.ts';
import { alertId, TestDesk } from './desk.fixture.ts';
import { staffPages } from './pages.ts';

let app: FastifyInstance;
let desk: TestDesk;
let port: number;
let base: string;
let liveCounters: { stalled: number; turnedAway: number };
const id = alertId('a1');

beforeEach(async () => {
  desk = new TestDesk();
  desk.change(id);
  app = createHttp({ hosts: [], logger: createLogger('edge', { to: { write: () => {} } }) });
  liveCounters = { stalled: 0, turnedAway: 0 };
  await app.register(staffApi, { desk, liveCounters });
  staffPages(app);
  port = await listenTcp(app, { host: '127.0.0.1', port: 0 });
  base = `http://127.0.0.1:${port}`;
});

afterEach(() => app.close());

async function post(path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const init =
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(base + path, { method: 'POST', ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function list(query = ''): Promise<Alert[]> {
  return (await (await fetch(`${base}/api/alerts${query}`)).json()) as Alert[];
}

it('tells of offers as the desk knows them, never from a cache', async () => {
  desk.report = { ...desk.report, none: [{ day: '2026-11-20', zone: 'beverages', reason: 'no-stock', count: 3 }] };
  const response = await fetch(`${base}/api/offers`);
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(await response.json()).toEqual(desk.report);
});

describe('alerts', () => {
  it('lists those that have not ended, and the others on request', async () => {
    desk.change(alertId('b2'), { state: 'resolved' });
    expect((await list()).map((alert) => alert.id)).toEqual([id]);
    expect((await list('?state=all')).map((alert) => alert.id).sort()).toEqual([id, alertId('b2')].sort());
    expect((await fetch(`${base}/api/alerts?state=open`)).status).toBe(400);
  });

  it('takes each action with its fields, and answers with the changed alert', async () => {
    expect(await post(`/api/alerts/${id}/acknowledge`)).toMatchObject({ status: 200, body: { state: 'acknowledged' } });
    expect(await post(`/api/alerts/${id}/snooze`, { minutes: 15, by: 'Ada' })).toMatchObject({
      status: 200,
      body: { id, state: 'snoozed' },
    });
    expect(await post(`/api/alerts/${id}/dismiss`, { reason: 'full' })).toMatchObject({ body: { state: 'dismissed' } });
    expect(desk.commands).toEqual([
      { alert: id, action: 'acknowledge' },
      { alert: id, action: 'snooze', minutes: 15, by: 'Ada' },
      { alert: id, action: 'dismiss', reason: 'full' },
    ]);
  });

  it('accepts a repeat, refuses another action on what has ended, and does not know other alerts', async () => {
    expect((await post(`/api/alerts/${id}/resolve`)).status).toBe(200);
    expect((await post(`/api/alerts/${id}/resolve`)).status).toBe(200);
    const late = await post(`/api/alerts/${id}/acknowledge`);
    expect(late).toMatchObject({ status: 409, body: { status: 409, alert: { id, state: 'resolved' } } });
    expect((await post(`/api/alerts/${alertId('nobody')}/resolve`)).status).toBe(404);
    expect((await post('/api/alerts/short/resolve')).status).toBe(404);
    expect((await post(`/api/alerts/${id}/explode`)).status).toBe(404);
    expect((await post(`/api/alerts/${id}/toString`)).status).toBe(404);
  });

  it('names the field that is wrong', async () => {
    const cases: [string, unknown, string][] = [
      ['snooze', undefined, '/minutes'],
      ['snooze', { minutes: 0 }, '/minutes'],
      ['snooze', { minutes: '15' }, '/minutes'],
      ['dismiss', { reason: 'because' }, '/reason'],
      ['acknowledge', { by: '' }, '/by'],
      ['acknowledge', [], ''],
    ];
    for (const [action, body, pointer] of cases) {
      const answer = await post(`/api/alerts/${id}/${action}`, body);
      expect(answer, `${action} ${JSON.stringify(body)}`).toMatchObject({ status: 400, body: { pointers: [pointer] } });
      expect(answer.body.detail).toContain(pointer.slice(1) || 'the body');
    }
    expect(desk.commands).toEqual([]);
  });

  it('accepts an empty body of type JSON where nothing is required', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${base}/api/alerts/${id}/acknowledge`, { method: 'POST', headers })).status).toBe(200);
    expect((await fetch(`${base}/api/alerts/${id}/resolve`, { method: 'POST', headers, body: '{' })).status).toBe(400);
  });

  it('answers 503 with Retry-After when the action cannot be stored', async () => {
    desk.full = true;
    const response = await fetch(`${base}/api/alerts/${id}/resolve`, { method: 'POST' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
  });
});

interface Message {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads server-sent events from a socket, one after the other. */
async function* messages(signal: AbortSignal): AsyncGenerator<Message> {
  const response = await fetch(`${base}/api/live`, { signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("'self'");
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const message = text.slice(0, end);
      text = text.slice(end + 2);
      const event = /^event: (.+)$/m.exec(message)?.[1] ?? '';
      yield { event, data: JSON.parse(/^data: (.+)$/m.exec(message)?.[1] ?? '{}') as Record<string, unknown> };
    }
  }
}

function openStalled(): Promise<{ closed: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    const closed = new Promise<void>((done) => socket.once('close', () => done()));
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      socket.pause();
      resolve({ closed: closed.finally(() => socket.destroy()) });
    });
    socket.once('close', () => reject(new Error('closed before a word')));
  });
}

describe('the live stream', () => {
  it('says hello, then tells of each changed alert', async () => {
    const controller = new AbortController();
    const stream = messages(controller.signal);
    expect((await stream.next()).value).toMatchObject({ event: 'hello', data: { hub: 'store-0042' } });
    desk.change(alertId('b2'), { title: 'Check\nthe fridge' });
    expect((await stream.next()).value).toMatchObject({ event: 'alerts', data: { title: 'Check\nthe fridge' } });
    await post(`/api/alerts/${id}/resolve`);
    expect((await stream.next()).value).toMatchObject({ event: 'alerts', data: { id, state: 'resolved' } });
    controller.abort();
  });

  it('closes a reader that does not read, and goes on for the others', async () => {
    const controller = new AbortController();
    const stream = messages(controller.signal);
    await stream.next();
    await openStalled();
    const connections = () => new Promise<number>((done) => app.server.getConnections((_error, count) => done(count)));
    expect(await connections()).toBe(2);
    // Far more than the kernel's buffers of both sides hold; the well-behaved reader reads in between.
    for (let sent = 0; sent < 2000 && (await connections()) === 2; sent += 1) {
      desk.change(id, { detail: 'x'.repeat(60_000) });
      expect((await stream.next()).value).toMatchObject({ event: 'alerts' });
    }
    expect(await connections()).toBe(1);
    expect(liveCounters).toEqual({ stalled: 1, turnedAway: 0 });
    desk.change(id, { detail: 'fine' });
    expect((await stream.next()).value).toMatchObject({ data: { detail: 'fine' } });
    controller.abort();
  });

  it('turns the 101st reader away', async () => {
    const controllers = Array.from({ length: 100 }, () => new AbortController());
    await Promise.all(controllers.map(async ({ signal }) => messages(signal).next()));
    const response = await fetch(`${base}/api/live`);
    expect(response.status).toBe(503);
    expect(liveCounters.turnedAway).toBe(1);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    for (const controller of controllers) controller.abort();
  });

  it('stops with the server, and no longer listens to alerts', async () => {
    const stream = messages(new AbortController().signal);
    await stream.next();
    expect(desk.listeners.size).toBe(1);
    await app.close();
    expect(desk.listeners.size).toBe(0);
    await expect(stream.next()).rejects.toThrow();
  });
});

it('shows the status of the hub', async () => {
  expect(await (await fetch(`${base}/status`)).json()).toEqual({ up: true, ready: true, reasons: [] });
});

describe("the page's files", () => {
  it('come with their type, an ETag, and a 304 when they are known', async () => {
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/offers', 'text/html; charset=utf-8'],
      ['/app.js', 'text/javascript; charset=utf-8'],
      ['/style.css', 'text/css; charset=utf-8'],
    ] as const) {
      const response = await fetch(base + path);
      expect(response.status, path).toBe(200);
      expect(response.headers.get('content-type')).toBe(type);
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const etag = response.headers.get('etag') ?? '';
      expect((await response.text()).length).toBeGreaterThan(100);
      const again = await fetch(base + path, { headers: { 'if-none-match': etag } });
      expect(again.status, path).toBe(304);
      expect(await again.text()).toBe('');
    }
  });

  it.each([
    ['/', 25],
    ['/offers', 32],
  ])('need no other server, and stay small: %s under %i KB in all', async (page, most) => {
    const html = await (await fetch(base + page)).text();
    const paths = [...html.matchAll(/<(?:link|script)[^>]* (?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(paths.length).toBeGreaterThan(1);
    let bytes = html.length;
    for (const path of new Set(paths)) {
      expect(path).toMatch(/^\/[a-z.-]+$/);
      bytes += (await (await fetch(base + path)).text()).length;
    }
    expect(bytes).toBeLessThan(most * 1024);
    expect(html).not.toMatch(/style="|<style|<script>|onclick=/);
  });
});
