/** The screens of zones over real HTTP. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { staffGate } from './gate.ts';
import { listen, TestScreens } from './screens.fixture.ts';
import { Sessions } from './sessions.ts';

let screens: TestScreens;
let base: string;
let clock: number;
let closing: (() => void)[];

beforeEach(async () => {
  clock = 0;
  closing = [];
  screens = new TestScreens();
  screens.monotonicMs = () => clock;
  screens.forget();
  base = await screens.serve();
});

afterEach(async () => {
  for (const close of closing) close();
  await screens.stop();
});

async function screen(query = '', zone = 'beverages') {
  const one = await listen(`${base}/api/screens/${encodeURIComponent(zone)}/live${query}`);
  closing.push(one.close);
  return one;
}

/** The server has noticed what was closed. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 100));

async function played(body: object, zone = 'beverages'): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${base}/api/screens/${encodeURIComponent(zone)}/played`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('the page of a zone', () => {
  test('is there for every zone of the shop, whatever it is called', async () => {
    for (const zone of ['beverages', 'fresh%20food%2F1']) {
      const response = await fetch(`${base}/screen/${zone}`);
      expect([zone, response.status]).toEqual([zone, 200]);
      expect(response.headers.get('content-type')).toContain('text/html');
      expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
      expect(await response.text()).toContain('/screen.js');
    }
  });

  test('needs nothing from elsewhere', async () => {
    const html = await (await fetch(`${base}/screen/beverages`)).text();
    const paths = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, path]) => path ?? '');
    expect(paths.length).toBeGreaterThan(3);
    for (const path of paths) {
      const file = await fetch(base + path);
      expect([path, file.status]).toEqual([path, 200]);
      const text = (await file.text()).replaceAll('http://www.w3.org/2000/svg', '');
      expect(text).not.toMatch(/https?:|url\(|@import|<style|style=/);
    }
  });

  test('of an unknown zone is not there, and the answer names the zones that are', async () => {
    for (const path of ['/screen/bakery', '/screen', '/screen/', '/api/screens/bakery/live']) {
      const response = await fetch(base + path);
      expect(response.status).toBe(404);
      const body = (await response.json()) as { detail: string; zones: string[] };
      expect(body.zones).toEqual(['beverages', 'fresh food/1']);
      expect(body.detail).toContain('beverages');
    }
    expect((await played({ play: 'x', seconds: 9 }, 'bakery')).status).toBe(404);
  });
});

describe('the live stream', () => {
  test('says at once what to show, with the last day in the store and a ticket; and each change, once', async () => {
    screens.wallMs = Date.parse('2026-11-20T12:00:00Z');
    screens.show('beverages', 'water', { expires: '2026-12-01T00:00:00Z' });
    const { next, told } = await screen();
    const hello = await next();
    expect(hello).toMatchObject({
      event: 'hello',
      data: { time: '2026-11-20T12:00:00.000Z', show: { product: 'Spring water 1 l', until: '2026-11-30' } },
    });
    expect(hello.data.version).toHaveLength(22);
    // Withdrawn and made in one commit is one change.
    const cleared = { zone: 'beverages', payload: '' };
    const made = { id: 'juice', gtin: '2', text: 'half price', expires: '2026-12-01T00:00:00Z' };
    screens.board.hear([cleared, { zone: 'beverages', payload: JSON.stringify(made) }]);
    const changed = await next();
    expect(changed).toMatchObject({ event: 'show', data: { show: { offer: 'juice', product: 'Apple juice 0.75 l' } } });
    expect(changed.data.play).not.toBe(hello.data.play);
    screens.show('fresh food/1', 'other');
    screens.clear('beverages');
    expect(await next()).toMatchObject({ event: 'show', data: { show: null, play: null } });
    expect(told).toHaveLength(3);
  });

  test('shows nothing that is past its time', async () => {
    screens.show('beverages', 'water', { expires: new Date(screens.wallMs).toISOString() });
    expect(await (await screen()).next()).toMatchObject({ data: { show: null, play: null } });
  });

  test('takes as many screens as there are places', async () => {
    for (let i = 0; i < screens.pages; i += 1) await screen();
    const refused = await fetch(`${base}/api/screens/beverages/live`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(screens.live.turnedAway).toBe(1);
    closing[0]?.();
    await expect.poll(async () => (await screen().catch(() => undefined)) !== undefined).toBe(true);
  });
});

describe('a report that it was to be seen', () => {
  test('is recorded once, with the next ticket in the answer', async () => {
    const offer = screens.show('beverages', 'water');
    const { next } = await screen();
    const { play } = (await next()).data;
    clock += 12_000;
    const first = await played({ play, seconds: 12, screen: 'left' });
    expect(first.status).toBe(200);
    expect(screens.plays).toEqual([{ offer, screen: 'left', seconds: 12 }]);
    const again = await played({ play, seconds: 12 });
    expect(again).toMatchObject({ status: 409, body: { reason: 'used' } });
    clock += 600_000;
    const second = await played({ play: first.body.play, seconds: 600 });
    expect(second.status).toBe(200);
    expect(screens.plays).toHaveLength(2);
    expect(screens.plays[1]).toMatchObject({ screen: 'beverages', seconds: 600 });
    expect(screens.tickets.refused.used).toBe(1);
  });

  test('of an offer that has gone meanwhile counts, too, and brings no new ticket', async () => {
    const offer = screens.show('beverages', 'water');
    const { next } = await screen();
    const { play } = (await next()).data;
    screens.clear('beverages');
    clock += 20_000;
    expect(await played({ play, seconds: 20 })).toEqual({ status: 200, body: { play: null } });
    expect(screens.plays).toEqual([{ offer, screen: 'beverages', seconds: 20 }]);
  });

  test('is refused and counted when its ticket was never given, is for another zone, or not out for so long', async () => {
    screens.show('beverages', 'water');
    const { next } = await screen();
    const { play } = (await next()).data;
    clock += 10_000;
    expect(await played({ play: 'A'.repeat(22), seconds: 6 })).toMatchObject({
      status: 404,
      body: { reason: 'unknown' },
    });
    expect(await played({ play, seconds: 6 }, 'fresh food/1')).toMatchObject({
      status: 409,
      body: { reason: 'other-zone' },
    });
    expect(await played({ play, seconds: 60 })).toMatchObject({ status: 409, body: { reason: 'too-long' } });
    expect(screens.plays).toEqual([]);
    expect(screens.tickets.refused).toMatchObject({ unknown: 1, 'other-zone': 1, 'too-long': 1 });
    expect((await played({ play, seconds: 6 })).status).toBe(200);
  });

  test('comes every ten minutes at most while the offer stays, and at once when it goes', async () => {
    screens.show('beverages', 'water');
    const { next } = await screen();
    clock += 6_000;
    const first = await played({ play: (await next()).data.play, seconds: 6 });
    clock += 60_000;
    const { play } = first.body;
    expect(await played({ play, seconds: 60 })).toMatchObject({ status: 429, body: { reason: 'too-soon' } });
    screens.clear('beverages');
    expect((await played({ play, seconds: 60 })).status).toBe(200);
  });

  test('needs whole seconds, five or more, and nothing that nobody knows', async () => {
    for (const body of [
      { play: 'x', seconds: 4 },
      { play: 'x', seconds: 5.5 },
      { play: '', seconds: 5 },
      { seconds: 5 },
      { play: 'x', seconds: 5, screen: 'x'.repeat(65) },
      { play: 'x', seconds: 5, shopper: 'anna' },
    ])
      expect([body, (await played(body)).status]).toEqual([body, 400]);
  });

  test('may come again when it could not be stored, and is not recorded twice at once', async () => {
    screens.show('beverages', 'water');
    const { next } = await screen();
    const { play } = (await next()).data;
    clock += 8_000;
    screens.record = () => {
      throw new HubError('NOT_STORED', 'the disk is full');
    };
    expect((await played({ play, seconds: 8 })).status).toBe(503);
    screens.record = () => true;
    const both = await Promise.all([played({ play, seconds: 8 }), played({ play, seconds: 8 })]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(screens.plays).toHaveLength(1);
  });

  test('keeps no card number that somebody calls a screen', async () => {
    screens.show('beverages', 'water');
    const { play } = (await (await screen()).next()).data;
    clock += 8_000;
    expect((await played({ play, seconds: 8, screen: '4111111111111111' })).status).toBe(200);
    expect(screens.plays[0]?.screen).toBe('411111******1111');
  });
});

describe('a ticket', () => {
  test('goes on when its page comes back, and the page may report all of it', async () => {
    const offer = screens.show('beverages', 'water');
    const first = await screen();
    const { play } = (await first.next()).data;
    clock += 100_000;
    first.close();
    const second = await screen(`?play=${play}`);
    expect((await second.next()).data.play).toBe(play);
    clock += 100_000;
    expect((await played({ play, seconds: 200 })).status).toBe(200);
    expect(screens.plays).toEqual([{ offer, screen: 'beverages', seconds: 200 }]);
  });

  test.each(['before', 'after'])('does not lapse when its page comes back %s the old line has ended', async (when) => {
    screens.show('beverages', 'water');
    const first = await screen();
    const { play } = (await first.next()).data;
    if (when === 'after') first.close();
    await settled();
    await (await screen(`?play=${play}`)).next();
    first.close();
    await settled();
    clock += 1_000_000;
    expect((await played({ play, seconds: 900 })).status).toBe(200);
  });

  test('of another offer, zone or hub does not: the page gets a new one', async () => {
    screens.show('beverages', 'water');
    screens.show('fresh food/1', 'fish');
    const { play } = (await (await screen()).next()).data;
    expect((await (await screen(`?play=${play}`, 'fresh food/1')).next()).data.play).not.toBe(play);
    screens.show('beverages', 'juice');
    expect((await (await screen(`?play=${play}`)).next()).data.play).not.toBe(play);
    expect((await (await screen('?play=made-up')).next()).data.play).not.toBe('made-up');
  });

  test('is good for a quarter of an hour after its page has gone', async () => {
    screens.show('beverages', 'water');
    const tickets: unknown[] = [];
    for (let i = 0; i < 2; i += 1) {
      const { next, close } = await screen();
      tickets.push((await next()).data.play);
      close();
    }
    await settled();
    clock += 899_000;
    expect((await played({ play: tickets[0], seconds: 30 })).status).toBe(200);
    clock += 2_000;
    expect((await played({ play: tickets[1], seconds: 30 })).status).toBe(404);
  });

  test('of pages that listen outlives any number of pages that come and go', async () => {
    screens.show('beverages', 'water');
    const { play } = (await (await screen()).next()).data;
    clock += 10_000;
    for (let i = 0; i < 5 * screens.pages; i += 1) {
      const { next, close } = await screen();
      await next();
      close();
      await expect.poll(() => screens.app?.server.listening).toBe(true);
    }
    expect((await played({ play, seconds: 10 })).status).toBe(200);
  });

  test('reports from more screens than there can be are refused until time has passed', async () => {
    let last: { status: number; body: Record<string, unknown> } | undefined;
    for (let i = 0; i <= screens.pages; i += 1) {
      screens.show('beverages', `offer-${i}`);
      const { next, close } = await screen();
      clock += 5;
      last = await played({ play: (await next()).data.play, seconds: 5 });
      close();
    }
    expect(last).toMatchObject({ status: 429, body: { reason: 'too-many' } });
    clock += 60_000;
    const { play } = (await (await screen()).next()).data;
    expect((await played({ play, seconds: 5 })).status).toBe(200);
  });
});

test('screens are asked for no PIN, and the rest behind it stays closed', async () => {
  await screens.stop();
  screens.port = 0;
  const logger = pino({ level: 'silent' });
  base = await screens.serve((app) => {
    staffGate(app, { sessions: new Sessions({ pin: '482915', now: () => 0 }), logger });
    app.get('/api/alerts', () => []);
  });
  screens.show('beverages', 'water');
  expect((await fetch(`${base}/screen/beverages`)).status).toBe(200);
  const { play } = (await (await screen()).next()).data;
  clock += 5_000;
  expect((await played({ play, seconds: 5 })).status).toBe(200);
  expect((await fetch(`${base}/api/alerts`)).status).toBe(401);
});
