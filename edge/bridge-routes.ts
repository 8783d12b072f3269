/** What only edge.sock answers: the bridge's reservations and acknowledgements, and the command line's writes. */
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import {
  acknowledgeSchema,
  newIncarnationSchema,
  refillSchema,
  reserveSchema,
  resumedSchema,
} from './contracts/edge-socket.ts';
import type { Receipt } from './contracts/intake.ts';
import type { Request } from './crossing.ts';
import { Problem } from './ops/problem.ts';

export interface BridgeDesk {
  request(request: Request): Promise<unknown>;
  /** Decodes a dead letter again and stores it; nothing when there is no such letter. */
  retry(letter: string): Promise<Receipt | { outcome: 'refused-again'; reason: string } | undefined>;
  discard(letter: string): Promise<boolean>;
  /** Somebody could not read the journal: it is looked at now. */
  check(): void;
}

function parsed<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new Problem(400, result.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`).join('; '));
}

export function bridgeRoutes(app: FastifyInstance, desk: BridgeDesk): void {
  const perform = async (request: Request): Promise<unknown> => (await desk.request(request)) ?? {};
  app.post('/bridge/reserve', ({ body }) => perform({ op: 'reserve', request: parsed(reserveSchema, body) }));
  app.post('/bridge/acknowledge', ({ body }) =>
    perform({ op: 'acknowledge', request: parsed(acknowledgeSchema, body) }),
  );
  app.post('/bridge/refill', ({ body }) => perform({ op: 'refill', request: parsed(refillSchema, body) }));
  app.post('/bridge/new-incarnation', ({ body }) =>
    perform({ op: 'new-incarnation', request: parsed(newIncarnationSchema, body) }),
  );
  app.post('/bridge/resumed', ({ body }) => perform({ op: 'resumed', request: parsed(resumedSchema, body) }));

  app.post('/journal/check', (_request, reply) => {
    desk.check();
    return reply.code(202).send({});
  });

  app.post<{ Params: { id: string } }>('/dead-letters/:id/retry', async ({ params }) => {
    const receipt = await desk.retry(params.id);
    if (receipt === undefined) throw new Problem(404, 'there is no such dead letter');
    if (receipt.outcome === 'refused-again') throw new Problem(409, receipt.reason);
    if (receipt.outcome === 'not-stored') throw new Problem(503, receipt.reason, { headers: { 'retry-after': '1' } });
    return receipt;
  });
  app.post<{ Params: { id: string } }>('/dead-letters/:id/discard', async ({ params }) => {
    if (!(await desk.discard(params.id))) throw new Problem(404, 'there is no such dead letter');
    return {};
  });
}
