import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { makeStore, type Store } from '../device-sims/harness/store.ts';

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
