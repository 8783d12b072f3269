/**
 * A person is erased, on real processes: afterwards no file and no log of the hub leads to them, in any writing. And
 * before that, nothing but shoppers.db does.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { constants, gunzipSync } from 'node:zlib';
import SQLite from 'better-sqlite3';
import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { kafkaMissing, type LocalKafka, startKafka } from '../device-sims/kafka/local-kafka.ts';
import { start } from './cli/command.fixture.ts';

/** Of whom: granted and erased over HTTP; granted and erased by the command; never granted; withdrawn. */
const ANNA = 'ánna maría/4410 & "x"';
const BOB = 'Loyalty-Bob-910277';
const CARL = 'carl-never-asked-77310';
const DORA = 'dora-changed-her-mind-5521';

const WATER = '09521234543213';
const JUICE = '09520123456788';

let store: Store | undefined;
let kafka: LocalKafka | undefined;
const clients: MqttClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await store?.stop();
  await kafka?.stop();
  kafka = undefined;
});

function everyFile(folder: string, ending = ''): [name: string, bytes: Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))]);
}

/** A secret in every writing in which somebody would look for it, as Latin-1 text in lower case. */
function writingsOf(secret: Buffer): string[] {
  const text = secret.toString();
  const forms = [secret, Buffer.from(secret.toString('hex'))];
  if (Buffer.from(text).equals(secret)) {
    forms.push(Buffer.from(text, 'utf16le'), Buffer.from(encodeURIComponent(text)));
    forms.push(Buffer.from(JSON.stringify(text).slice(1, -1)));
  }
  // Base64 of it within something longer begins in one of three places.
  for (let before = 0; before < 3; before += 1) {
    const within = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
    forms.push(Buffer.from(within.slice(before + 1, -4)));
  }
  return forms.map((form) => form.toString('latin1').toLowerCase());
}

function found(secrets: Readonly<Record<string, Buffer>>, places: Iterable<[name: string, bytes: Buffer]>): string[] {
  const wanted = Object.entries(secrets).map(([name, secret]) => [name, writingsOf(secret)] as const);
  const seen: string[] = [];
  for (const [place, bytes] of places) {
    const text = bytes.toString('latin1').toLowerCase();
    for (const [name, forms] of wanted) {
      for (const form of forms) {
        const at = text.indexOf(form);
        if (at >= 0) seen.push(`${name} in ${place}: ${text.slice(Math.max(0, at - 40), at + form.length + 10)}`);
      }
    }
  }
  return seen;
}

/** Whatever is gzip within some bytes: Kafka keeps batches as they were sent. */
function* unpacked(bytes: Buffer): Iterable<Buffer> {
  for (let at = bytes.indexOf('1f8b08', 0, 'hex'); at >= 0; at = bytes.indexOf('1f8b08', at + 1, 'hex')) {
    try {
      yield gunzipSync(bytes.subarray(at), { finishFlush: constants.Z_SYNC_FLUSH });
    } catch {
      // It only looked like one.
    }
  }
}

/** Everything that the daemons left or said. */
function* places(made: Store): Iterable<[name: string, bytes: Buffer]> {
  yield* everyFile(made.dir);
  // What it has beside its logs is set aside for indexes, and large.
  for (const [name, bytes] of kafka ? everyFile(kafka.dir, '.log') : []) {
    yield [name, bytes];
    for (const content of unpacked(bytes)) yield [`batches in ${name}`, content];
  }
  for (const daemon of [made.edge, made.bridge]) yield ['a log', Buffer.from(daemon.lines.join('\n'))];
}

function pseudonyms(...names: string[]): Record<string, Buffer> {
  return Object.fromEntries(names.map((name) => [name, Buffer.from(name)]));
}

