/** The screen of a zone in a real browser, with the real server; its clock is the test's. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { type Browser, browserInstalled, openBrowser } from './browser.fixture.ts';
import { TestScreens } from './screens.fixture.ts';

const UPRIGHT = { width: 1080, height: 1920 };
const LYING = { width: 1920, height: 1080 };
const MINUTE = 60_000;
const STEP = 10_000;
/** Runs in the page: where each text stands, and how large its type is. */
const MEASURE = `[...document.querySelectorAll('.offer[data-offer] :is(.product, .text, .until)')].map((element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const { left, top, right, bottom } = range.getBoundingClientRect();
  return { left, top, right, bottom, type: Number.parseFloat(getComputedStyle(element).fontSize) };
})`;

describe.skipIf(!browserInstalled)('the screen of a zone', () => {
  let browser: Browser;
  let screens: TestScreens;
  let base: string;
  let page: Page;
  let faults: string[];
  /** What the page's clock was turned on, so that the hub's goes with it. */
  let ahead: number;

  beforeAll(async () => {
    browser = await openBrowser();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    ahead = 0;
    screens = new TestScreens();
    screens.monotonicMs = () => performance.now() + ahead;
    screens.forget();
    base = await screens.serve();
    page = await browser.context.newPage();
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused/.test(message.text())) faults.push(message.text());
    });
    await page.clock.install();
    await page.setViewportSize(UPRIGHT);
  });

  afterEach(async () => {
    await page.close();
    await screens.stop();
    expect(faults).toEqual([]);
  });

  const open = async (query = ''): Promise<void> => {
    await page.goto(`${base}/screen/beverages${query}`);
    await page.locator('#line[data-line="live"]').waitFor({ state: 'attached' });
  };
  const offer = () => page.locator('.offer[data-offer]');
  const view = () => page.locator('body').getAttribute('data-view');
  /** Time passes for the page and for the hub, in steps that keep the two together. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP) {
      const step = Math.min(left, STEP);
      ahead += step;
      screens.wallMs += step;
      await page.clock.runFor(step);
    }
  };
  const seconds = () => screens.plays.reduce((sum, play) => sum + play.seconds, 0);

  it('shows the offer of its zone, and each change at once', async () => {
    screens.show('beverages', 'water', { text: '10 % off spring water today' });
    await open();
    await offer().getByText('Spring water 1 l').waitFor();
    expect(await offer().locator('.figure').textContent()).toBe('10\u00a0%');
    expect(await offer().locator('.text').textContent()).toBe('10\u00a0% off spring water today');
    expect(await offer().locator('.until').textContent()).toMatch(/^Until \w+day, /);
    screens.show('beverages', 'juice', { gtin: '2', text: 'Fresh today' });
    await offer().getByText('Apple juice 0.75 l').waitFor();
    expect(await offer().count()).toBe(1);
    await expect.poll(() => page.locator('.offer').count()).toBe(2);
    await pass(1000);
    expect(await page.locator('.offer').count()).toBe(1);
  });

  it('is a calm picture while there is no offer, and again when it is withdrawn', async () => {
    await open();
    expect(await view()).toBe('idle');
    screens.show('beverages', 'water');
    await offer().waitFor();
    expect(await view()).toBe('offer');
    screens.clear('beverages');
    await expect.poll(view).toBe('idle');
    expect(await offer().count()).toBe(0);
  });

  it('goes idle by itself when the offer is past its time, though nobody says so', async () => {
    screens.show('beverages', 'water', { expires: new Date(screens.wallMs + 4000).toISOString() });
    await open();
    await offer().waitFor();
    expect(await offer().locator('.until').textContent()).toBe('Last day today');
    await pass(5000);
    expect(await view()).toBe('idle');
  });

  it('keeps its offer over a restart of the hub, then shows what the new one says', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await screens.stop();
    await page.locator('#line[data-line="down"]').waitFor({ state: 'attached' });
    await pass(30_000);
    expect(await view()).toBe('offer');
    screens.forget();
    screens.show('beverages', 'juice', { gtin: '2' });
    await screens.serve();
    await expect
      .poll(async () => {
        await pass(2000);
        return offer().textContent();
      })
      .toContain('Apple juice');
    expect(await page.locator('#line').getAttribute('data-line')).toBe('live');
  });

  it('proves no time that the hub cannot know of: what was not reported before its restart is not counted', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await pass(5 * MINUTE);
    await screens.stop();
    await page.locator('#line[data-line="down"]').waitFor({ state: 'attached' });
    screens.forget();
    screens.show('beverages', 'water');
    await screens.serve();
    await expect
      .poll(async () => {
        await pass(1000);
        return page.locator('#line').getAttribute('data-line');
      })
      .toBe('live');
    await pass(20_000);
    screens.clear('beverages');
    await expect.poll(() => screens.plays.length).toBe(1);
    expect(seconds()).toBeGreaterThanOrEqual(19);
    expect(seconds()).toBeLessThan(60);
  });

  it('shows no offer that nobody has confirmed for two minutes', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await screens.stop();
    await page.locator('#line[data-line="down"]').waitFor({ state: 'attached' });
    await pass(1.9 * MINUTE);
    expect(await view()).toBe('offer');
    await pass(0.2 * MINUTE);
    expect(await view()).toBe('idle');
    await screens.serve();
    await expect
      .poll(async () => {
        await pass(2000);
        return view();
      })
      .toBe('offer');
  });

  it('reports once, when the offer goes, how long it was to be seen', async () => {
    const id = screens.show('beverages', 'water');
    await open('?screen=entrance');
    await offer().waitFor();
    await pass(20_000);
    screens.clear('beverages');
    await expect.poll(() => screens.plays.length).toBe(1);
    const [play] = screens.plays;
    expect(play).toMatchObject({ offer: id, screen: 'entrance' });
    expect(play?.seconds).toBeGreaterThanOrEqual(19);
    expect(play?.seconds).toBeLessThan(30);
    await pass(20_000);
    expect(screens.plays).toHaveLength(1);
  });

  it('reports every ten minutes while it stays, without a second counted twice', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await pass(25 * MINUTE);
    await expect.poll(() => screens.plays.length).toBe(2);
    expect(seconds()).toBeLessThanOrEqual(25 * 60);
    screens.clear('beverages');
    await expect.poll(() => screens.plays.length).toBe(3);
    expect(seconds()).toBeGreaterThan(24 * 60);
    expect(seconds()).toBeLessThanOrEqual(25 * 60 + 20);
    expect(Object.values(screens.tickets.refused)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('reports nothing of an offer that was there for a moment, or on a page that was hidden', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await pass(3000);
    screens.show('beverages', 'juice', { gtin: '2' });
    await offer().getByText('Apple juice').waitFor();
    await page.evaluate(`
      Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    `);
    await pass(MINUTE);
    screens.clear('beverages');
    await expect.poll(view).toBe('idle');
    await pass(MINUTE);
    expect(screens.plays).toEqual([]);
  });

  it('brings a last report later when the hub was away, and never twice', async () => {
    const id = screens.show('beverages', 'water', { expires: new Date(screens.wallMs + 30_000).toISOString() });
    await open();
    await offer().waitFor();
    await pass(10_000);
    await screens.stop();
    await page.locator('#line[data-line="down"]').waitFor({ state: 'attached' });
    await pass(25_000);
    expect(await view()).toBe('idle');
    await screens.serve();
    await expect
      .poll(async () => {
        await pass(2000);
        return screens.plays.length;
      })
      .toBe(1);
    expect(screens.plays[0]?.offer).toBe(id);
    await pass(2 * MINUTE);
    expect(screens.plays).toHaveLength(1);
  });

  it('tries again later what the hub could not store, without a rush', async () => {
    let asked = 0;
    screens.record = () => {
      asked += 1;
      if (asked <= 2) throw new HubError('NOT_STORED', 'the disk is full');
      return true;
    };
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await pass(20_000);
    screens.clear('beverages');
    await expect.poll(() => asked).toBe(1);
    await pass(30_000);
    expect(asked).toBe(1);
    await pass(5 * MINUTE);
    await expect.poll(() => screens.plays.length).toBe(1);
    expect(asked).toBe(3);
  });

  it('loads itself anew when the hub brings another page', async () => {
    screens.show('beverages', 'water');
    await open();
    await offer().waitFor();
    await page.route('**/live*', async (route) => {
      const hello = { version: 'newer', time: new Date(screens.wallMs).toISOString(), show: null, play: null };
      await route.fulfill({
        contentType: 'text/event-stream',
        body: `event: hello\ndata: ${JSON.stringify(hello)}\n\n`,
      });
    });
    await page.evaluate('window.before = true');
    await screens.stop();
    await screens.serve();
    await expect
      .poll(async () => {
        await pass(2000).catch(() => undefined);
        return page.evaluate('window.before === true').catch(() => true);
      })
      .toBe(false);
  });

  it.each([
    ['upright', UPRIGHT],
    ['lying', LYING],
    ['small', { width: 800, height: 480 }],
  ])('holds every text within its edges, large enough to be read from afar: %s', async (_, size) => {
    await page.setViewportSize(size);
    await open();
    for (const text of [
      'Half price',
      '25 % off',
      '2 for 1 on all of it',
      'a text that is longer than most '.repeat(6),
    ]) {
      screens.show('beverages', text.slice(0, 10), { text });
      await offer().locator('.text').getByText(text.slice(-8).trim()).waitFor();
      const measured = (await page.evaluate(MEASURE)) as {
        left: number;
        top: number;
        right: number;
        bottom: number;
        type: number;
      }[];
      let above = 0;
      for (const box of measured) {
        expect(box.left).toBeGreaterThan(0);
        expect(box.top).toBeGreaterThanOrEqual(above - 1);
        expect(box.right).toBeLessThanOrEqual(size.width);
        expect(box.bottom).toBeLessThanOrEqual(size.height);
        expect(box.type).toBeGreaterThan(0.045 * Math.min(size.width, size.height));
        above = box.bottom;
      }
    }
  });

  it('shows text as text, and speaks the language that it is told', async () => {
    screens.show('beverages', 'water', { text: '<img src=x onerror="document.title=1">' });
    await open('?lang=de');
    await offer().getByText('<img src=x').waitFor();
    expect(await offer().locator('.until').textContent()).toMatch(/^Bis \p{Lu}\w+tag|^Bis Mittwoch/u);
  });
});
