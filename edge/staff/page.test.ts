/** The staff page in a real browser, with the real server and alerts in memory behind it. */
import type { FastifyInstance } from 'fastify';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttp, listenTcp } from '../ops/http.ts';
import { createLogger } from '../ops/logging.ts';
import { staffApi } from './api.ts';
import { type Browser, browserInstalled, openBrowser } from './browser.fixture.ts';
import { alertId, TestDesk } from './desk.fixture.ts';
import { staffPages } from './pages.ts';

describe.skipIf(!browserInstalled)('the staff page', () => {
  let browser: Browser;
  let desk: TestDesk;
  let app: FastifyInstance;
  let port = 0;
  let page: Page;
  let faults: string[];

  async function serve(): Promise<void> {
    app = createHttp({ hosts: [], logger: createLogger('edge', { to: { write: () => {} } }) });
    await app.register(staffApi, { desk });
    staffPages(app);
    port = await listenTcp(app, { host: '127.0.0.1', port });
  }

  const card = (id: string): Locator => page.locator(`#alerts [data-id="${id}"]`);
  const button = (id: string, name: string): Locator => card(id).getByRole('button', { name });
  const titles = (): Promise<string[]> => page.locator('#alerts h2').allTextContents();
  const live = (): Promise<void> => page.locator('#line[data-line="live"]').waitFor();

  beforeAll(async () => {
    browser = await openBrowser();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    desk = new TestDesk();
    port = 0;
    await serve();
    page = await browser.context.newPage();
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/`);
    await live();
  });

  afterEach(async () => {
    await page.close();
    await app.close();
    expect(faults).toEqual([]);
  });

  const a = alertId('a1');
  const b = alertId('b1');

  it('shows an alert without a reload, takes the acknowledgement, and lets it go when it resolves', async () => {
    await page.getByText('All is well').waitFor();
    desk.change(a);
    await card(a).getByText('Refill Spring water 1 l').waitFor();
    expect(await page.title()).toBe('(1) Alerts');
    await button(a, 'On my way').click();
    await card(a).getByText('You are on the way').waitFor();
    await expect.poll(() => desk.commands).toEqual([{ alert: a, action: 'acknowledge' }]);
    desk.change(a, { state: 'resolved' });
    await page.getByText('All is well').waitFor();
    expect(await card(a).count()).toBe(0);
    await page.getByText('Ended in the last 24 hours').click();
    expect(await page.locator('#ended-list').textContent()).toContain('Refill Spring water 1 l');
  });

  it('puts off, dismisses with a reason and resolves, each with the name of who did it', async () => {
    await page.getByRole('button', { name: 'Your name' }).click();
    await page.getByLabel('Name').fill('Ada');
    await page.getByRole('button', { name: 'Save' }).click();
    for (const id of [a, b, alertId('c1')]) desk.change(id);
    await button(a, 'Later').click();
    await button(a, 'In 30 min').click();
    await card(a).getByText('Put off until').waitFor();
    await button(b, 'False alarm').click();
    await button(b, 'It is full').click();
    await card(b).waitFor({ state: 'detached' });
    await button(alertId('c1'), 'Done').click();
    await card(alertId('c1')).waitFor({ state: 'detached' });
    await expect
      .poll(() => desk.commands)
      .toEqual([
        { alert: a, action: 'snooze', minutes: 30, by: 'Ada' },
        { alert: b, action: 'dismiss', reason: 'full', by: 'Ada' },
        { alert: alertId('c1'), action: 'resolve', by: 'Ada' },
      ]);
    await page.reload();
    await page.getByRole('button', { name: 'Ada' }).waitFor();
    await card(a).getByText('Put off for a while').waitFor();
  });

  it('asks of a shelf why the alarm was false, and of anything else only whether', async () => {
    desk.change(a);
    desk.change(b, { rule: 'device-health', subject: 'gate-1', title: 'gate-1: says nothing any more' });
    await button(a, 'False alarm').click();
    await button(a, 'Wrong count').waitFor();
    await button(b, 'False alarm').click();
    expect(await card(b).getByRole('button').allTextContents()).toEqual(['It is fine', 'Back']);
    await button(b, 'It is fine').click();
    await card(b).waitFor({ state: 'detached' });
    expect(desk.commands).toEqual([{ alert: b, action: 'dismiss', reason: 'other' }]);
  });

  it('puts the most urgent first and what is put off last', async () => {
    desk.change(a, { title: 'old', raised: '2026-11-20T08:00:00Z' });
    desk.change(b, { title: 'older', raised: '2026-11-20T07:00:00Z' });
    desk.change(alertId('c1'), { title: 'fridge', severity: 'critical' });
    desk.change(alertId('d1'), { title: 'asleep', severity: 'critical', state: 'snoozed' });
    await expect.poll(titles).toEqual(['fridge', 'older', 'old', 'asleep']);
  });

  it('takes back what the hub did not store, and says so', async () => {
    desk.change(a);
    await button(a, 'On my way').waitFor();
    desk.full = true;
    await button(a, 'On my way').click();
    await page.getByRole('alert').getByText('the disk is full').waitFor();
    await button(a, 'On my way').waitFor();
    desk.full = false;
    await button(a, 'On my way').click();
    await card(a).getByText('You are on the way').waitFor();
  });

  it('follows the hub when somebody else has ended the alert', async () => {
    desk.change(a);
    await button(a, 'Done').waitFor();
    const listeners = [...desk.listeners];
    desk.listeners.clear();
    desk.change(a, { state: 'dismissed' });
    for (const listener of listeners) desk.listeners.add(listener);
    await button(a, 'Done').click();
    await page.getByRole('alert').getByText('ended this alert already').waitFor();
    await card(a).waitFor({ state: 'detached' });
    await page.getByText('Ended in the last 24 hours').click();
    await page.locator('#ended-list').getByText('False alarm').waitFor();
  });

  it('says when the line is lost, and shows the current list when the hub is back', async () => {
    desk.change(a);
    await card(a).waitFor();
    await app.close();
    await page.getByText('No connection since').waitFor();
    await card(a).waitFor();
    desk.change(a, { state: 'resolved' });
    desk.change(b, { title: 'Refill Oat drink' });
    await serve();
    await card(b).getByText('Refill Oat drink').waitFor();
    expect(await card(a).count()).toBe(0);
    await live();
  });

  it('keeps every touch target at 48 pixels, and never scrolls sideways', async () => {
    desk.change(a, { title: 'Averyveryverylongproductnamewithoutanyspaces of the shop, 1 l', subject: 'x'.repeat(64) });
    desk.change(b, { state: 'acknowledged' });
    await card(b).waitFor();
    const heights = await page
      .locator('button:visible, summary:visible')
      .evaluateAll((elements) =>
        elements.map((element) => (element as unknown as { offsetHeight: number }).offsetHeight),
      );
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(48);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  it('keeps its height when a panel opens or a state changes, so that nothing jumps', async () => {
    desk.change(a);
    await card(a).waitFor();
    const height = async () => (await card(a).boundingBox())?.height;
    const before = await height();
    await button(a, 'Later').click();
    expect(await height()).toBe(before);
    await button(a, 'Back').click();
    await button(a, 'On my way').click();
    await card(a).getByText('You are on the way').waitFor();
    expect(await height()).toBe(before);
  });

  it('shows text as text, whatever a title holds', async () => {
    desk.change(a, { title: '<img src=x onerror="document.title=1">' });
    await expect.poll(titles).toEqual(['<img src=x onerror="document.title=1">']);
  });
});
