/** The PIN pad of the staff page in a real browser, with the real gate behind it. */
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttp, listenTcp } from '../ops/http.ts';
import { staffApi } from './api.ts';
import { type Browser, browserInstalled, openBrowser } from './browser.fixture.ts';
import { alertId, TestDesk } from './desk.fixture.ts';
import { staffGate } from './gate.ts';
import { staffPages } from './pages.ts';
import { Sessions } from './sessions.ts';

const PIN = '482915';

describe.skipIf(!browserInstalled)('the PIN pad', () => {
  let browser: Browser;
  let desk: TestDesk;
  let app: FastifyInstance;
  let port = 0;
  let page: Page;
  let faults: string[];

  /** A hub that was just started: it knows no session. */
  async function serve(): Promise<void> {
    const logger = pino({ level: 'silent' });
    app = createHttp({ hosts: [], logger });
    staffGate(app, { sessions: new Sessions({ pin: PIN }), logger });
    await app.register(staffApi, { desk });
    staffPages(app);
    port = await listenTcp(app, { host: '127.0.0.1', port });
  }

  const pad = () => page.locator('#lock[open]');
  const tap = async (digits: string): Promise<void> => {
    for (const digit of digits) await page.locator(`#pad [data-key="${digit}"]`).click();
  };
  const openButton = () => page.getByRole('button', { name: 'Open', exact: true });
  const live = (): Promise<void> => page.locator('#line[data-line="live"]').waitFor();
  const enter = async (): Promise<void> => {
    await pad().waitFor();
    await tap(PIN);
    await openButton().click();
    await live();
  };

  beforeAll(async () => {
    browser = await openBrowser();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    desk = new TestDesk();
    desk.change(alertId('a1'));
    port = 0;
    await serve();
    await browser.context.clearCookies();
    page = await browser.context.newPage();
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/`);
  });

  afterEach(async () => {
    await page.close();
    await app.close();
    expect(faults).toEqual([]);
  });

  it('asks first, opens with the PIN, and does not ask again after a reload', async () => {
    await pad().waitFor();
    expect(await page.locator('.card').count()).toBe(0);
    expect(await openButton().isDisabled()).toBe(true);
    await enter();
    await page.getByRole('heading', { name: 'Refill Spring water 1 l' }).waitFor();
    desk.change(alertId('b1'), { title: 'Refill Oat drink' });
    await page.getByRole('heading', { name: 'Refill Oat drink' }).waitFor();
    expect(await pad().count()).toBe(0);
    await page.reload();
    await page.getByRole('heading', { name: 'Refill Oat drink' }).waitFor();
    expect(await pad().count()).toBe(0);
  });

  it('takes a keyboard, says when it is wrong, and how long to wait after five', async () => {
    await pad().waitFor();
    await page.keyboard.type('11119');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await page.getByText('That is not the PIN').waitFor();
    for (let i = 0; i < 4; i += 1) {
      const answer = page.waitForResponse((response) => response.url().endsWith('/api/session'));
      await tap('0000');
      await openButton().click();
      await answer;
      await expect.poll(() => page.locator('#dots .full').count()).toBe(0);
    }
    await tap(PIN);
    await openButton().click();
    await page.getByText(/You can go on in \d+ s/).waitFor();
    expect(await page.locator('#pad button:enabled').count()).toBe(0);
    await page.keyboard.press('Escape');
    expect(await pad().count()).toBe(1);
  });

  it('appears when the session ends meanwhile, and nothing of the shop stays on the screen', async () => {
    await enter();
    await page.getByRole('heading', { name: 'Refill Spring water 1 l' }).waitFor();
    await app.close();
    await serve();
    await pad().waitFor();
    expect(await page.locator('body').innerText()).not.toContain('Refill');
    expect(await page.title()).toBe('Alerts');
    await enter();
    await page.getByRole('heading', { name: 'Refill Spring water 1 l' }).waitFor();
  });

  it('appears when a tap meets an ended session', async () => {
    await enter();
    await browser.context.clearCookies();
    await page.getByRole('button', { name: 'On my way' }).click();
    await pad().waitFor();
    expect(desk.commands).toEqual([]);
  });

  it('is asked for with a button, which ends the session', async () => {
    await enter();
    const cookies = await browser.context.cookies();
    await page.getByRole('button', { name: 'Your name' }).click();
    await page.getByRole('button', { name: 'Lock this page' }).click();
    await pad().waitFor();
    await browser.context.addCookies(cookies);
    await page.reload();
    await pad().waitFor();
  });

  it('fits a small phone in both directions, with targets of 48 pixels and more', async () => {
    await pad().waitFor();
    for (const [width, height] of [
      [320, 568],
      [360, 740],
      [740, 360],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const name of ['1', '9', 'open', 'erase']) {
        const box = await page.locator(`#pad [data-key="${name}"]`).boundingBox();
        expect(box?.height).toBeGreaterThanOrEqual(48);
        expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
        expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
      }
    }
    await page.setViewportSize({ width: 360, height: 740 });
  });
});
