import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitUntil } from '../harness/wait-until.ts';
import { type Link, startLink } from './tcp-proxy.ts';

let echo: Server;
let atServer: string;
let link: Link;
const clients: Socket[] = [];

beforeEach(async () => {
  atServer = '';
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      atServer += chunk.toString();
      socket.write(chunk);
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  link = await startLink({ target: { port: address.port } });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await link.stop();
  await new Promise<void>((resolve) => echo.close(() => resolve()));
});

async function dial(): Promise<{ socket: Socket; heard: () => string; closed: () => boolean }> {
  const socket = connect({ port: link.port, host: '127.0.0.1' });
  clients.push(socket);
  let heard = '';
  let closed = false;
  socket.on('data', (chunk) => {
    heard += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  // A refused connection may end before it ever counted as made.
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
  return { socket, heard: () => heard, closed: () => closed };
}

test('an open link passes both directions and counts them', async () => {
  const { socket, heard } = await dial();
  socket.write('hello');
  await waitUntil('the echo', () => heard() === 'hello');
  expect(link.bytes).toEqual({ up: 5, down: 5 });
});

test('large transfers arrive whole through back-pressure', async () => {
  const { socket } = await dial();
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  socket.write(Buffer.alloc(8_000_000, 7));
  await waitUntil('eight megabytes back', () => received === 8_000_000);
});

test('a cut resets what is connected and refuses what comes, until healed', async () => {
  const { socket, closed } = await dial();
  socket.write('x');
  await waitUntil('x at the server', () => atServer === 'x');
  link.cut();
  await waitUntil('the connection to end', closed);
  const second = await dial();
  await waitUntil('the new connection to end', second.closed);
  link.heal();
  const third = await dial();
  third.socket.write('again');
  await waitUntil('the echo', () => third.heard() === 'again');
});

test('a black hole keeps connections, passes nothing, and delivers after healing', async () => {
  const before = await dial();
  before.socket.write('1');
  await waitUntil('the echo', () => before.heard() === '1');
  link.blackhole();
  const during = await dial();
  before.socket.write('2');
  during.socket.write('3');
  await sleep(150);
  expect([before.heard(), during.heard(), before.closed(), during.closed(), atServer]).toEqual([
    '1',
    '',
    false,
    false,
    '1',
  ]);
  link.heal();
  await waitUntil('both echoes', () => before.heard() === '12' && during.heard() === '3');
});

test('a client that leaves inside a black hole is gone for the server only after healing', async () => {
  let serverSaw = false;
  echo.on('connection', (socket) =>
    socket.on('close', () => {
      serverSaw = true;
    }),
  );
  const { socket } = await dial();
  socket.write('1');
  await waitUntil('1 at the server', () => atServer === '1');
  link.blackhole();
  socket.resetAndDestroy();
  await sleep(150);
  expect(serverSaw).toBe(false);
  link.heal();
  await waitUntil('the server to see it', () => serverSaw);
});

test('with lost replies the server gets the request and the client no answer', async () => {
  const { socket, heard, closed } = await dial();
  link.dropReplies();
  socket.write('commit');
  await waitUntil('the request at the server', () => atServer === 'commit');
  await sleep(50);
  expect(heard()).toBe('');
  link.heal();
  await waitUntil('the spoilt connection to end', closed);
});

test('a cut after some bytes delivers exactly those', async () => {
  const { socket, closed } = await dial();
  link.cutAfter(3);
  socket.write('abcdef');
  await waitUntil('the connection to end', closed);
  expect(atServer).toBe('abc');
});

test('a slow line delays, lets through no more than it may, keeps the order, and is fast again when healed', async () => {
  const { socket } = await dial();
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  const sent = Buffer.from(Array.from({ length: 30_000 }, (_, n) => n % 251));
  link.slow({ bytesPerSecond: 100_000, delayMs: 100 });
  const begun = performance.now();
  socket.write(sent);
  await waitUntil('all of it back', () => Buffer.concat(received).length === sent.length);
  // 0.3 s up, the last packet at once down again, and twice the delay.
  expect(performance.now() - begun).toBeGreaterThan(480);
  expect(Buffer.concat(received)).toEqual(sent);
  link.heal();
  const healed = performance.now();
  socket.write('x');
  await waitUntil('x back', () => Buffer.concat(received).length === sent.length + 1, { everyMs: 5 });
  expect(performance.now() - healed).toBeLessThan(100);
});
