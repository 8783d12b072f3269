/** A shop with a screen, as it is installed: the real daemon, a shelf sensor, a real browser. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Publisher, startPublisher, startSubscriber } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { browserInstalled, openBrowser } from './staff/browser.fixture.ts';
import { listen } from './staff/screens.fixture.ts';

const WATER = '09521234543213';
const CAMPAIGN = {
  ...{ id: 'water-10', zone: 'beverages', gtin: WATER, text: '10 % off spring water', from: '2020-01-01' },
  until: '2099-12-31',
};

let store: Store;
let sensor: Publisher;
const closers: (() => unknown)[] = [];

beforeEach(async () => {
  store = await makeStore({ config: { campaigns: [CAMPAIGN] } });
  await store.edge.start();
  sensor = await startPublisher(store.mqttUrl);
  closers.push(() => sensor.close());
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await store.stop();
});

const count = (items: number) => sensor.publish('shelf', 'sensor-1', { shelf: 'A1-1', gtin: WATER, count: items });

async function screen() {
  const one = await listen(`${store.httpUrl}/api/screens/beverages/live`);
  closers.push(one.close);
  return one;
}

async function journaled(type: string): Promise<Record<string, unknown>[]> {
  const { stdout, code } = await store.run(['journal', 'export', '--stream', 'offers']);
  expect(code).toBe(0);
  const events = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return events.filter((event) => event.type === type).map(({ data }) => data);
}

describe('what the shelf of a zone holds', { timeout: 60_000 }, () => {
  test('is on its screens and on MQTT at once, and off them as soon as the shelf is empty', async () => {
    const { next } = await screen();
    expect(await next()).toMatchObject({ event: 'hello', data: { show: null, play: null } });
    const { messages, close } = await startSubscriber(store.mqttUrl, 'out/offers/zone/#');
    closers.push(close);
    await count(6);
    const { data } = await next();
    expect(data.show).toMatchObject({ product: 'Spring water 1 l', text: CAMPAIGN.text, until: '2099-12-31' });
    await waitUntil('the message', () => messages.length === 1);
    expect(messages[0]?.topic).toBe('out/offers/zone/beverages');
    expect(JSON.parse(messages[0]?.payload ?? '')).toMatchObject({
      id: data.show?.offer,
      campaign: 'water-10',
      gtin: WATER,
    });
    await count(0);
    expect((await next()).data.show).toBeNull();
    await waitUntil('the clearing', () => messages.length === 2);
    expect(messages[1]?.payload).toBe('');
    const late = await startSubscriber(store.mqttUrl, 'out/offers/zone/#');
    closers.push(late.close);
    await delay(300);
    expect(late.messages).toEqual([]);
  });

  test('is told again after kill -9, with the same id, and gone when its campaign is', async () => {
    await count(6);
    const before = (await (await screen()).next()).data;
    await store.edge.kill();
    await store.edge.start();
    const after = (await (await screen()).next()).data;
    expect(after.show).toEqual(before.show);
    expect(after.play).not.toBe(before.play);
    const { messages, close } = await startSubscriber(store.mqttUrl, 'out/offers/zone/#');
    closers.push(close);
    await waitUntil('the retained message', () => messages.length >= 1);
    expect(JSON.parse(messages[0]?.payload ?? '')).toMatchObject({ id: before.show?.offer });
    const forged = await store.post('/api/screens/beverages/played', { play: before.play, seconds: 6 });
    expect(forged).toMatchObject({ status: 404, body: { reason: 'unknown' } });
    const metrics = await (await fetch(`${store.httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/screen_plays_refused_total\{reason="unknown"\} 1/);
    await store.configure({ campaigns: [] });
    await store.edge.stop();
    await store.edge.start();
    expect((await (await screen()).next()).data.show).toBeNull();
    expect(await journaled('retail.offers.withdrawn.v1')).toMatchObject([{ reason: 'configuration' }]);
  });
});

describe.skipIf(!browserInstalled)('a screen in the shop', { timeout: 90_000 }, () => {
  test('shows the offer, goes on after a restart of the hub, and reports once what was seen', async () => {
    const browser = await openBrowser();
    closers.push(() => browser.close());
    const page = await browser.context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${store.httpUrl}/screen/beverages?screen=entrance`);
    await page.locator('body[data-view="idle"]').waitFor();
    await count(6);
    const offer = page.locator('.offer[data-offer]');
    await offer.getByText('Spring water 1 l').waitFor();
    const id = await offer.getAttribute('data-offer');
    await store.edge.kill();
    await page.locator('#line[data-line="down"]').waitFor({ state: 'attached' });
    await store.edge.start();
    await page.locator('#line[data-line="live"]').waitFor({ state: 'attached' });
    expect(await offer.getAttribute('data-offer')).toBe(id);
    await delay(6_500);
    await count(0);
    await page.locator('body[data-view="idle"]').waitFor();
    await expect.poll(() => journaled('retail.offers.played.v1'), { timeout: 10_000 }).toHaveLength(1);
    await delay(1_500);
    const [played, ...more] = await journaled('retail.offers.played.v1');
    expect(more).toEqual([]);
    expect(played).toMatchObject({ offer: id, campaign: 'water-10', zone: 'beverages', screen: 'entrance' });
    expect(Number(played?.seconds)).toBeGreaterThanOrEqual(5);
    expect(faults).toEqual([]);
  });
});
