/**
 * Tills that claim codes and capped campaigns at the same time, sell and take back, while the edge is killed with -9
 * under load: what was answered is in the journal exactly once, and nothing is redeemed twice or beyond its quantity.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startPublisher, startSubscriber } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { JournalReader } from './journal/reader.ts';

const KILLS = 50;
/** Codes that all tills ask for between two kills. */
const CODES = 12;
const SHOPPERS = KILLS * CODES;
/** The tills go on to the next capped campaign every so many kills. */
const KILLS_A_CAMPAIGN = 5;
const QUANTITY = 20;
const GTIN = '09521234543213';
const DAY = '2026-11-20';
const CAPPED = Array.from({ length: KILLS / KILLS_A_CAMPAIGN }, (_, i) => `capped-${i}`);

const about = { zone: 'beverages', gtin: GTIN, text: '10 % off', from: '2020-01-01', until: '2099-12-31' };
const CONFIG = {
  rules: { location_offer: { dwell: '0s' } },
  campaigns: [
    { id: 'soda', ...about, priority: 1, coupon: true, valid: '1d' },
    ...CAPPED.map((id) => ({ id, ...about, quantity: QUANTITY })),
  ],
};

let store: Store | undefined;

afterEach(async () => {
  await store?.stop();
  store = undefined;
});

interface Answered {
  readonly receipt: string;
  readonly asked: object;
  readonly claim: string;
}

/** Each shopper with consent stays a moment in the zone; returns the codes that went to their phones. */
async function codesOf(own: Store): Promise<string[]> {
  const phones = await startSubscriber(own.mqttUrl, 'out/offers/shopper/+');
  const publisher = await startPublisher(own.mqttUrl);
  const shoppers = Array.from({ length: SHOPPERS }, (_, i) => `loyalty-${100_000 + i}`);
  await publisher.publish('shelf', 'sensor-1', { shelf: 'A1-1', count: 12 });
  await publisher.publish(
    'consent',
    'app',
    shoppers.map((shopper) => ({ shopper, granted: true, scope: 'offers' })),
  );
  await publisher.publish(
    'presence',
    'gate',
    shoppers.map((shopper) => ({ shopper, zone: 'beverages', present: true })),
  );
  const codes = await waitUntil('an offer to each shopper', async () => {
    const sent = phones.messages.map(({ payload }) => (JSON.parse(payload) as { code?: string }).code ?? '');
    return new Set(sent).size >= SHOPPERS ? [...new Set(sent)] : undefined;
  });
  await Promise.all([phones.close(), publisher.close()]);
  return codes;
}

/** Asks until there is an answer; the same question each time. */
async function insist(url: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  for (;;) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      if (response.status < 500) return { status: response.status, body: answer };
    } catch {
      // Killed before or after the commit: the till cannot know.
    }
    await delay(40);
  }
}

interface Use {
  readonly claim: string;
  readonly campaign: string;
  readonly offer?: string;
  readonly till: string;
  readonly transaction: string;
  readonly business_day: string;
}

function everyUse(dataDir: string): { type: string; use: Use }[] {
  const reader = JournalReader.open(dataDir);
  try {
    const uses: { type: string; use: Use }[] = [];
    for (let from = 0; ; ) {
      const page = reader.page({ from, limit: 2000 });
      const last = page.at(-1);
      if (last === undefined) return uses;
      from = last.sequence + 1;
      for (const { type, data } of page) {
        if (/^retail\.offers\.(redeemed|reversed)\./.test(type)) uses.push({ type, use: JSON.parse(data) as Use });
      }
    }
  } finally {
    reader.close();
  }
}

/** What stood at any time, by the journal alone: the most at once of each offer and of each campaign. */
function mostAtOnce(uses: readonly { type: string; use: Use }[]): Map<string, number> {
  const standing = new Map<string, number>();
  const most = new Map<string, number>();
  for (const { type, use } of uses) {
    const change = type.includes('redeemed') ? 1 : -1;
    for (const what of [use.campaign, use.offer]) {
      if (what === undefined) continue;
      const now = (standing.get(what) ?? 0) + change;
      standing.set(what, now);
      most.set(what, Math.max(most.get(what) ?? 0, now));
    }
  }
  return most;
}