test('nothing leads to whoever is erased, and before that nothing but shoppers.db', { timeout: 120_000 }, async () => {
  const missing = await kafkaMissing();
  if (missing !== undefined) console.warn(`\nKafka's own files are not searched, because ${missing}\n`);
  else kafka = await startKafka();
  const made = await makeStore({
    brokers: kafka?.brokers,
    env: { STORE_HUB_DEBUG: '1' },
    config: {
      planogram: [
        { shelf: 'A1-1', zone: 'beverages', gtin: WATER, name: 'Spring water', capacity: 12, minimum: 1 },
        { shelf: 'A1-2', zone: 'dairy', gtin: JUICE, name: 'Apple juice', capacity: 12, minimum: 1 },
      ],
      rules: { location_offer: { dwell: '1s', valid: '1h' } },
      campaigns: [
        {
          id: 'water-10',
          zone: 'beverages',
          gtin: WATER,
          text: '10 %',
          from: '2020-01-01',
          until: '2090-01-01',
          coupon: true,
        },
        { id: 'juice-10', zone: 'dairy', gtin: JUICE, text: '10 %', from: '2020-01-01', until: '2090-01-01' },
      ],
    },
  });
  store = made;
  if (kafka) expect((await made.run(['topics', 'create', '--partitions', '1', '--replication', '1'])).code).toBe(0);
  await made.edge.start();
  if (kafka) await made.bridge.start();

  const connected = async (options: IClientOptions): Promise<MqttClient> => {
    const client = await connectAsync(made.mqttUrl, { reconnectPeriod: 0, ...options });
    clients.push(client);
    return client;
  };
  const listen = (client: MqttClient): { topic: string; offer: Record<string, unknown> }[] => {
    const got: { topic: string; offer: Record<string, unknown> }[] = [];
    client.on('message', (topic, payload) => got.push({ topic, offer: JSON.parse(payload.toString()) }));
    return got;
  };
  const device = await connected({ clientId: 'device' });
  const say = (kind: string, body: object, name = `${kind}-1`) =>
    device.publishAsync(`in/${kind}/${name}`, JSON.stringify(body), { qos: 1 });
  const topicOf = (name: string) => `out/offers/shopper/${encodeURIComponent(name)}`;
  const watcher = await connected({ clientId: 'watcher' });
  const watched = listen(watcher);
  await watcher.subscribeAsync('out/offers/shopper/+', { qos: 1 });
  // Sessions that outlive their connection, by name and by wildcard.
  const phone = await connected({ clientId: 'phone', clean: false });
  await phone.subscribeAsync([topicOf(ANNA), topicOf(DORA)], { qos: 1 });
  const app = await connected({ clientId: 'app', clean: false });
  await app.subscribeAsync('out/offers/shopper/+', { qos: 1 });
  await phone.endAsync();
  await app.endAsync();

  for (const shelf of ['A1-1', 'A1-2']) await say('shelf', { shelf, count: 9 });
  for (const shopper of [ANNA, BOB, DORA]) {
    await say(
      'consent',
      { shopper, granted: true, scope: 'offers', id: `grant-${shopper}` },
      `kiosk-${shopper.replaceAll('/', '')}`,
    );
  }
  const everybody = [ANNA, BOB, CARL, DORA];
  for (const shopper of everybody) await say('presence', { zone: 'beverages', shopper, present: true, id: shopper });
  await waitUntil('three offers', () => watched.length === 3);
  const codeOf = (name: string) => String(watched.find(({ topic }) => topic === topicOf(name))?.offer.code);
  // Used, so that the next zone's may be made, which waits for the sessions that are away.
  for (const [shopper, transaction] of [
    [ANNA, `t-${ANNA}`],
    [BOB, 'b-1'],
    [DORA, 'd-1'],
  ] as const) {
    const claim = {
      till: 'till-1',
      transaction,
      business_day: '2026-11-20',
      shopper,
      operator: shopper,
      code: codeOf(shopper),
    };
    expect(await made.post('/api/claims', claim)).toMatchObject({ status: 200 });
  }
  expect(
    (
      await made.post('/api/claims', {
        till: 'till-1',
        transaction: CARL,
        business_day: '2026-11-20',
        shopper: CARL,
        code: 'AAAA-BBBB-CCCC',
      })
    ).status,
  ).toBe(409);
  for (const shopper of everybody) {
    await say('presence', { zone: 'dairy', shopper, present: true });
    const line = { gtin: WATER, quantity: 1, price: { amount: 99, currency: 'EUR' } };
    await say('sale', { till: 'till-1', transaction: `s-${shopper}`, id: `${shopper}-7`, lines: [line], shopper });
  }
  await waitUntil('three more', () => watched.length === 6);

  // What is refused, and who does what nobody may.
  for (const shopper of everybody) {
    await say('presence', { zone: 7, shopper, present: true, [shopper]: 1 });
    await say('presence', { zone: 'dairy', shopper, present: true, [shopper]: 1 });
    await say('consent', { shopper, granted: 'yes', scope: 'offers' });
    await say('sale', {
      till: 'till-1',
      transaction: `r-${shopper}`,
      lines: [],
      shopper,
      lot: encodeURIComponent(shopper),
    });
    await device.publishAsync(
      'in/sale/till-2',
      `{"shopper":${JSON.stringify(shopper)},"id":${JSON.stringify(shopper)},`,
      { qos: 1 },
    );
    const rude = connect(made.mqttUrl, {
      reconnectPeriod: 0,
      will: { topic: topicOf(shopper), payload: Buffer.from('x') },
    });
    clients.push(rude);
    rude.on('error', () => undefined);
    rude.publish(topicOf(shopper), 'x', { qos: 1 });
    await new Promise<void>((resolve) => rude.once('close', () => resolve()));
    await device.subscribeAsync(`$share/${topicOf(shopper)}`).catch(() => undefined);
    await made.get(`${made.httpUrl}/nothing/${encodeURIComponent(shopper)}`).catch(() => undefined);
    await made.post(`/api/shoppers/${encodeURIComponent(shopper)}`, {});
    await made.post(`/api/shoppers/${encodeURIComponent(shopper)}/erased`, {});
  }
  await say('consent', { shopper: DORA, granted: false, scope: 'offers', id: `no-${DORA}` });
  await waitUntil('what Dora hears last', () => watched.length === 7);
  expect(watched[6]).toMatchObject({ topic: topicOf(DORA), offer: { withdrawn: 'consent' } });

  const backup = join(made.dir, 'before.db');
  expect((await made.run(['backup', backup])).code).toBe(0);
  for (const path of ['/metrics', '/status', '/health/ready', '/api/offers', '/api/alerts?state=all']) {
    const text = await (await fetch(`${made.httpUrl}${path}`)).text();
    expect(found(pseudonyms(...everybody), [[path, Buffer.from(text)]])).toEqual([]);
  }

  // Only there does anything lead to them, and to Carl nothing at all.
  const shoppersFile = join(made.dataDir, 'shoppers.db');
  expect(statSync(shoppersFile).mode & 0o777).toBe(0o600);
  const others = [...places(made)].filter(([name]) => !name.startsWith('shoppers.db'));
  expect(found(pseudonyms(...everybody), others)).toEqual([]);
  expect(found(pseudonyms(CARL), places(made))).toEqual([]);
  const known = new SQLite(shoppersFile, { readonly: true });
  const rows = known.prepare('SELECT keyed, pseudonym, key FROM shoppers').all() as {
    keyed: string;
    pseudonym: string;
    key: Buffer;
  }[];
  known.close();
  expect(rows.map(({ pseudonym }) => pseudonym).sort()).toEqual([ANNA, BOB, DORA].sort());
  const keys = Object.fromEntries(rows.map(({ pseudonym, key }) => [`key of ${pseudonym}`, key]));
  expect(found(keys, places(made)).length).toBeGreaterThanOrEqual(3);
  const keyed = new Map(rows.map((row) => [row.pseudonym, row.keyed]));
  expect(found({ keyed: Buffer.from(keyed.get(ANNA) ?? '') }, places(made)).length).toBeGreaterThan(1);
  if (kafka) {
    // What head office holds can be searched: the events are there as they are.
    await waitUntil('the events at head office', () => {
      const [first] = [...keyed.values()];
      return found({ keyed: Buffer.from(first ?? '') }, places(made)).some((place) => place.includes('batches in'));
    });
  }

  // Over HTTP, and by the command, which never shows the name to others.
  const path = `${made.httpUrl}/api/shoppers/${encodeURIComponent(ANNA)}/erase`;
  // A search takes longer than a connection is kept.
  const post = (to: string) => fetch(to, { method: 'POST', headers: { connection: 'close' } });
  const answers = [await post(path), await post(path)];
  expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual([{ erased: true }, { erased: false }]);
  expect(found({ ...pseudonyms(ANNA), key: keys[`key of ${ANNA}`] ?? Buffer.alloc(1) }, places(made))).toEqual([]);
  const command = async (name: string, ...args: string[]) => {
    const { child, ended } = start(['shoppers', 'erase', ...args, '--config', made.configFile], made.dir);
    child.stdin.end(name);
    const [code, stdout, stderr] = await Promise.all([ended, textOf(child.stdout), textOf(child.stderr)]);
    expect(found(pseudonyms(...everybody), [['the command', Buffer.from(stdout + stderr)]])).toEqual([]);
    return { code, stdout };
  };
  const byCommand = await command(`${BOB}\n`, '--yes');
  expect([byCommand.code, byCommand.stdout]).toEqual([0, 'erased\n']);
  const again = await command(`${CARL}\n`, '--yes', '--json');
  expect(JSON.parse(again.stdout)).toEqual({ erased: false });
  expect((await command(`${DORA}\n`)).code).toBe(2);
  expect((await command('', '--yes')).code).toBe(2);
  expect((await post(`${made.httpUrl}/api/shoppers/${encodeURIComponent(DORA)}/erase`)).status).toBe(200);

  // Who listens hears that the open offers end; to who was away nothing of before is sent.
  await waitUntil('the last words', () => watched.length === 9);
  expect(watched.slice(7)).toMatchObject([
    { topic: topicOf(ANNA), offer: { withdrawn: 'consent' } },
    { topic: topicOf(BOB), offer: { withdrawn: 'consent' } },
  ]);
  for (const clientId of ['phone', 'app']) {
    const back = connect(made.mqttUrl, { clientId, clean: false, reconnectPeriod: 0 });
    clients.push(back);
    const got = listen(back);
    await waitUntil('what it is told', () => got.length >= (clientId === 'phone' ? 1 : 2));
    expect(got.filter(({ offer }) => offer.withdrawn === undefined)).toEqual([]);
    await back.endAsync();
  }

  const gone = { ...pseudonyms(...everybody), ...keys };
  const events = (await made.run(['journal', 'export'])).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const name of [ANNA, BOB, DORA]) {
    const shopper = keyed.get(name);
    const told = events.filter(({ type, data }) => type.startsWith('retail.shoppers.') && data.shopper === shopper);
    expect(told.at(-1)).toMatchObject({ type: 'retail.shoppers.erased.v1', subject: shopper });
    expect(told.at(-2)).toMatchObject({ type: 'retail.shoppers.consent.v1', data: { granted: false } });
  }
  if (kafka) await waitUntil('head office to have all', async () => (await made.run(['verify'])).code === 0);
  expect(found(gone, places(made))).toEqual([]);
  await made.edge.kill();
  expect(found(gone, places(made))).toEqual([]);
  await made.edge.start();

  // A backup from before brings nobody back.
  await made.bridge.stop();
  await made.edge.stop();
  expect(found(gone, places(made))).toEqual([]);
  expect((await made.run(['restore', backup])).code).toBe(0);
  await made.edge.start();
  const restored = await connected({ clientId: 'device' });
  for (const shopper of everybody) {
    const body = { zone: 'beverages', shopper, present: true };
    await restored.publishAsync('in/presence/camera', JSON.stringify(body), { qos: 1 });
  }
  const after = (await made.run(['journal', 'export'])).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const last = after.slice(after.findLastIndex(({ type }) => type === 'retail.devices.incarnation.v1'));
  expect(
    last
      .filter(({ type }) => type === 'retail.shoppers.erased.v1')
      .map(({ subject }) => subject)
      .sort(),
  ).toEqual([...keyed.values()].sort());
  expect(last.filter(({ type }) => type === 'retail.shoppers.present.v1')).toEqual([]);
  expect(found(gone, places(made))).toEqual([]);
});
