/** Who may ask at a till: names and passwords of machines, beside and without the PIN of staff, over real HTTP. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { userOf } from '../devices/basic-auth.ts';
import { Credentials } from '../devices/credentials.ts';
import { testUser } from '../devices/users.fixture.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { staffGate } from './gate.ts';
import { machineAccess } from './machine-access.ts';
import { Sessions } from './sessions.ts';

const PIN = '482915';
const logger = pino({ level: 'silent' });
let app: FastifyInstance | undefined;
let base: string;

afterEach(() => app?.close());

interface Server {
  readonly demanded: boolean;
  readonly pin?: boolean;
  readonly users?: boolean;
  readonly network?: boolean;
}

async function serve({ demanded, pin = true, users = true, network = demanded }: Server): Promise<void> {
  const own = createHttp({ hosts: [], logger });
  app = own;
  const entries = [testUser('till-1', { may: ['claims'] }), testUser('gate', { may: ['consent'] }), testUser('scale')];
  const credentials = users ? new Credentials({ users: entries, logger }) : undefined;
  const sessions = pin ? new Sessions({ pin: PIN }) : undefined;
  if (sessions) staffGate(own, { sessions, logger });
  machineAccess(own, {
    sessions,
    userOf: (request, named) => userOf(request, { credentials, demanded: demanded || named }),
    ...(network && { network: { hasUsers: users } }),
  });
  own.post('/api/claims', { config: { machines: { permission: 'claims', staff: true } } }, async () => ({}));
  own.post(
    '/api/shoppers/:id/erase',
    { config: { machines: { permission: 'consent', staff: false, named: true } } },
    async () => ({}),
  );
  own.get('/api/alerts', async () => []);
  base = `http://127.0.0.1:${await listenTcp(own, { host: '127.0.0.1', port: 0 })}`;
}

const basic = (name: string, password = `${name} password`) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
});
const send = (path: string, headers: Record<string, string> = {}, method = 'POST') =>
  fetch(base + path, { method, headers });
const status = async (...args: Parameters<typeof send>) => (await send(...args)).status;
const CLAIMS = '/api/claims';
const ERASE = '/api/shoppers/anna-7731/erase';

async function session(): Promise<{ cookie: string }> {
  const body = JSON.stringify({ pin: PIN });
  const headers = { 'content-type': 'application/json' };
  const entered = await fetch(`${base}/api/session`, { method: 'POST', headers, body });
  return { cookie: entered.headers.get('set-cookie')?.split(';')[0] ?? '' };
}

describe('on the network', () => {
  test('nobody claims without a name or the PIN, and a machine is told how to say its name', async () => {
    await serve({ demanded: true });
    const refused = await send(CLAIMS);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)]);
    for (const headers of [{ cookie: 'store_hub_session=AAAAAAAAAAAAAAAAAAAAAA' }, { authorization: 'Bearer x' }])
      expect(await status(CLAIMS, headers)).toBe(401);
    expect(await status(CLAIMS, basic('till-1', 'wrong'))).toBe(401);
    expect(await status(CLAIMS, basic('nobody'))).toBe(401);
  });

  test('a user claims with that permission, and with no other', async () => {
    await serve({ demanded: true });
    expect(await status(CLAIMS, basic('till-1'))).toBe(200);
    const refused = await send(CLAIMS, basic('gate'));
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      403,
      'this user needs `may: [claims]`',
    ]);
    expect(await status(CLAIMS, basic('scale'))).toBe(403);
    expect(await status(ERASE, basic('till-1'))).toBe(403);
    expect(await status(ERASE, basic('gate'))).toBe(200);
  });

  test('staff claim with the PIN; where it is not enough, it is not', async () => {
    await serve({ demanded: true });
    const cookie = await session();
    expect(await status(CLAIMS, cookie)).toBe(200);
    expect(await status(ERASE, cookie)).toBe(401);
    expect(await status(ERASE, { ...cookie, ...basic('gate') })).toBe(200);
    // What is shown is checked, whatever else is shown.
    expect(await status(CLAIMS, { ...cookie, ...basic('till-1', 'wrong') })).toBe(401);
    expect(await status(CLAIMS, { ...cookie, ...basic('scale') })).toBe(403);
  });

  test('a name and password open nothing that is for staff', async () => {
    await serve({ demanded: true });
    expect(await status('/api/alerts', basic('till-1'), 'GET')).toBe(401);
    expect(await status('/api/alerts', await session(), 'GET')).toBe(200);
  });

  test('without any users the PIN is what is left', async () => {
    await serve({ demanded: true, users: false });
    expect(await status(CLAIMS)).toBe(401);
    expect(await status(CLAIMS, basic('till-1'))).toBe(401);
    expect(await status(CLAIMS, await session())).toBe(200);
    const refused = await send(ERASE, await session());
    expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
      403,
      'over the network this needs a user, and there is none: add one to `mqtt.users` (`store-hub passwd NAME`) with `may: [consent]`',
    ]);
  });

  test('an address that is wrong too often waits', async () => {
    await serve({ demanded: true });
    for (let i = 0; i < 10; i += 1) expect(await status(CLAIMS, basic('till-1', `guess ${i}`))).toBe(401);
    const later = await send(CLAIMS, basic('till-1'));
    expect([later.status, Number(later.headers.get('retry-after')) > 0]).toEqual([429, true]);
  });

  test('a page of somebody else reaches none of it, not even with a password that the browser keeps', async () => {
    await serve({ demanded: true });
    const origin = { origin: 'http://evil.example' };
    expect(await status(CLAIMS, { ...basic('till-1'), ...origin })).toBe(403);
    expect(await status(ERASE, { ...basic('gate'), ...origin })).toBe(403);
    expect(await status(CLAIMS, { ...basic('till-1'), origin: base })).toBe(200);
  });
});

describe('on this machine, or where the configuration opens it to all', () => {
  test('nothing need be shown, and what is shown is checked', async () => {
    await serve({ demanded: false, pin: false });
    expect(await status(CLAIMS)).toBe(200);
    expect(await status(ERASE)).toBe(200);
    expect(await status(CLAIMS, basic('till-1'))).toBe(200);
    expect(await status(CLAIMS, basic('scale'))).toBe(403);
    expect(await status(CLAIMS, basic('till-1', 'wrong'))).toBe(401);
  });

  test('what needs a name on a network needs it there also when the rest is open to all', async () => {
    await serve({ demanded: false, network: true });
    expect(await status(CLAIMS)).toBe(200);
    const refused = await send(ERASE, await session());
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)]);
    expect(await status(ERASE, basic('till-1'))).toBe(403);
    expect(await status(ERASE, basic('gate'))).toBe(200);
  });

  test('and is done for nobody where there are no users', async () => {
    await serve({ demanded: false, network: true, users: false, pin: false });
    expect(await status(CLAIMS)).toBe(200);
    expect([await status(ERASE), await status(ERASE, basic('gate'))]).toEqual([403, 403]);
  });

  test('a PIN that staff are asked for is not asked of tills', async () => {
    await serve({ demanded: false });
    expect(await status(CLAIMS)).toBe(200);
    expect(await status('/api/alerts', {}, 'GET')).toBe(401);
  });
});
