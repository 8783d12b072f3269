import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../device-sims/harness/free-port.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { liftOf } from '../contracts/lift.ts';
import { offersReportSchema } from '../contracts/offers.ts';
import { OfferJournal } from '../offer-journal.fixture.ts';
import { edgeRequest } from '../ops/edge-request.ts';
import { folderWith, run, start } from './command.fixture.ts';

const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
const campaign = (id: string, more: string): string =>
  `  - { id: ${id}, zone: beverages, gtin: "09521234543213", text: 10 % off, ${more} }`;
const NOW = `from: ${day(-3)}, until: ${day(3)}`;
const STORE = `hub: store-0042
timezone: UTC
campaigns:
${campaign('soda-10', `${NOW}, holdout: 0.1, budget: 500`)}
${campaign('tea-5', `${NOW}, holdout: 0.5`)}
${campaign('milk', `from: ${day(-9)}, until: ${day(-8)}`)}
${campaign('xmas', `from: ${day(8)}, until: ${day(9)}`)}
`;
const NOBODY = { shoppers: 0, buyers: 0 };
const folder = folderWith(STORE);
const none = folderWith('hub: store-0042\n');

/** Nobody has the journal open afterwards: the edge is down. */
beforeAll(() => {
  mkdirSync(join(folder, 'data'));
  const journal = new OfferJournal(join(folder, 'data'), Date.now());
  journal.db.exec('BEGIN');
  for (let i = 0; i < 200; i += 1) {
    journal.offer(`t${i}`);
    if (i < 60) journal.buys(`t${i}`, 'treated');
  }
  for (let i = 0; i < 20; i += 1) {
    journal.withhold(`h${i}`);
    if (i < 2) journal.buys(`h${i}`, 'holdout');
  }
  for (let i = 0; i < 7; i += 1) journal.book.none(day(0), 'beverages', 'soda-10', 'no-stock');
  for (let i = 0; i < 30; i += 1) journal.book.none(day(-1), '', '', 'no-consent');
  for (let i = 0; i < 12; i += 1) journal.flag(`till-1\u001b[31m tried ${i} codes`, { device: 'till-1' });
  journal.commit();
  journal.db.exec('COMMIT');
  journal.close();
  mkdirSync(join(none, 'data'));
  new OfferJournal(join(none, 'data'), Date.now()).close();
});

test('offers shows each campaign in a line, then why there was no offer, then what was flagged', async () => {
  const { code, stdout, stderr } = await run(['offers', '-c', 'store.yaml'], folder);
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n').map((line) => line.replace(/ {2,}/g, ' | '));
  expect(lines.slice(0, 5)).toEqual([
    'CAMPAIGN | STATE | MADE | SEEN | PLAYED | REDEEMED | WITH OFFER | HELD OUT | LIFT',
    'soda-10 | running | 200/500 | 0 | 0 | 60 | 60 of 200 | 2 of 20 | +20.0 points (-1.0 to +29.8)',
    'tea-5 | running | 0 | 0 | 0 | 0 | 0 of 0 | 0 of 0 | not enough yet',
    'milk | ended | 0 | 0 | 0 | 0 | 0 of 0 | 0 of 0 | no hold-out group',
    'xmas | planned | 0 | 0 | 0 | 0 | 0 of 0 | 0 of 0 | no hold-out group',
  ]);
  expect(stdout).toContain('Why there was no offer (last 7 days)\n7   the product was not on the shelf');
  expect(stdout).toMatch(/^30 {2}no consent: sightings of shoppers who have not consented +other zones 30$/m);
  expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d {2}guessed-code {2}till-1\?\[31m tried 11 codes$/m);
  expect(stdout).toContain('... and 2 more: --json shows them');
  expect(stdout).not.toContain('\u001b');
});

test('offers --json prints the report as its schema says, with the evidence of every flag', async () => {
  const { code, stdout } = await run(['offers', '--json', '-c', 'store.yaml'], folder);
  expect(code).toBe(0);
  const report: unknown = JSON.parse(stdout);
  expect(offersReportSchema.parse(report)).toEqual(report);
  expect(report).toMatchObject({
    campaigns: [{ campaign: 'soda-10', state: 'running', treated: { shoppers: 200, buyers: 60 } }, {}, {}, {}],
    flags: { length: 12, 0: { device: 'till-1', evidence: { tries: 5 } } },
  });
});

