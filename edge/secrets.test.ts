import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../device-sims/harness/free-port.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { hashPassword } from './ops/passwords.ts';

const PASSWORD = 'Pw-tango-7731';
const WRONG = 'Pw-wrong-5512';
const PIN = '918273645546';
const SASL = 'Sasl-foxtrot-9902';
const SHOPPER = 'pseudonym-kilo-4410';

let store: Store | undefined;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  await store?.stop();
  for (const close of closers.splice(0)) close();
});

test('no secret and no shopper is in a log, an answer, a metric, a report or the environment', {
  timeout: 120_000,
}, async () => {
  const hash = await hashPassword(PASSWORD);
  const broker = await freePort();
  // It answers whatever it is asked with something that is no answer.
  const sockets = new Set<Socket>();
  const rude = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => socket.end(Buffer.alloc(64, 0x41)));
  });
  await new Promise<void>((resolve) => rude.listen(broker, '127.0.0.1', resolve));
  closers.push(
    () => rude.close(),
    () => sockets.forEach((socket) => void socket.destroy()),
  );

  const made = await makeStore({
    brokers: [`127.0.0.1:${broker}`],
    env: { STORE_HUB_DEBUG: '1' },
    config: {
      mqtt: { users: [{ name: 'till-1', password_hash: hash, may: ['consent', 'offers', 'claims'] }] },
      http: { pin_file: 'pin' },
      cloud: { sasl: { mechanism: 'plain', username: 'store-0042', password_file: 'sasl' } },
    },
  });
  store = made;
  writeFileSync(join(made.dir, 'pin'), `${PIN}\n`, { mode: 0o600 });
  writeFileSync(join(made.dir, 'sasl'), `${SASL}\n`, { mode: 0o600 });
  await made.edge.start();
  await made.bridge.start();
  const said: string[] = [];
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${made.httpUrl}${path}`, init);
    said.push(await response.text(), JSON.stringify([...response.headers]));
  };

  for (const password of [WRONG, PASSWORD]) {
    const client = await connectAsync(made.mqttUrl, { username: 'till-1', password, reconnectPeriod: 0 }).catch(
      () => undefined,
    );
    for (const kind of ['sale', 'presence', 'consent', 'elsewhere']) {
      for (const body of [
        `{"shopper":"${SHOPPER}"`,
        `{"shopper":"${SHOPPER}","zone":1}`,
        SHOPPER.replace('pseudonym', '{"shopper":"pseudonym'),
      ]) {
        await client?.publishAsync(`in/${kind}/till-1`, body, { qos: 1 });
      }
    }
    await client?.subscribeAsync(`out/offers/shopper/${SHOPPER}`, { qos: 1 });
    await client?.subscribeAsync(`in/shopper/${SHOPPER}`).catch(() => undefined);
    await client?.endAsync();
    const authorization = `Basic ${Buffer.from(`till-1:${password}`).toString('base64')}`;
    await ask('/in/consent/till-1', {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify({ shopper: SHOPPER, granted: true, scope: 'offers' }),
    });
    await ask('/in/sale/till-1', { method: 'POST', headers: { authorization }, body: `{"shopper":"${SHOPPER}"` });
    const send = async (path: string, body: object) => {
      const headers = { authorization, 'content-type': 'application/json' };
      await ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
    };
    const receipt = { till: 'till-1', transaction: `t-${SHOPPER}`, business_day: '2026-11-20' };
    const lines = [{ gtin: '09521234543213', quantity: 1, price: { amount: 1, currency: 'EUR' } }];
    // So often a wrong password would not be looked at any more.
    for (const granted of password === PASSWORD ? [true, false, true] : []) {
      await send('/in/consent/till-1', { shopper: SHOPPER, granted, scope: 'offers', id: `${granted}-${SHOPPER}` });
      await send('/in/presence/till-1', { shopper: SHOPPER, zone: 'beverages', present: granted, id: SHOPPER });
      await send('/in/sale/till-1', { ...receipt, lines, shopper: SHOPPER });
      await send('/api/claims', { ...receipt, shopper: SHOPPER, operator: SHOPPER, code: 'AAAA-BBBB-CCCC' });
    }
    await send(`/api/shoppers/${SHOPPER}/erase`, {});
    await send(`/api/shoppers/${SHOPPER}/forget`, {});
    await ask('/in/sale/other', { method: 'POST', headers: { authorization }, body: '{}' });
    await ask('/nowhere', { headers: { authorization, cookie: `session=${PIN}` } });
  }
  for (const pin of ['000000', PIN]) {
    const headers = { 'content-type': 'application/json' };
    await ask('/api/session', { method: 'POST', headers, body: JSON.stringify({ pin }) });
    await ask('/api/session', { method: 'POST', headers, body: `{"pin":"${pin}"` });
  }
  for (const path of ['/metrics', '/status', '/health/ready', '/api/alerts?state=all', '/api/offers']) await ask(path);
  await waitUntil('an attempt', () => made.bridge.lines.some((line) => line.includes('off line')));
  for (const path of ['/metrics', '/status', '/health/ready'])
    said.push(await (await fetch(`${made.bridgeUrl}${path}`)).text());

  const run = async (...args: string[]) => {
    const { stdout, stderr } = await made.run(args);
    said.push(stdout, stderr);
    return stdout;
  };
  for (const args of [
    ['check-config'],
    ['check-config', '--json'],
    ['status'],
    ['status', '--json'],
    ['journal', 'export', '--local'],
    ['topics', 'check'],
  ])
    await run(...args);
  const letters = (await run('dead-letters', 'list', '--json'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string });
  expect(letters.length).toBeGreaterThan(2);
  for (const { id } of letters) await run('dead-letters', 'show', id, '--raw');
  for (const pid of [made.edge.pid, made.bridge.pid]) {
    if (pid !== undefined)
      said.push(readFileSync(`/proc/${pid}/environ`, 'latin1'), readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  }
  // A disk that goes: the edge ends with an error, and says which.
  await made.edge.kill();
  writeFileSync(join(made.dataDir, 'journal.db'), 'no database');
  await made.edge.startAndWait(10_000);
  await made.edge.kill();
  // A configuration that is wrong all around the secrets.
  await made.configure({
    mqtt: { users: [{ name: 'till-1', password_hash: `${hash}x`, may: 'all' }] },
    http: { pin_file: ['pin'] },
    cloud: { sasl: { password: SASL } },
  });
  await run('check-config');
  await run('check-config', '--json');

  const hidden = {
    PASSWORD,
    WRONG,
    PIN,
    SASL,
    SHOPPER,
    hash: hash.slice(-20),
    basic: Buffer.from(`till-1:${PASSWORD}`).toString('base64'),
    sasl: Buffer.from(SASL).toString('base64'),
  };
  expect(said).toContain('{"erased":true}');
  for (const [name, secret] of Object.entries(hidden)) {
    for (const text of [...said, ...made.edge.lines, ...made.bridge.lines]) {
      const at = text.indexOf(secret);
      expect([name, at < 0 ? '' : text.slice(Math.max(0, at - 150), at + 50)]).toEqual([name, '']);
    }
  }
  expect(made.bridge.lines.some((line) => line.includes('"part":"kafka"') || line.includes('"level":"debug"'))).toBe(
    true,
  );
});
