/** HTTP under abuse, over real sockets: slow, endless and stalled clients are cut, and the next one is served. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Doorstep } from './doorstep.ts';
import { edgeRequest } from './edge-request.ts';
import { createHttp, listenTcp, listenUnix } from './http.ts';
import { createLogger } from './logging.ts';

let app: FastifyInstance;
let port: number;
let lines: string[];
let sockets: Socket[];
let doorstep: Doorstep;

async function open(limits: { connections: number; perAddress: number }): Promise<void> {
  doorstep = new Doorstep(limits);
  lines = [];
  const logger = createLogger('edge', { to: { write: (line: string) => void lines.push(line) } });
  app = createHttp({ hosts: [], logger, bodyLimit: 100_000, doorstep });
  app.get('/thing', async () => ({ fine: true }));
  app.get('/slow', () => new Promise(() => {}));
  app.post('/thing', async (request) => ({ size: JSON.stringify(request.body ?? null).length }));
  port = await listenTcp(app, { host: '127.0.0.1', port: 0 });
}

beforeEach(() => {
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await app.close();
});

interface Dialled {
  readonly socket: Socket;
  text: string;
  closed: boolean;
}

/** A connection that keeps what it was answered. */
function dial(first = '', at: { port: number } | { path: string } = { port }): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const socket = connect('path' in at ? at : { ...at, host: '127.0.0.1' });
    sockets.push(socket);
    const dialled: Dialled = { socket, text: '', closed: false };
    socket.on('data', (chunk) => {
      dialled.text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      dialled.closed = true;
    });
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => undefined);
      socket.write(first);
      resolve(dialled);
    });
  });
}