describe('an edge killed with -9 while tills claim', () => {
  it(`keeps every answer, redeems no code twice and exceeds no quantity, ${KILLS} times`, {
    timeout: 300_000,
  }, async () => {
    const own = await makeStore({ config: CONFIG });
    store = own;
    await own.edge.start();
    const codes = await codesOf(own);
    const claims = `${own.httpUrl}/api/claims`;
    const granted: Answered[] = [];
    let refused = 0;
    let refunds = 0;
    let round = 0;
    let running = true;

    const till = async (name: string, number: number): Promise<void> => {
      for (let i = 0; running; i += 1) {
        const receipt = { till: name, transaction: `${i}`, business_day: DAY };
        const code = codes[round * CODES + ((i * 5 + number) % CODES)];
        const campaign = CAPPED[Math.floor(round / KILLS_A_CAMPAIGN)];
        const asked = i % 3 === 0 || code === undefined ? { campaign } : { code };
        const answer = await insist(claims, { ...receipt, ...asked });
        const said = { receipt: `${name}/${i}`, asked: { ...receipt, ...asked } };
        if (answer.status === 200) granted.push({ ...said, claim: String(answer.body.claim) });
        else if (answer.status === 409) refused += 1;
        else throw new Error(JSON.stringify(answer));
        if (answer.status === 200 && i % 4 === 0) await sell(receipt, asked);
        await delay(2);
      }
    };
    const line = { gtin: GTIN, quantity: 1, price: { amount: 129, currency: 'EUR' } };
    /** The sale names what was claimed, and every other is taken back at another till. */
    const sell = async (receipt: { till: string; transaction: string }, asked: { code?: string }): Promise<void> => {
      const { till: name, transaction } = receipt;
      const coupon = asked.code && { coupon: asked.code };
      await insist(`${own.httpUrl}/in/sale/${name}`, { ...receipt, ...coupon, lines: [line] });
      if (Number(transaction) % 8 !== 0) return;
      refunds += 1;
      const refund = { till: name, transaction: `r-${transaction}`, business_day: DAY, original: receipt };
      await insist(`${own.httpUrl}/in/sale/${name}`, { ...refund, lines: [{ ...line, kind: 'return' }] });
    };
    const counter = async (): Promise<void> => {
      for (let i = 0; running; i += 1) {
        const many = Array.from({ length: 20 }, (_, n) => ({ line: `door-${n}`, in: 1, out: 0, id: `c-${i}-${n}` }));
        await insist(`${own.httpUrl}/in/traffic/counter`, many);
        await delay(10);
      }
    };

    const tills = Promise.all([...Array.from({ length: 8 }, (_, n) => till(`till-${n}`, n)), counter()]);
    let seed = 5;
    for (let kill = 0; kill < KILLS; kill += 1) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      await delay(50 + (seed % 300));
      await own.edge.kill();
      await own.edge.start();
      round = Math.min(kill + 1, KILLS - 1);
    }
    running = false;
    await tills;

    // A till that asks late is told what it was told before.
    for (const { asked, claim } of granted.filter((_, i) => i % 10 === 0))
      expect(await insist(claims, asked)).toMatchObject({ status: 200, body: { claim } });
    await own.edge.stop();

    const uses = everyUse(own.dataDir);
    const redeemed = uses.filter(({ type }) => type.includes('redeemed')).map(({ use }) => use);
    const byClaim = new Map(redeemed.map((use) => [use.claim, use]));
    expect(byClaim.size, 'journaled twice').toBe(redeemed.length);
    const lost = granted.filter(({ claim, receipt }) => {
      const use = byClaim.get(claim);
      return use === undefined || `${use.till}/${use.transaction}` !== receipt;
    });
    expect(lost, 'answered, and not in the journal').toEqual([]);
    const perReceipt = redeemed.map(({ till: at, transaction, campaign, offer }) =>
      [at, transaction, campaign, offer].join(' '),
    );
    expect(new Set(perReceipt).size, 'redeemed twice by one receipt').toBe(perReceipt.length);
    // Whose answer got lost with the last kill asked again, so nothing is redeemed of which no till knows.
    expect(redeemed.length).toBe(granted.length);
    const most = mostAtOnce(uses);
    const over = [...most].filter(([what, count]) => what !== 'soda' && count > (CAPPED.includes(what) ? QUANTITY : 1));
    expect(over, 'redeemed twice, or beyond the quantity').toEqual([]);
    const usedUp = CAPPED.filter((id) => most.get(id) === QUANTITY);
    expect(usedUp.length, 'campaigns of which all were taken').toBeGreaterThan(CAPPED.length / 2);
    expect(redeemed.filter(({ offer }) => offer !== undefined).length).toBeGreaterThan(SHOPPERS / 2);
    expect(refunds).toBeGreaterThan(20);
    expect(uses.length - redeemed.length, 'refunds undid redemptions').toBeGreaterThan(20);
    expect(refused).toBeGreaterThan(SHOPPERS / 2);
  });
});