test('offers without campaigns says so, and ends with 0; without a journal with 1 and a word', async () => {
  expect(await run(['offers', '-c', 'store.yaml'], none)).toEqual({
    code: 0,
    stdout: 'no campaigns in store.yaml\n',
    stderr: '',
  });
  writeFileSync(join(none, 'other.yaml'), 'hub: store-0042\ndata_dir: ./nowhere\n');
  const { code, stderr } = await run(['offers', '-c', 'other.yaml'], none);
  expect(code).toBe(1);
  expect(stderr).toContain('what to do');
});

test('a real edge tells the same over HTTP as the command does, and the command still does after a kill -9', async () => {
  const gtin = '09521234543213';
  const planogram = `{ shelf: A1, zone: beverages, gtin: "${gtin}", name: Water, capacity: 9, minimum: 2 }`;
  const [mqtt, http] = [await freePort(), await freePort()];
  const shop = folderWith(
    `hub: store-0042\nmqtt: { listen: 127.0.0.1:${mqtt} }\nhttp: { listen: 127.0.0.1:${http} }\n` +
      `planogram: [${planogram}]\nrules: { location_offer: { dwell: 0s } }\n` +
      `campaigns:\n${campaign('soda-10', `${NOW}, holdout: 0.5`)}\n`,
  );
  const edge = start(['edge', '-c', 'store.yaml'], shop);
  const socket = join(shop, 'data', 'edge.sock');
  await waitUntil('the edge is up', async () => (await run(['status', '-c', 'store.yaml'], shop)).code === 0);
  const send = async (path: string, readings: object): Promise<void> => {
    expect((await edgeRequest(socket, 'POST', `/in/${path}`, readings)).status).toBe(202);
  };
  const names = Array.from({ length: 40 }, (_, index) => `shopper-number-${index}`);
  const sightings = (who: readonly string[]) => who.map((shopper) => ({ shopper, zone: 'beverages', present: true }));
  await send('shelf/scale-1', { shelf: 'A1', count: 9 });
  await send(
    'consent/app',
    names.map((shopper) => ({ shopper, granted: true, scope: 'offers' })),
  );
  await send('presence/gate', sightings([...names, 'stranger-one', 'stranger-two']));
  const lines = [{ gtin, quantity: 1, price: { amount: 99, currency: 'EUR' } }];
  const sales = names.slice(0, 30).map((shopper, index) => ({ till: 't', transaction: `${index}`, shopper, lines }));
  await send('sale/till-1', sales);
  const told = async (): Promise<unknown> => {
    const { code, stdout } = await run(['offers', '--json', '-c', 'store.yaml'], shop);
    expect(code).toBe(0);
    return JSON.parse(stdout);
  };
  const report = offersReportSchema.parse((await edgeRequest(socket, 'GET', '/api/offers')).body);
  const [soda] = report.campaigns;
  expect((soda?.treated.shoppers ?? 0) + (soda?.holdout.shoppers ?? 0)).toBe(40);
  expect((soda?.treated.buyers ?? 0) + (soda?.holdout.buyers ?? 0)).toBe(30);
  expect(soda?.redeemed).toBe(soda?.treated.buyers);
  expect(soda?.lift).toEqual(liftOf(soda?.treated ?? NOBODY, soda?.holdout ?? NOBODY));
  expect(report.none).toContainEqual(expect.objectContaining({ reason: 'no-consent', count: 2 }));
  const open = (soda?.treated.shoppers ?? 0) - (soda?.redeemed ?? 0);
  expect(soda?.open).toBe(open);
  expect(await told()).toEqual(report);
  edge.child.kill('SIGKILL');
  await edge.ended;
  expect(await told()).toEqual(report);
});

test('the page says why there was no offer in the same words', () => {
  const source = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8');
  const said = [...source('./offers.ts').matchAll(/^ {2}\['([\w-]+)', '([^']+)'\],$/gm)]
    .filter(([, reason]) => reason !== 'no-consent')
    .map(([, , words = '']) => words);
  expect(said.length).toBeGreaterThan(5);
  const page = source('../staff/web/offers-parts.js');
  for (const words of said) expect(page).toContain(`'${words.charAt(0).toUpperCase()}${words.slice(1)}'`);
});
