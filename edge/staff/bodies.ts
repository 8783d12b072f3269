/** Bodies of requests: none where none is needed, and what is wrong with one, by JSON pointers (RFC 6901) and in words. */
import type { FastifyInstance } from 'fastify';
import type { ZodError } from 'zod';
import { plainest, pointerOf } from '../contracts/plain-issue.ts';
import { Problem } from '../ops/problem.ts';

/** An action may come without any body, whatever its Content-Type says. */
export function acceptEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body.toString(), done);
  });
}

/** A field that nobody knows is pointed at, too. */
function pointersOf({ issues }: ZodError): { pointer: string; message: string }[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') {
      const { path, message } = plainest(issue);
      return [{ pointer: pointerOf(path), message }];
    }
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), message: 'there is no such field' }));
  });
}

export function badBody(error: ZodError): Problem {
  const faults = pointersOf(error);
  const words = faults.map(({ pointer, message }) => `${pointer || 'the body'}: ${message}`);
  return new Problem(400, words.join('; '), { members: { pointers: faults.map(({ pointer }) => pointer) } });
}
