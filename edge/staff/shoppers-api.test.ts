/** Erasing a shopper over real HTTP: who may, how a name is spelt in an address, and that nobody repeats it. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { userOf } from '../devices/basic-auth.ts';
import { Credentials } from '../devices/credentials.ts';
import { testUser } from '../devices/users.fixture.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { staffGate } from './gate.ts';
import { machineAccess } from './machine-access.ts';
import { Sessions } from './sessions.ts';
import { shoppersApi } from './shoppers-api.ts';

const PIN = '482915';
let app: FastifyInstance;
let base: string;
let erased: string[];
let fault: Error | undefined;
let logged: string[];

beforeEach(async () => {
  erased = [];
  logged = [];
  fault = undefined;
  const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });
  const users = [testUser('desk', { may: ['consent'] }), testUser('till-1', { may: ['claims', 'offers'] })];
  const credentials = new Credentials({ users, logger });
  const sessions = new Sessions({ pin: PIN });
  app = createHttp({ hosts: [], logger });
  staffGate(app, { sessions, logger });
  machineAccess(app, { sessions, userOf: (request) => userOf(request, { credentials, demanded: true }) });
  await app.register(shoppersApi, {
    desk: {
      erase: async (pseudonym) => {
        if (fault) throw fault;
        erased.push(pseudonym);
        return pseudonym !== 'nobody';
      },
    },
  });
  base = `http://127.0.0.1:${await listenTcp(app, { host: '127.0.0.1', port: 0 })}`;
});

afterEach(() => app.close());

const basic = (name: string, password = `${name} password`) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
});
const erase = (name: string, headers: Record<string, string> = basic('desk'), method = 'POST') =>
  fetch(`${base}/api/shoppers/${encodeURIComponent(name)}/erase`, { method, headers });

test('a user with `may: [consent]` erases, also with an empty body that calls itself JSON', async () => {
  expect(await (await erase('anna-4410')).json()).toEqual({ erased: true });
  const unknown = await erase('nobody', { ...basic('desk'), 'content-type': 'application/json' });
  expect([unknown.status, await unknown.json()]).toEqual([200, { erased: false }]);
  expect(erased).toEqual(['anna-4410', 'nobody']);
});

test('nobody else does: no name, a wrong password, another permission, the PIN of staff, a foreign page', async () => {
  const body = JSON.stringify({ pin: PIN });
  const json = { 'content-type': 'application/json' };
  const entered = await fetch(`${base}/api/session`, { method: 'POST', headers: json, body });
  expect(entered.status).toBe(204);
  const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? '';
  expect((await erase('anna-4410', {})).status).toBe(401);
  expect((await erase('anna-4410', { cookie })).status).toBe(401);
  expect((await erase('anna-4410', basic('desk', 'wrong password'))).status).toBe(401);
  expect((await erase('anna-4410', basic('till-1'))).status).toBe(403);
  expect((await erase('anna-4410', { ...basic('desk'), origin: 'http://elsewhere.example' })).status).toBe(403);
  expect((await erase('anna-4410', basic('desk'), 'GET')).status).toBe(405);
  expect(erased).toEqual([]);
});

test.each([
  ['a slash and wildcards', 'a/b+c#d?e=f&g'],
  ['spaces, quotes, a percent sign', ' "100 %" \\'],
  ['letters of three bytes, as many as there may be', '漢'.repeat(128)],
  ['letters of four bytes', '😀'.repeat(64)],
  ['a keyed name', `@${'a'.repeat(26)}`],
])('a pseudonym may have %s', async (_, name) => {
  expect((await erase(name)).status).toBe(200);
  expect(erased).toEqual([name]);
});

test('a name that no reading may have is refused', async () => {
  expect((await erase('x'.repeat(129))).status).toBe(400);
  expect((await erase('x'.repeat(2000))).status).toBe(414);
  expect(erased).toEqual([]);
});

test('no answer and no log repeats the name, whatever goes wrong', async () => {
  const name = 'anna-4410';
  const answers: string[] = [];
  const take = async (response: Response) => answers.push(await response.text(), JSON.stringify([...response.headers]));
  await take(await erase(name));
  await take(await erase(name, {}));
  await take(await erase(name, basic('till-1')));
  await take(await erase(`${name}${'x'.repeat(2000)}`));
  await take(await fetch(`${base}/api/shoppers/${name}/erase/more`, { method: 'POST', headers: basic('desk') }));
  await take(await fetch(`${base}/api/shoppers/${name}%zz/erase`, { method: 'POST', headers: basic('desk') }));
  fault = new HubError('NOT_STORED', 'the disk is full');
  const full = await erase(name);
  expect(full.status).toBe(503);
  await take(full);
  fault = new TypeError('unforeseen');
  const failed = await erase(name);
  expect(failed.status).toBe(500);
  await take(failed);
  for (const text of [...answers, ...logged]) expect(text).not.toContain(name);
  expect(logged.join()).toContain('a request failed');
});