async function until(met: () => boolean, patience = 5000): Promise<void> {
  for (const end = performance.now() + patience; !met(); ) {
    if (performance.now() > end) throw new Error(`it did not happen within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const GET = 'GET /thing HTTP/1.1\r\nhost: localhost\r\n\r\n';
const head = (length: string) =>
  `POST /thing HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${length}\r\n\r\n`;

async function isServed(): Promise<void> {
  const { socket, ...rest } = await dial(GET);
  const answer: Dialled = { socket, ...rest };
  socket.on('data', (chunk) => {
    answer.text += chunk.toString();
  });
  await until(() => answer.text.includes('"fine":true'));
  socket.destroy();
}

describe('connections by HTTP', () => {
  it.each<[string, string]>([
    ['say nothing', ''],
    ['send their head slowly', 'GET /thing HTTP/1.1\r\nhost: lo'],
    ['send their body slowly', `${head('content-length: 1000')}{"a":`],
    ['send a chunked body slowly', `${head('transfer-encoding: chunked')}5\r\n{"a":`],
    ['are idle after an answer', GET],
  ])('that %s give way to newer ones, also of their own address', async (_, text) => {
    await open({ connections: 20, perAddress: 10 });
    const slow: Dialled[] = [];
    for (let i = 0; i < 10; i += 1) slow.push(await dial(text));
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let i = 0; i < 12; i += 1) await isServed();
    await until(() => slow[0]?.closed === true);
    expect(doorstep.replaced).toBeGreaterThan(0);
    expect(doorstep.refused).toBe(0);
    expect(lines.filter((line) => line.includes('newer ones needed its place'))).toHaveLength(1);
  });

  it('are turned away over the limit while all others are being answered', async () => {
    await open({ connections: 20, perAddress: 3 });
    const busy: Dialled[] = [];
    for (let i = 0; i < 3; i += 1) busy.push(await dial(GET.replace('/thing', '/slow')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = await dial(GET);
    await until(() => next.closed);
    expect([next.text, doorstep.refused]).toEqual(['', 1]);
    busy[0]?.socket.destroy();
    await until(() => doorstep.guests === 2);
    await isServed();
  });
});

it('a head that does not come is cut in time', { timeout: 40_000 }, async () => {
  await open({ connections: 20, perAddress: 20 });
  const slow = await dial('GET /thing HTTP/1.1\r\nhost: lo');
  const drip = setInterval(() => slow.socket.write('c'), 500);
  await until(() => slow.closed, 30_000);
  clearInterval(drip);
  expect(slow.text).toContain(' 408 ');
});

describe('bodies', () => {
  it('without an end are cut at the limit', async () => {
    await open({ connections: 20, perAddress: 20 });
    const endless = await dial(head('transfer-encoding: chunked'));
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    let sent = 0;
    const feed = setInterval(() => {
      sent += 0x4000;
      endless.socket.write(chunk);
    }, 2);
    await until(() => endless.closed);
    clearInterval(feed);
    expect(endless.text).toContain(' 413 ');
    expect(sent).toBeLessThan(10_000_000);
    await isServed();
  });

  it('that say a length over the limit are refused before they come', async () => {
    await open({ connections: 20, perAddress: 20 });
    const huge = await dial(head('content-length: 1000000000'));
    await until(() => huge.text.includes(' 413 '));
    await isServed();
  });

  it.each([
    ['[', ']'],
    ['{"a":', '}'],
  ])('nested 15,000 deep (%s) do not harm', async (begin, end) => {
    await open({ connections: 20, perAddress: 20 });
    const body = `${begin.repeat(15_000)}1${end.repeat(15_000)}`;
    const deep = await dial(`${head(`content-length: ${body.length}`)}${body}`);
    await until(() => /^HTTP\/1\.1 \d/.test(deep.text));
    await isServed();
  });
});

describe('requests', () => {
  it('that come by the hundred on one connection are all answered, in order', async () => {
    await open({ connections: 20, perAddress: 20 });
    const piped = await dial(GET.repeat(500));
    await isServed();
    await until(() => piped.text.split('"fine":true').length === 501);
  });

  it.each([
    ['an unknown method', 'BREW /thing HTTP/1.1\r\nhost: localhost\r\n\r\n', / 400 /],
    ['a method nobody routes', 'PROPFIND /thing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n', / 40[045] /],
    ['CONNECT', 'CONNECT example.org:80 HTTP/1.1\r\nhost: localhost\r\n\r\n', /^$| 40\d /],
    [
      'an upgrade',
      'GET /thing HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      / \d\d\d /,
    ],
    [
      'two lengths',
      'POST /thing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
      / 400 /,
    ],
    ['length and chunks', `${head('content-length: 2\r\ntransfer-encoding: chunked')}0\r\n\r\n`, / 400 /],
    ['no Host', 'GET /thing HTTP/1.1\r\n\r\n', / 400 /],
    ['a Host of somebody else', 'GET /thing HTTP/1.1\r\nhost: evil.example\r\n\r\n', / 421 /],
    ['a whole address', 'GET http://evil.example/thing HTTP/1.1\r\nhost: evil.example\r\n\r\n', / 421 /],
    ['a POST of another page', `${head('origin: http://evil.example\r\ncontent-length: 2')}{}`, / 403 /],
  ])('with %s are refused, and the next is served', async (_, text, answer) => {
    await open({ connections: 20, perAddress: 20 });
    const odd = await dial(text);
    await until(() => answer.test(odd.text.split('\r\n', 1)[0] ?? ''));
    expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    await isServed();
  });
});

it('a Unix socket serves others while clients stall on it', async () => {
  await open({ connections: 20, perAddress: 20 });
  const folder = await mkdtemp(join(tmpdir(), 'hub-stalled-'));
  const local = createHttp({
    hosts: [],
    logger: createLogger('edge', { to: { write: () => undefined } }),
    local: true,
  });
  local.post('/echo', async (request) => request.body);
  const path = join(folder, 'edge.sock');
  await listenUnix(local, path);
  try {
    for (let i = 0; i < 300; i += 1) await dial('', { path });
    for (let i = 0; i < 300; i += 1)
      await dial(`${head('content-length: 1000').replace('/thing', '/echo')}{`, { path });
    expect(await edgeRequest(path, 'POST', '/echo', { a: 1 })).toEqual({ status: 200, body: { a: 1 } });
  } finally {
    await local.close();
    await rm(folder, { recursive: true });
  }
});
