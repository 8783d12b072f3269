/** A hub whose HTTP address is open to the network: what needs a name all the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../device-sims/harness/free-port.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { passwordHash } from './devices/users.fixture.ts';

let store: Store | undefined;
afterEach(() => store?.stop());

/** POST, and the status. */
type Post = (path: string, body?: object, login?: string) => Promise<number>;

async function opened(users: readonly object[]): Promise<Post> {
  const ports = { mqtt: await freePort(), http: await freePort() };
  const http = { listen: `0.0.0.0:${ports.http}`, allow_anonymous_network: true, pin_file: './staff.pin' };
  const made = await makeStore({ ports, config: { mqtt: { listen: `127.0.0.1:${ports.mqtt}`, users }, http } });
  store = made;
  writeFileSync(join(made.dir, 'staff.pin'), '482915\n');
  await made.edge.start();
  return async (path, body, login) => {
    const headers = {
      ...(body && { 'content-type': 'application/json' }),
      ...(login !== undefined && { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
    };
    const answered = await fetch(`http://127.0.0.1:${ports.http}${path}`, {
      ...{ method: 'POST', headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    return answered.status;
  };
}

const GRANT = { shopper: 'anna-of-the-dairy', granted: true, scope: 'offers' };
const ERASE = '/api/shoppers/anna-of-the-dairy/erase';

test('anybody sends readings and consent; only a user with `may: [consent]` erases', { timeout: 60_000 }, async () => {
  const post = await opened([
    { name: 'desk', password_hash: passwordHash('desk password'), may: ['consent'] },
    { name: 'till-1', password_hash: passwordHash('till password'), may: ['claims'] },
  ]);
  expect(await post('/in/consent/app', GRANT)).toBeLessThan(300);
  expect(await post(ERASE)).toBe(401);
  expect(await post(ERASE, undefined, 'till-1:till password')).toBe(403);
  expect(await post(ERASE, undefined, 'desk:desk password')).toBe(200);
});

test('without users nobody erases over the network', { timeout: 60_000 }, async () => {
  const post = await opened([]);
  expect(await post('/in/consent/app', GRANT)).toBeLessThan(300);
  expect(await post(ERASE)).toBe(403);
});
