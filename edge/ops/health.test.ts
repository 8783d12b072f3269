/** Health as a monitor asks for it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { healthRoutes, type Readiness } from './health.ts';
import { createHttp, listenTcp } from './http.ts';
import { createLogger } from './logging.ts';

const app = createHttp({ hosts: [], logger: createLogger('bridge', { to: { write: () => {} } }) });
let readiness: Readiness = { ready: true, reasons: [] };
let base: string;

beforeEach(async () => {
  healthRoutes(app, () => readiness);
  base = `http://127.0.0.1:${await listenTcp(app, { host: '127.0.0.1', port: 0 })}`;
});
afterEach(() => app.close());

it('is ready, degraded with reasons, or unavailable with 503, and always live', async () => {
  const ask = async (path: string) => {
    const response = await fetch(base + path);
    return { status: response.status, body: await response.json() };
  };
  expect(await ask('/health/ready')).toEqual({ status: 200, body: { status: 'ok', reasons: [] } });
  readiness = { ready: true, reasons: ['head office is off line'] };
  expect(await ask('/health/ready')).toEqual({
    status: 200,
    body: { status: 'degraded', reasons: ['head office is off line'] },
  });
  readiness = { ready: false, reasons: ['the disk budget is used up'] };
  expect(await ask('/health/ready')).toEqual({
    status: 503,
    body: { status: 'unavailable', reasons: ['the disk budget is used up'] },
  });
  expect(await ask('/health/live')).toEqual({ status: 200, body: { status: 'ok' } });
});
