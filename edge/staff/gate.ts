/**
 * The PIN before the staff page, where it is reachable from beyond this machine: `POST /api/session {pin}` gives a
 * cookie, without which `/api/*` and `/status` answer 401. The page itself, health and metrics stay open; routes for
 * machines are guarded by machine-access.ts, and what the screens of zones use is open.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../ops/logging.ts';
import { Problem } from '../ops/problem.ts';
import type { Sessions } from './sessions.ts';

export interface GateOptions {
  readonly sessions: Sessions;
  readonly logger: Logger;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * A route under /api that the screens of zones use: it says what hangs in the shop for everybody to read, and nobody
     * is identified there, so no PIN is asked for. Its own bounds hold (screens-api.ts).
     */
    readonly forScreens?: true;
  }
}

const COOKIE = 'store_hub_session';
/** The hub decides when a session ends; the cookie only has to outlive the browser's own restart. */
const COOKIE_SECONDS = 30 * 24 * 3600;
const SESSION_PATH = '/api/session';

const pinBody = z.strictObject({ pin: z.string().max(64) });

/** Call it before the routes that it guards are added. */
export function staffGate(app: FastifyInstance, { sessions, logger }: GateOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    const { url: path, config } = request.routeOptions;
    if (!isGuarded(path) || config.machines !== undefined || config.forScreens) return;
    const token = tokenOf(request);
    if (token === undefined || !sessions.use(token)) throw new Problem(401, 'the PIN of the staff page is needed');
    if (path !== '/api/live') return;
    const release = sessions.hold(token, () => reply.raw.destroy());
    reply.raw.once('close', release);
  });

  app.post(SESSION_PATH, async (request, reply) => {
    const parsed = pinBody.safeParse(request.body);
    if (!parsed.success) throw new Problem(400, 'send {"pin": "..."}', { members: { pointers: ['/pin'] } });
    const outcome = sessions.signIn(parsed.data.pin, request.ip);
    if (outcome.is === 'later') {
      const seconds = Math.ceil(outcome.afterMs / 1000);
      const headers = { 'retry-after': `${seconds}` };
      throw new Problem(429, `too many wrong PINs, try again in ${seconds} s`, { headers });
    }
    if (outcome.is === 'wrong') {
      logger.warn({ address: request.ip }, 'a wrong PIN for the staff page');
      throw new Problem(401, 'this is not the PIN');
    }
    return reply.header('set-cookie', cookie(outcome.token, COOKIE_SECONDS)).code(204).send();
  });

  app.delete(SESSION_PATH, async (request, reply) => {
    const token = tokenOf(request);
    if (token !== undefined) sessions.signOut(token);
    return reply.header('set-cookie', cookie('', 0)).code(204).send();
  });
}

/** By the route, not the address as it was written, which may be spelt in many ways. */
function isGuarded(route: string | undefined): boolean {
  if (route === undefined || route === SESSION_PATH) return false;
  return route === '/status' || route.startsWith('/api/');
}

function cookie(token: string, seconds: number): string {
  return `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}`;
}

/** Of the session's cookie. */
export function tokenOf(request: FastifyRequest): string | undefined {
  for (const part of request.headers.cookie?.split(';') ?? []) {
    const [name, token] = part.trim().split('=', 2);
    if (name === COOKIE && token !== undefined) return token;
  }
  return undefined;
}
