/** What the bridge tells the edge over `edge.sock`: which rows it is about to send, and what head office has. */
import { join } from 'node:path';
import {
  type AcknowledgeRequest,
  EDGE_SOCKET,
  type ReserveAnswer,
  type ReserveRequest,
  reserveAnswerSchema,
} from '../../edge/contracts/edge-socket.ts';
import { HubError } from '../../edge/contracts/errors.ts';
import { edgeRequest } from '../../edge/ops/edge-request.ts';

const TIMEOUT_MS = 10_000;

export class EdgeClient {
  readonly #socket: string;

  constructor(dataDir: string) {
    this.#socket = join(dataDir, EDGE_SOCKET);
  }

  /** These rows stay until the next acknowledgement; the answer says which of them were dropped before. Throws EDGE_DOWN. */
  async reserve(request: ReserveRequest): Promise<ReserveAnswer> {
    return reserveAnswerSchema.parse(await this.#post('/bridge/reserve', request));
  }

  /** Throws EDGE_DOWN. */
  async acknowledge(request: AcknowledgeRequest): Promise<void> {
    await this.#post('/bridge/acknowledge', request);
  }

  /** Throws EDGE_DOWN when the edge is stopped. */
  async isThere(): Promise<void> {
    await edgeRequest(this.#socket, 'GET', '/health/live', undefined, { timeout: TIMEOUT_MS });
  }

  /** The journal could not be read: the edge looks at it now. Throws EDGE_DOWN. */
  async askForCheck(): Promise<void> {
    await this.#post('/journal/check', {});
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    const { status, body: answer } = await edgeRequest(this.#socket, 'POST', path, body, { timeout: TIMEOUT_MS });
    if (status < 300) return answer;
    const detail = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'detail') : undefined;
    // A stopping or overloaded edge answers 503: the same as one that is not there yet.
    if (status === 503) throw new HubError('EDGE_DOWN', `the edge is not ready: ${detail ?? status}`);
    throw new Error(`the edge refused ${path} with ${status}: ${detail ?? ''}`);
  }
}
