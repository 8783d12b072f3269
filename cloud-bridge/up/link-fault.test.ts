/** Faults of TLS as they are told, from real sockets that speak another language. No Kafka is needed for them. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { withAdmin } from '../hq/kafka-client.ts';
import { LinkFailure } from './link-failure.ts';
import { linkFault } from './link-fault.ts';

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

async function toldWithTls(listener: Server): Promise<{ message: string; cause: unknown; at: string }> {
  server = listener.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cloud = { brokers: [at], tls: {} };
  const thrown: unknown = await withAdmin(cloud, async () => undefined).catch((error: unknown) => error);
  if (!(thrown instanceof Error)) throw new Error('it came in');
  return { message: thrown.message, cause: thrown.cause, at };
}

test.each([
  ['HTTP', () => createHttpServer((_, response) => response.end())],
  ['a greeting of its own', () => createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))],
])('TLS to a port that answers with %s: it speaks none', async (_, listener) => {
  const { message, at } = await toldWithTls(listener());
  expect(message).toBe(
    `the broker at ${at} speaks no TLS there: remove cloud.tls, or name its TLS port in cloud.brokers`,
  );
});

test.each([
  ['hangs up', () => createServer((socket) => socket.once('data', () => socket.end()))],
  ['resets', () => createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))],
])('TLS to a port that %s: TLS is named as the reason', async (_, listener) => {
  const { cause, at } = await toldWithTls(listener());
  const around = { hub: '', brokers: [at], tls: true, certificate: false, login: undefined };
  const { code, words } = linkFault(new LinkFailure({ during: 'connecting' }, cause), around);
  expect(code).toBe('tls-not-spoken');
  expect(words).toContain(`the broker ${at} hangs up when TLS is spoken to it`);
});

test('what nobody knows is told on one line, without the address and source file of OpenSSL', () => {
  const around = { hub: '', brokers: ['a:1'], tls: true, certificate: false, login: undefined };
  const thrown = new Error(
    'Connection error: 803C42FDDF7F0000:error:0A0000C1:SSL routines:final_key_share:no suitable key share:../deps/openssl/a.c:1:\n\u0007',
  );
  expect(linkFault(thrown, around)).toEqual({ code: 'unknown', words: 'Connection error: TLS: no suitable key share' });
});
