/**
 * The one way to an HTTP server here: problem details for every error, a Host and an Origin check (a web page of
 * someone else must not reach a hub on the staff's network, nor by DNS rebinding), timeouts, and headers that let
 * pages use nothing but this server. `local` serves a Unix socket, which no browser can reach.
 */
import { chmod, unlink } from 'node:fs/promises';
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { HubError } from '../contracts/errors.ts';
import { CalmLog } from './calm-log.ts';
import { Doorstep } from './doorstep.ts';
import { ownHosts, sameHost } from './host-rules.ts';
import { guardConnections } from './http-guests.ts';
import type { Logger } from './logging.ts';
import { asProblem, PROBLEM_CONTENT_TYPE, Problem, problemBody } from './problem.ts';
import { allowedMethods, type KnownRoute } from './route-methods.ts';

export interface HttpOptions {
  /** Names beside IP literals and localhost under which the server may be addressed. */
  readonly hosts: readonly string[];
  readonly logger: Logger;
  /** Bytes of a request body, default 1 MiB. */
  readonly bodyLimit?: number;
  /** For a Unix socket: no Host and no Origin check. */
  readonly local?: boolean;
  /** Who may come in; default 512 connections, of one address half of them (a Unix socket has none). */
  readonly doorstep?: Doorstep;
}

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const MOST_CONNECTIONS = 512;

function refuseStrangers(app: FastifyInstance, hosts: readonly string[]): void {
  const isOwn = ownHosts(hosts);
  app.addHook('onRequest', async (request) => {
    const { host, origin } = request.headers;
    if (!isOwn(host)) {
      throw new Problem(421, 'this hub does not answer to that Host; add the name to `http.hosts`');
    }
    if (origin !== undefined && !SAFE_METHODS.has(request.method) && !sameHost(origin, host)) {
      throw new Problem(403, 'requests that change something are accepted from pages of this hub only');
    }
  });
}

function answer(response: ServerResponse, problem: Problem): void {
  const body = problemBody(problem.status, problem.message, problem.extras.members);
  response.writeHead(problem.status, {
    ...SECURITY_HEADERS,
    'content-type': PROBLEM_CONTENT_TYPE,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** What Node could not even parse: there is no request to answer, only a socket. */
function answerUnparsed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = problemBody(status, 'this is not an HTTP request that the hub can read');
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** A server that is not listening yet. Errors thrown by handlers become problems; unforeseen ones are logged as well. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const logger: FastifyBaseLogger = options.logger;
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit ?? 1024 * 1024,
    connectionTimeout: 60_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 15_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 5_000, maxHeaderSize: 16 * 1024 },
    // A pseudonym of 128 characters, each encoded as nine.
    routerOptions: { maxParamLength: 1536 },
    forceCloseConnections: true,
    frameworkErrors: (error, _request, reply) => answer(reply.raw, asProblem(error)),
    clientErrorHandler: answerUnparsed,
  });
  const {
    doorstep = new Doorstep({ connections: MOST_CONNECTIONS, perAddress: MOST_CONNECTIONS / (options.local ? 1 : 2) }),
  } = options;
  guardConnections(app.server, doorstep, new CalmLog(options.logger, () => performance.now()));

  const routes: KnownRoute[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const name of [method].flat()) routes.push({ method: name, pattern: url });
  });
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  if (!options.local) refuseStrangers(app, options.hosts);

  app.setNotFoundHandler((request) => {
    const [path = '/'] = request.url.split('?', 1);
    const methods = allowedMethods(routes, path);
    if (methods.length === 0) throw new Problem(404, 'there is nothing at this address');
    throw new Problem(405, `use ${methods.join(' or ')} at this address`, { headers: { allow: methods.join(', ') } });
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = asProblem(error);
    if (problem.status === 500) request.log.error({ err: error, method: request.method }, 'a request failed');
    return reply
      .code(problem.status)
      .headers(problem.extras.headers ?? {})
      .type(PROBLEM_CONTENT_TYPE)
      .serializer((body: string) => body)
      .send(problemBody(problem.status, problem.message, problem.extras.members));
  });
  return app;
}

/** Listens on TCP; port 0 takes a free one. Returns the port. Throws HubError PORT_IN_USE. */
export async function listenTcp(app: FastifyInstance, at: { host: string; port: number }): Promise<number> {
  try {
    await app.listen({ host: at.host, port: at.port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new HubError('PORT_IN_USE', `${at.host}:${at.port} is taken`, { cause: error });
  }
  const address = app.server.address();
  return address !== null && typeof address === 'object' ? address.port : at.port;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * Listens on a Unix socket with mode 0660. A file that a crash left behind is replaced; when somebody still answers
 * there, throws HubError PORT_IN_USE.
 */
export async function listenUnix(app: FastifyInstance, socketPath: string): Promise<void> {
  if (Buffer.byteLength(socketPath) > 107) {
    throw new HubError(
      'CONFIG_INVALID',
      `data_dir is too long: ${socketPath} exceeds the 107 bytes of a socket's path`,
    );
  }
  if (await answers(socketPath)) throw new HubError('PORT_IN_USE', `somebody answers on ${socketPath}`);
  await unlink(socketPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await app.listen({ path: socketPath });
  await chmod(socketPath, 0o660);
}
