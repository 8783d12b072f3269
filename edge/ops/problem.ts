/** Errors over HTTP: problem details (RFC 9457). A handler throws a `Problem`; `http.ts` turns everything into one. */
import { STATUS_CODES } from 'node:http';
import { maskCardDataIn } from '../contracts/card-data.ts';
import { HubError, messageOf } from '../contracts/errors.ts';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

export interface ProblemExtras {
  /** Further members of the problem, such as `letter` or `pointers`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a handler: the answer is `status` with `detail`, one sentence for whoever sent the request. */
export class Problem extends Error {
  readonly status: number;
  readonly extras: ProblemExtras;
  override readonly name = 'Problem';

  constructor(status: number, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.status = status;
    this.extras = extras;
  }
}

/** Nothing of a request is quoted that could be a payment card. The body of a problem: `type` is about:blank, so `title` is the status in words (RFC 9457, 4.2.1). */
export function problemBody(status: number, detail: string, members: Readonly<Record<string, unknown>> = {}): string {
  const problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...members };
  return JSON.stringify(problem, maskCardDataIn);
}

const STATUS_OF: Partial<Record<HubError['code'], number>> = {
  NOT_STORED: 503,
  NOT_FOUND: 404,
  RESUME_REFUSED: 409,
  WRONG_USE: 400,
};

const DETAILS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than this address accepts',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'send the body as application/json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty, but its content type is JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as Content-Length says',
  FST_ERR_BAD_URL: 'the path is not a valid URL',
  FST_ERR_MAX_PARAM_LENGTH: 'a part of the path is too long',
};

/** What any thrown error is on the wire. An unforeseen one becomes a 500 that tells nothing of the inside. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof HubError) {
    const status = STATUS_OF[thrown.code] ?? 500;
    const headers: Record<string, string> = status === 503 ? { 'retry-after': '5' } : {};
    return new Problem(status, thrown.message, { members: { code: thrown.code, advice: thrown.advice }, headers });
  }
  const { statusCode, code } = (thrown ?? {}) as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    const known = typeof code === 'string' ? DETAILS[code] : undefined;
    return new Problem(
      statusCode,
      known ?? (thrown instanceof SyntaxError ? 'the body is not JSON' : messageOf(thrown)),
    );
  }
  return new Problem(500, 'the hub failed to answer; its log says why');
}
