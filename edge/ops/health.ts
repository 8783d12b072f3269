/**
 * Health and metrics as routes of both daemons. `live`: the process answers. `ready`: 503 only when it cannot do its
 * work; whatever else is wrong (cloud off line, a halted bridge, quiet devices) is 200 with `degraded` and reasons,
 * because restarting would not mend it.
 */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';

export interface Readiness {
  readonly ready: boolean;
  /** Why it is not ready or not in full health, one sentence each for an operator. */
  readonly reasons: readonly string[];
}

/** Adds `GET /health/live` and `GET /health/ready`. */
export function healthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/health/live', (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  app.get('/health/ready', (_request, reply) => {
    const { ready, reasons } = readiness();
    const status = ready ? (reasons.length === 0 ? 'ok' : 'degraded') : 'unavailable';
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status, reasons });
  });
}

const METRICS_MS = 100;

/** Adds `GET /metrics` in the Prometheus text format. Collected ten times a second at most: it is work. */
export function metricsRoute(app: FastifyInstance, registry: Registry): void {
  let collected = { at: Number.NEGATIVE_INFINITY, text: Promise.resolve('') };
  app.get('/metrics', async (_request, reply) => {
    const at = performance.now();
    if (at - collected.at > METRICS_MS) collected = { at, text: registry.metrics() };
    const text = await collected.text;
    return reply.header('content-type', registry.contentType).header('cache-control', 'no-store').send(text);
  });
}
