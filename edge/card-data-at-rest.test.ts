import { hash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { saleIdentity } from './codecs/identity.ts';

const PANS = ['4111111111111111', '5555555555554444', '378282246310005', '6240008631401148'];
const WRITTEN = ['4111 1111 1111 1111', '5555-5555-5555-4444', 'DOE/JOHN', '26121011234567890'];
const TRACK_1 = '%B4111111111111111^DOE/JOHN^26121011234567890?';
const TRACK_2 = ';5555555555554444=26121011234567890?';
const EAN = '4006381333931';

let store: Store | undefined;
afterEach(() => store?.stop());

function everyFile(folder: string): [name: string, bytes: Buffer][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))]);
}

/** In every writing that a search would try; a number cut by page headers would not be found, but there are many. */
function leaksIn(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  const plain = text.replaceAll('\0', '').replaceAll(/\\u003(\d)/g, '$1');
  const bare = plain.replaceAll(/(?<=\d)["',\s-]{1,4}(?=\d)/g, '');
  return [...PANS, ...WRITTEN].flatMap((secret) =>
    [plain, bare].flatMap((form) => {
      const at = form.indexOf(secret);
      return at < 0 ? [] : [form.slice(Math.max(0, at - 60), at + 60)];
    }),
  );
}

/** Wherever a device can put text. */
function readingsWith(card: string): [kind: string, device: string, body: string][] {
  const line = { gtin: EAN, quantity: 1, price: { amount: 199, currency: 'EUR' } };
  const sale = { till: 'till-1', transaction: card.slice(-3), lines: [line] };
  const json = JSON.stringify;
  const escaped = [...card].map((c) => `\\u00${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
  return [
    ['sale', 'till-1', json({ ...sale, id: card })],
    ['sale', 'till-1', json({ ...sale, transaction: card })],
    ['sale', 'till-1', json({ ...sale, till: card })],
    ['sale', 'till-1', json({ ...sale, transaction: `c${card}`, coupon: card, offer: card })],
    [
      'sale',
      'till-1',
      json({ ...sale, transaction: 'l', lines: [{ ...line, lot: card, epc: card, uom: card.slice(0, 16) }] }),
    ],
    [
      'sale',
      'till-1',
      json({ ...sale, transaction: 'o', original: { till: card, transaction: card, business_day: '2026-11-20' } }),
    ],
    ['sale', 'till-1', json({ ...sale, transaction: 'u', [card]: card, nested: { [card]: [card] } })],
    ['sale', 'till-1', json({ ...sale, total: Number(card), lines: [] })],
    ['sale', 'till-1', json({ ...sale, id: `e${card}`, total: Number(card) })],
    ['sale', 'till-1', `{"id":"${escaped}","till":"t","transaction":"e","lines":${json([line])}}`],
    ['sale', card, json({ ...sale, transaction: 'd' })],
    ['status', 'printer-1', json({ online: true, id: card, text: card })],
    ['shelf', 'scale-1', json({ shelf: card, gtin: EAN, count: 3 })],
    ['climate', 'probe-1', json({ unit: card, celsius: 4 })],
    ['traffic', 'door-1', json({ line: card, in: 1, out: 1, id: card })],
    ['traffic', card, json({ line: card, total_in: 1 })],
    ['rfid', card, json({ epc: card })],
    ['presence', 'cam-1', json({ zone: card, shopper: card, present: 'yes' })],
    ['presence', 'cam-1', json({ zone: card, shopper: card, present: true, id: card })],
    ['presence', 'cam-1', json({ zone: card, shopper: 'anna-4410', present: true, id: card })],
    ['consent', 'cam-1', json({ shopper: card, granted: true, scope: 'offers', id: card })],
    ['consent', 'cam-1', json({ shopper: 'anna-4410', granted: true, scope: 'offers', id: card })],
    ['sale', 'till-1', json({ ...sale, transaction: 's', shopper: card })],
    ['sale', 'till-1', json({ ...sale, transaction: card, shopper: card, id: card })],
    ['sale', 'broken', `{"card":"${card}"`],
    ['sale', 'broken', `{"card":"${escaped}`],
    ['sale', 'broken', json({ card: /^\d+$/.test(card) ? card.match(/.{1,4}/g) : card })],
    ['sale', 'broken', json({ card: json({ card }) })],
    ['sale', card, card],
    [card, card, card],
    ['sale', `no/${card}`, card],
  ];
}

test('no card number reaches a file, a log, an answer or a metric, wherever a device puts it', {
  timeout: 120_000,
}, async () => {
  const made = await makeStore({ env: { STORE_HUB_DEBUG: '1' } });
  store = made;
  await made.edge.start();
  const client = await connectAsync(made.mqttUrl, { clientId: `till ${PANS[0]}` });
  const answers: string[] = [];
  let sent = 0;
  for (const card of [...PANS, '4111 1111 1111 1111', '5555-5555-5555-4444', TRACK_1, TRACK_2]) {
    for (const [kind, device, body] of readingsWith(card)) {
      for (const bytes of [Buffer.from(body), Buffer.from(body, 'utf16le')]) {
        await client.publishAsync(`in/${kind}/${device}`, bytes, { qos: 1 });
        const response = await fetch(`${made.httpUrl}/in/${encodeURIComponent(kind)}/${encodeURIComponent(device)}`, {
          method: 'POST',
          body: bytes,
        });
        answers.push(await response.text());
        sent += 2;
      }
    }
    answers.push(
      await (
        await fetch(`${made.httpUrl}/api/alerts/${encodeURIComponent(card)}/${encodeURIComponent(card)}`, {
          method: 'POST',
        })
      ).text(),
    );
    const named = card.slice(0, 64);
    for (const body of [
      { till: named, transaction: named, business_day: '2026-11-20', code: named, shopper: card, operator: named },
      { till: 'till-1', transaction: named, business_day: '2026-11-20', campaign: named },
    ])
      answers.push(JSON.stringify(await made.post('/api/claims', body)));
    answers.push(JSON.stringify(await made.post(`/api/shoppers/${encodeURIComponent(card)}/erase`, {})));
    answers.push(
      await (await fetch(`${made.httpUrl}/${encodeURIComponent(card)}?x=${encodeURIComponent(card)}`)).text(),
    );
    await client.publishAsync(card.replaceAll(/[#+]/g, ''), card, { qos: 1 });
  }
  await client.publishAsync('in/shelf/scale-2', JSON.stringify({ shelf: 'A1-1', count: 1 }), { qos: 1 });
  const [alert] = (await made.get(`${made.httpUrl}/api/alerts`)) as { id: string }[];
  await made.post(`/api/alerts/${alert?.id}/acknowledge`, { by: PANS[0] });
  // Where only the hub may publish: the log names topic and client.
  const hostile = await connectAsync(made.mqttUrl, { clientId: PANS[1] ?? '', reconnectPeriod: 0 });
  const closed = new Promise<void>((resolve) => hostile.once('close', () => resolve()));
  hostile.publish(`out/${PANS[2]}`, 'x', { qos: 1 });
  await closed;
  await hostile.endAsync(true);
  await client.endAsync();

  answers.push(await (await fetch(`${made.httpUrl}/metrics`)).text());
  answers.push(JSON.stringify(await made.get(`${made.httpUrl}/status`)));
  for (const args of [
    ['dead-letters', 'list', '--json'],
    ['dead-letters', 'list'],
    ['journal', 'export', '--local'],
    ['status'],
  ]) {
    const { stdout, stderr } = await made.run(args);
    expect(stdout.length).toBeGreaterThan(0);
    answers.push(stdout, stderr);
  }
  expect(sent).toBeGreaterThan(700);
  const live = everyFile(made.dir);
  expect(live.map(([name]) => name)).toContain('journal.db-wal');
  await made.edge.kill();
  const files = [...live, ...everyFile(made.dir)];
  for (const [name, bytes] of files) expect([name, leaksIn(bytes)]).toEqual([name, []]);
  for (const text of [...answers, ...made.edge.lines])
    expect([text.slice(0, 300), leaksIn(Buffer.from(text))]).toEqual([text.slice(0, 300), []]);
  // It was all there, and goods codes are whole.
  const everything = Buffer.concat(files.map(([, bytes]) => bytes)).toString('latin1');
  expect(everything).toContain('411111******1111');
  expect(everything).toContain(`0${EAN}`);
});

test('a masked sale that is sent again is a repeat; one of another number is not', async () => {
  const made = await makeStore();
  store = made;
  await made.edge.start();
  const line = { gtin: EAN, quantity: 1, price: { amount: 199, currency: 'EUR' } };
  const send = async (fields: object) =>
    (await made.post('/in/sale/till-1', { till: 'till-1', lines: [line], business_day: '2026-11-20', ...fields })).body;
  expect(await send({ transaction: PANS[0] })).toEqual({ accepted: 1, repeated: 0 });
  expect(await send({ transaction: PANS[0] })).toEqual({ accepted: 0, repeated: 1 });
  // The same first 6 and last 4 digits.
  expect(await send({ transaction: '4111110000001111' })).toEqual({ accepted: 1, repeated: 0 });
  expect(await send({ transaction: 't', id: PANS[0] })).toEqual({ accepted: 1, repeated: 0 });
  await made.edge.kill();
  await made.edge.start();
  expect(await send({ transaction: PANS[0] })).toEqual({ accepted: 0, repeated: 1 });
  expect(await send({ transaction: 't', id: PANS[0] })).toEqual({ accepted: 0, repeated: 1 });
});

/** Of one client, until it has `count`. */
async function messagesOf(client: MqttClient, count: number): Promise<[topic: string, text: string][]> {
  const got: [string, string][] = [];
  client.on('message', (topic, payload) => got.push([topic, payload.toString('latin1')]));
  await waitUntil('the messages', () => got.length >= count);
  return got;
}

test('what clients say to each other goes round as it came, and is kept without a card', async () => {
  const made = await makeStore();
  store = made;
  await made.edge.start();
  const topics = [...PANS.map((pan) => `shop/${pan}/slip`), `shop/${TRACK_2}`];
  const text =
    PANS.map((pan) => `{"pan":"${pan}","at":[${[...pan].join()}]}`).join() + TRACK_1 + WRITTEN.slice(0, 2).join(' ');
  const bodies = [Buffer.from(text), Buffer.from(text, 'utf16le'), Buffer.from(`{"pan":${PANS[0]}}`)];
  const away = { clientId: `phone ${PANS[0]}`, clean: false, reconnectPeriod: 0 };
  // The same first 6 and last 4 digits.
  const other = { ...away, clientId: 'phone 4111110000251111' };
  for (const options of [away, other]) {
    const phone = await connectAsync(made.mqttUrl, options);
    await phone.subscribeAsync([...topics, 'shop/+'], { qos: 1 });
    await phone.endAsync();
  }
  const till = await connectAsync(made.mqttUrl, { clientId: `till ${PANS[1]}`, clean: false });
  const reader = await connectAsync(made.mqttUrl);
  await reader.subscribeAsync('shop/#', { qos: 1 });
  const live = messagesOf(reader, topics.length * bodies.length);
  for (const topic of topics)
    for (const [i, body] of bodies.entries())
      await till.publishAsync(topic, body, { qos: i === 0 ? 2 : 1, retain: true });
  expect((await live).slice(0, 3).map(([topic, payload]) => [topic, Buffer.from(payload, 'latin1')])).toEqual(
    bodies.map((body) => [topics[0], body]),
  );
  await reader.endAsync();
  const { code } = await made.run(['backup', join(made.dir, 'copy.db')]);
  expect(code).toBe(0);
  const files = everyFile(made.dir);
  expect(files.map(([name]) => name)).toContain('copy.db');
  await made.edge.kill();
  await till.endAsync(true);
  for (const [name, bytes] of [...files, ...everyFile(made.dir)]) expect([name, leaksIn(bytes)]).toEqual([name, []]);
  expect(Buffer.concat(files.map(([, bytes]) => bytes)).includes('"411111******1111"')).toBe(true);

  // After a restart the sessions are found again, with what waited for each, masked.
  await made.edge.start();
  for (const options of [away, other]) {
    const phone = connect(made.mqttUrl, { ...options, manualConnect: true });
    const waited = messagesOf(phone, topics.length * bodies.length);
    const found = new Promise((resolve) => phone.once('connect', ({ sessionPresent }) => resolve(sessionPresent)));
    phone.connect();
    expect(await found).toBe(true);
    const [[topic, payload] = ['', '']] = await waited;
    expect(topic).toBe('shop/411111******1111/slip');
    expect(payload).toContain('"411111******1111"');
    // Its filter of before still holds.
    const next = messagesOf(phone, 1);
    await phone.publishAsync(topics[1] ?? '', 'again', { qos: 1 });
    expect(await next).toEqual([[topics[1], 'again']]);
    await phone.endAsync();
  }
  const late = await connectAsync(made.mqttUrl);
  const retained = messagesOf(late, topics.length);
  await late.subscribeAsync(`shop/${PANS[2]}/slip`, { qos: 1 });
  await late.subscribeAsync('shop/#', { qos: 1 });
  expect((await retained)[0]).toEqual(['shop/378282*****0005/slip', '{"pan":"411111******1111"}']);
  await late.endAsync();
});

test('a card cannot be found by trying, and without the key what was masked is new', async () => {
  const made = await makeStore();
  store = made;
  await made.edge.start();
  const line = { gtin: EAN, quantity: 1, price: { amount: 199, currency: 'EUR' } };
  const sale = { till: 'till-1', lines: [line], business_day: '2026-11-20', transaction: PANS[0] };
  expect((await made.post('/in/sale/till-1', sale)).body).toEqual({ accepted: 1, repeated: 0 });
  expect((await made.post('/in/sale/till-1', { ...sale, transaction: '7' })).body).toEqual({
    accepted: 1,
    repeated: 0,
  });
  expect((await made.post('/in/sale/till-1', `no sale: ${PANS[0]}`)).status).toBe(400);
  const metrics = await (await fetch(`${made.httpUrl}/metrics`)).text();
  expect(metrics).toMatch(/^store_hub_[a-z_]*card_data_masked_total\{what="reading"\} 1$/m);
  expect(metrics).toMatch(/^store_hub_[a-z_]*card_data_masked_total\{what="letter"\} 1$/m);
  await made.edge.stop();
  const key = join(made.dataDir, 'identity.key');
  expect(statSync(key).mode & 0o777).toBe(0o600);
  const db = new SQLite(join(made.dataDir, 'journal.db'), { readonly: true });
  const rows = db.prepare('SELECT entries FROM repeats').all() as { entries: Buffer }[];
  db.close();
  const kept = Buffer.concat(rows.map((row) => row.entries));
  const plainly = (transaction: string) =>
    hash('sha256', saleIdentity('till-1', transaction, '2026-11-20'), 'buffer').subarray(0, 16);
  expect(kept.includes(plainly('7'))).toBe(true);
  expect(kept.includes(plainly(PANS[0] ?? ''))).toBe(false);
  rmSync(key);
  await made.edge.start();
  expect((await made.post('/in/sale/till-1', { ...sale, transaction: '7' })).body).toEqual({
    accepted: 0,
    repeated: 1,
  });
  expect((await made.post('/in/sale/till-1', sale)).body).toEqual({ accepted: 1, repeated: 0 });
});
