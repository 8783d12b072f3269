/** The page of offers in a real browser, with the real server and the real gate, and a made-up report behind it. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OffersReport, offersReportSchema } from '../contracts/offers.ts';
import { createHttp, listenTcp } from '../ops/http.ts';
import { staffApi } from './api.ts';
import { type Browser, browserInstalled, openBrowser } from './browser.fixture.ts';
import { TestDesk } from './desk.fixture.ts';
import { staffGate } from './gate.ts';
import { staffPages } from './pages.ts';
import { campaignOf, REPORT } from './report.fixture.ts';
import { Sessions } from './sessions.ts';

const PIN = '482915';

describe.skipIf(!browserInstalled)('the page of offers', () => {
  let browser: Browser;
  let desk: TestDesk;
  let app: FastifyInstance;
  let page: Page;
  let port = 0;
  let faults: string[];

  async function serve(pin?: string): Promise<void> {
    const logger = pino({ level: 'silent' });
    app = createHttp({ hosts: [], logger });
    if (pin !== undefined) staffGate(app, { sessions: new Sessions({ pin }), logger });
    await app.register(staffApi, { desk });
    staffPages(app);
    port = await listenTcp(app, { host: '127.0.0.1', port });
  }

  async function open(report: OffersReport, pin?: string): Promise<void> {
    desk.report = offersReportSchema.parse(report);
    await serve(pin);
    await page.goto(`http://127.0.0.1:${port}/offers`);
  }

  const live = (): Promise<void> => page.locator('#line[data-line="live"]').waitFor();
  const card = (campaign: string): Locator => page.locator(`[data-campaign="${campaign}"]`);
  const textOf = async (where: Locator): Promise<string> => (await where.innerText()).replace(/\s+/g, ' ');
  const numberOf = async (where: Locator, name: string): Promise<number> =>
    Number.parseFloat((await where.getAttribute(name)) ?? 'nothing');

  beforeAll(async () => {
    browser = await openBrowser();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    desk = new TestDesk();
    port = 0;
    await browser.context.clearCookies();
    page = await browser.context.newPage();
    await page.clock.install();
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) faults.push(message.text());
    });
  });

  afterEach(async () => {
    await page.close();
    await app.close();
    expect(faults).toEqual([]);
  });

  it('says of each campaign in one sentence whether it worked, and whether that may be chance', async () => {
    await open(REPORT);
    await live();
    const verdict = (campaign: string) => textOf(card(campaign).locator('.verdict'));
    expect(await verdict('soda-10')).toBe('Of 100 shoppers with the offer 8 more bought (1.6 to 13) More than chance.');
    expect(await verdict('oat-1')).toContain('3.6 more bought (22 fewer to 16 more) This may be chance.');
    expect(await verdict('wine')).toContain('9.5 fewer bought (4.1 to 17) More than chance: the offer seems');
    expect(await verdict('tea')).toContain('Whether it works is not known No shoppers are held out');
    expect(await card('xmas').locator('.verdict').count()).toBe(0);
    expect(await page.locator('.campaign').evaluateAll((cards) => cards.map((one) => one.dataset.state))).toEqual([
      ...['running', 'running', 'running', 'used up', 'ended', 'planned'],
    ]);
  });

  it('draws both groups on tracks of 100 %, what was used of a limit, and the range of the lift upon the share of those held out', async () => {
    await open({
      ...REPORT,
      campaigns: [campaignOf('soda-10', 'running', [750, 1000, 100, 1000], { held_out: 0.5, budget: 4000 })],
    });
    await live();
    const [treated, anyway] = [card('soda-10').locator('rect.treated'), card('soda-10').locator('line.anyway')];
    const one = 100;
    expect(await numberOf(treated, 'width')).toBeCloseTo(75, 1);
    expect(await numberOf(card('soda-10').locator('rect.holdout'), 'width')).toBeCloseTo(0.1 * one, 1);
    expect(await numberOf(anyway, 'x1')).toBeCloseTo(0.1 * one, 1);
    const { low = 0, high = 0 } = desk.report.campaigns[0]?.lift ?? {};
    const range = card('soda-10').locator('line.range').first();
    expect(await numberOf(range, 'x1')).toBeCloseTo((0.1 + low) * one, 1);
    expect(await numberOf(range, 'x2')).toBeCloseTo((0.1 + high) * one, 1);
    expect(await textOf(card('soda-10').locator('.steps'))).toBe('Made 1,000 of 4,000 Seen 0 Redeemed 750');
    const filled = card('soda-10').locator('.steps rect:not(.track)');
    expect(await numberOf(filled.nth(0), 'width')).toBeCloseTo(25, 1);
    expect(await numberOf(filled.nth(2), 'width')).toBeCloseTo(75, 1);
  });

  it('lists why there was no offer, with what shoppers who were not asked apart, and flags with their evidence', async () => {
    await open(REPORT);
    await live();
    const reasons = await page.locator('#reasons li').allInnerTexts();
    expect(reasons.map((text) => text.split('\n')[0])).toEqual([
      'Capped: the shopper had as many as are allowed',
      'Held out on purpose, for comparison',
      'No campaign ran for that zone',
      'The product was not on the shelf',
    ]);
    expect(reasons[3]).toContain('soda-10 31 · tea 12');
    await page.getByText('Besides, 18,233 sightings of shoppers who have not consented.').waitFor();
    await page.locator('#flags summary').first().click();
    expect(await textOf(page.locator('#flags li').first())).toContain('receipts till-3/000871, till-3/000872');
  });

  it('says one time and two times, and evidence in lines', async () => {
    const [campaign] = REPORT.campaigns;
    const flag = { ...(REPORT.flags[0] ?? expect.unreachable()) };
    const stays = [
      { from: 'dairy', to: 'wine' },
      { from: 'wine', to: 'dairy' },
    ];
    await open({
      campaigns: [{ ...(campaign ?? expect.unreachable()), state: 'running', played: 1, open: 1, made: 1 }],
      none: [{ day: '2026-11-20', zone: 'beverages', reason: 'no-consent', count: 1 }],
      flags: [{ ...flag, evidence: { receipt: { till: 'till-3', business_day: '2026-11-20' }, changes: stays } }],
      timezone: 'Asia/Tokyo',
    });
    await live();
    expect(await textOf(page.locator('.campaign .note'))).toBe('1 stands now · played 1 time on screens');
    expect(await page.locator('#unasked').textContent()).toContain('Besides, 1 sighting of shoppers');
    await page.locator('#flags summary').first().click();
    const evidence = await page.locator('#flags dl').innerText();
    expect(evidence).toContain('till: till-3, business day: 2026-11-20');
    expect(evidence).toMatch(/from: dairy, to: wine\nfrom: wine, to: dairy/);
    // 14:02 UTC is late in the evening there.
    expect(await page.locator('#flags time').first().innerText()).toMatch(/11:02|23:02/);
  });

  it('keeps results of a campaign that was removed, last, and says of one without a shelf that it is never offered', async () => {
    const removed = { zone: '', gtin: '', text: '', from: '', until: '' };
    const campaigns = [
      campaignOf('old-1', 'removed', [3, 10, 0, 5], removed),
      campaignOf('ghost', 'running', [0, 0, 0, 0], { no_shelf: true }),
    ];
    await open({ ...REPORT, campaigns });
    await live();
    expect(await page.locator('.campaign').last().getAttribute('data-campaign')).toBe('old-1');
    expect(await textOf(card('old-1'))).toMatch(/^Removed old-1 No longer in the configuration .*Redeemed 3/);
    expect(await textOf(card('ghost'))).toContain('Never offered: no shelf in this zone has the product.');
    expect(await card('ghost').locator('.steps').count()).toBe(0);
  });

  it('asks the hub again by itself, and what is unfolded stays unfolded', async () => {
    await open(REPORT);
    await live();
    await page.locator('#flags summary').first().click();
    desk.report = { ...REPORT, campaigns: [campaignOf('soda-10', 'ended', [1, 10, 0, 5], { held_out: 0.3 })] };
    await page.clock.runFor(31_000);
    await card('soda-10').getByText('Ended').waitFor();
    expect(await page.locator('.campaign').count()).toBe(1);
    expect(await page.locator('#flags details[open]').count()).toBe(1);
  });

  it('says when the hub does not answer, keeps what it knew, and goes on by itself', async () => {
    await open(REPORT);
    await live();
    await app.close();
    await page.clock.runFor(31_000);
    await page.getByText('No connection since').waitFor();
    expect(await page.locator('.campaign').count()).toBe(6);
    await serve();
    await page.clock.runFor(31_000);
    await live();
  });

  it('without campaigns, reasons or flags says what to do, and shows no empty cards', async () => {
    await open({ campaigns: [], none: [], flags: [] });
    await live();
    await page.getByRole('heading', { name: 'No campaigns' }).waitFor();
    expect(await page.locator('.card:visible, .help:visible').count()).toBe(0);
  });

  it('waits for the PIN, shows nothing of the shop when the session ends, and can be locked', async () => {
    const enter = async (): Promise<void> => {
      await page.locator('#lock[open]').waitFor();
      await page.keyboard.type(PIN);
      await page.keyboard.press('Enter');
      await live();
      await card('soda-10').waitFor();
    };
    await open(REPORT, PIN);
    await page.locator('#lock[open]').waitFor();
    expect(await page.locator('.campaign').count()).toBe(0);
    await enter();
    await browser.context.clearCookies();
    await page.clock.runFor(31_000);
    await page.locator('#lock[open]').waitFor();
    expect(await page.locator('body').innerText()).not.toMatch(/soda|till-3|Riesling/);
    await enter();
    await page.getByRole('button', { name: 'Lock this page' }).click();
    await page.locator('#lock[open]').waitFor();
    expect(await page.locator('.campaign').count()).toBe(0);
  });

  it('is linked from the page of alerts and back', async () => {
    await open(REPORT);
    await live();
    await page.getByRole('link', { name: 'Alerts' }).click();
    await page.getByRole('heading', { name: 'Alerts' }).waitFor();
    await page.getByRole('link', { name: 'Offers' }).click();
    await card('soda-10').waitFor();
  });

  it('fits a phone and a laptop without scrolling sideways, with targets of 48 pixels', async () => {
    const long = 'Averyveryverylongproductnamewithoutanyspaces';
    const [first] = REPORT.campaigns;
    const campaigns = [
      ...REPORT.campaigns,
      { ...(first ?? expect.unreachable()), campaign: 'x'.repeat(64), text: long },
    ];
    const flags = REPORT.flags.map((flag) => ({ ...flag, text: `${flag.text} ${long}`, device: 'y'.repeat(64) }));
    await open({ ...REPORT, campaigns, flags });
    await live();
    await page.locator('#flags summary').first().click();
    for (const [width, height] of [
      [320, 568],
      [390, 844],
      [1366, 800],
    ] as const) {
      await page.setViewportSize({ width, height });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    }
    const heights = await page
      .locator('a:visible, summary:visible')
      .evaluateAll((all) => all.map((one) => (one as unknown as { offsetHeight: number }).offsetHeight));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(48);
  });

  it('shows text as text, whatever it holds', async () => {
    const text = '<img src=x onerror="document.title=1">';
    await open({ ...REPORT, campaigns: [campaignOf('x', 'running', [1, 2, 1, 2], { text })] });
    await live();
    expect(await page.locator('.campaign h2').innerText()).toBe(text);
  });
});
