/** How the bridge and the command line speak to a running edge: HTTP over the Unix socket `edge.sock`, JSON bodies. */
import { request } from 'node:http';
import { HubError, messageOf } from '../contracts/errors.ts';

export interface EdgeResponse {
  readonly status: number;
  /** The parsed JSON; undefined for an empty body; text when it is not JSON. */
  readonly body: unknown;
}

export interface EdgeRequestOptions {
  /** Milliseconds until the whole answer must be there, default 30,000. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

const NOBODY_LISTENS = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTSOCK']);

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function edgeDown(socketPath: string, cause: NodeJS.ErrnoException): Error {
  const { code } = cause;
  if (code === 'EACCES') {
    return new HubError('EDGE_DOWN', `no right to use ${socketPath}: run as a member of the edge's group`, { cause });
  }
  if (code !== undefined && NOBODY_LISTENS.has(code)) {
    return new HubError('EDGE_DOWN', `no edge answers on ${socketPath}`, { cause });
  }
  return new HubError('EDGE_DOWN', `the edge did not answer on ${socketPath}: ${messageOf(cause)}`, { cause });
}

/**
 * One request, one connection. Resolves for every HTTP status; throws HubError EDGE_DOWN when nobody listens or the
 * answer breaks off or is late, and the signal's reason when that aborts.
 */
export function edgeRequest(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  options: EdgeRequestOptions = {},
): Promise<EdgeResponse> {
  const timeout = AbortSignal.timeout(options.timeout ?? 30_000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(options.signal?.aborted ? options.signal.reason : edgeDown(socketPath, error));
    };
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.byteLength };
    const outgoing = request({ socketPath, method, path, headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')) });
      });
    });
    outgoing.on('error', fail);
    outgoing.end(payload);
  });
}
