/** The HTTP server from outside, over real sockets: problems, Host and Origin, Unix socket, malformed requests. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { edgeRequest } from './edge-request.ts';
import { createHttp, listenTcp, listenUnix } from './http.ts';
import { createLogger } from './logging.ts';
import { Problem } from './problem.ts';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

let app: FastifyInstance;
let port: number;
let lines: string[];

function quietLogger() {
  lines = [];
  return createLogger('edge', { to: { write: (line: string) => void lines.push(line) } });
}

/** fetch sets Host and Origin itself; here both are the test's. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers: options.headers ?? {}, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

function expectProblem(answer: Answer, status: number): Record<string, unknown> {
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect(problem).toMatchObject({ type: 'about:blank', status });
  expect(typeof problem.title).toBe('string');
  expect(typeof problem.detail).toBe('string');
  return problem;
}

beforeEach(async () => {
  app = createHttp({ hosts: ['hub.shop.example'], logger: quietLogger(), bodyLimit: 1000 });
  app.get('/thing/:id', async () => ({ fine: true }));
  app.post('/thing/:id', async (request) => ({ got: request.body ?? null }));
  app.get('/broken', async () => {
    throw new Error('secret inside');
  });
  app.get('/full', async () => {
    throw new HubError('NOT_STORED', 'the disk is full');
  });
  app.get('/refused', async () => {
    throw new Problem(400, 'the reading was refused', { members: { letter: 'abc' } });
  });
  port = await listenTcp(app, { host: '127.0.0.1', port: 0 });
});

afterEach(() => app.close());

describe('errors are problem details', () => {
  it('answers 404 for an unknown path and 405 with Allow for a known one', async () => {
    expectProblem(await ask('/nothing'), 404);
    const answer = await ask('/thing/1', { method: 'DELETE' });
    expectProblem(answer, 405);
    expect(answer.headers.allow).toBe('GET, HEAD, POST');
  });

  it('answers 413, 415 and 400 for bodies that are too large, of another type, or no JSON', async () => {
    const json = { 'content-type': 'application/json' };
    const post = (headers: Record<string, string>, body: string) => ask('/thing/1', { method: 'POST', headers, body });
    expectProblem(await post(json, JSON.stringify('x'.repeat(2000))), 413);
    expectProblem(await post({ 'content-type': 'text/csv' }, 'a;b'), 415);
    expect(expectProblem(await post(json, '{"a":'), 400).detail).toBe('the body is not JSON');
    expectProblem(await post(json, '{"__proto__":{"a":1}}'), 400);
    expect((await post(json, '{"a":1}')).status).toBe(200);
  });

  it('hides what went wrong inside, and logs it', async () => {
    const answer = await ask('/broken');
    expectProblem(answer, 500);
    expect(answer.body).not.toContain('secret inside');
    expect(lines.join('')).toContain('secret inside');
  });

  it('carries a HubError with its code, and the members of a Problem', async () => {
    const full = await ask('/full');
    expect(expectProblem(full, 503)).toMatchObject({ code: 'NOT_STORED', detail: 'the disk is full' });
    expect(full.headers['retry-after']).toBe('5');
    expect(expectProblem(await ask('/refused'), 400)).toMatchObject({ letter: 'abc' });
  });

  it('answers a path that is no URL and bytes that are no HTTP', async () => {
    expectProblem(await ask('/thing/%zz'), 400);
    const answer = await raw('\x16\x03\x01 hello\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('application/problem+json');
    expect(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`)).toContain(' 431 ');
  });
});

describe('Host and Origin', () => {
  const hostOf = async (host: string) => (await ask('/thing/1', { headers: { host } })).status;

  it('accepts IP literals, localhost and the configured names, with or without a port', async () => {
    for (const host of ['127.0.0.1', '10.1.2.3:8080', '[::1]:8080', 'localhost:8080', 'HUB.shop.example']) {
      expect(await hostOf(host), host).toBe(200);
    }
  });

  it('refuses every other Host with 421', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', 'hub.shop.example.evil', '127.0.0.1.nip.io', 'a@b']) {
      expect(await hostOf(host), host).toBe(421);
    }
    expectProblem(await ask('/nothing', { headers: { host: 'evil.example' } }), 421);
  });

  it('refuses a POST from a page of somebody else, and accepts one of its own or of no page', async () => {
    const post = (headers: Record<string, string>) => ask('/thing/1', { method: 'POST', headers });
    const own = `127.0.0.1:${port}`;
    expect((await post({ host: own })).status).toBe(200);
    expect((await post({ host: own, origin: `http://${own}` })).status).toBe(200);
    expectProblem(await post({ host: own, origin: 'http://evil.example' }), 403);
    expectProblem(await post({ host: own, origin: `http://127.0.0.1:${port + 1}` }), 403);
    expectProblem(await post({ host: own, origin: 'null' }), 403);
    expect((await ask('/thing/1', { headers: { host: own, origin: 'http://evil.example' } })).status).toBe(200);
  });

  it('lets pages use nothing but this server', async () => {
    for (const path of ['/thing/1', '/nothing']) {
      const { headers } = await ask(path);
      expect(headers['content-security-policy']).toContain("default-src 'self'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-frame-options']).toBe('DENY');
    }
  });
});

it('names a port that is taken', async () => {
  const second = createHttp({ hosts: [], logger: quietLogger() });
  await expect(listenTcp(second, { host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await second.close();
});

describe('on a Unix socket', () => {
  let folder: string;
  let socketPath: string;
  let local: FastifyInstance;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hub-socket-'));
    socketPath = join(folder, 'edge.sock');
    local = createHttp({ hosts: [], logger: quietLogger(), local: true });
    local.post('/echo', async (request) => request.body);
    local.get('/empty', async (_request, reply) => reply.code(204).send());
    local.get('/slow', () => new Promise(() => {}));
  });

  afterEach(async () => {
    await local.close();
    await rm(folder, { recursive: true });
  });

  it('serves owner and group only, in place of a file that a crash left', async () => {
    await writeFile(socketPath, '');
    await listenUnix(local, socketPath);
    expect((await stat(socketPath)).mode & 0o777).toBe(0o660);
    expect(await edgeRequest(socketPath, 'POST', '/echo', { a: 1 })).toEqual({ status: 200, body: { a: 1 } });
    expect(await edgeRequest(socketPath, 'GET', '/empty')).toEqual({ status: 204, body: undefined });
    expect((await edgeRequest(socketPath, 'GET', '/nothing')).body).toMatchObject({ status: 404 });
  });

  it('does not take the socket from a living server', async () => {
    await listenUnix(local, socketPath);
    const second = createHttp({ hosts: [], logger: quietLogger(), local: true });
    await expect(listenUnix(second, socketPath)).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await second.close();
    expect((await edgeRequest(socketPath, 'GET', '/empty')).status).toBe(204);
  });

  it('says EDGE_DOWN when nobody listens or the answer breaks off or is late', async () => {
    await expect(edgeRequest(socketPath, 'GET', '/')).rejects.toMatchObject({ code: 'EDGE_DOWN' });
    await listenUnix(local, socketPath);
    const late = edgeRequest(socketPath, 'GET', '/slow', undefined, { timeout: 50 });
    await expect(late).rejects.toMatchObject({ code: 'EDGE_DOWN' });
    const broken = edgeRequest(socketPath, 'GET', '/slow');
    setTimeout(() => void local.close(), 50);
    await expect(broken).rejects.toMatchObject({ code: 'EDGE_DOWN' });
  });

  it("rejects with the signal's reason when the caller gives up", async () => {
    await listenUnix(local, socketPath);
    const reason = new Error('stopping');
    const controller = new AbortController();
    const pending = edgeRequest(socketPath, 'GET', '/slow', undefined, { signal: controller.signal });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });
});
