import { describe, expect, it } from 'vitest';
import type { EventType } from '../contracts/events.ts';
import { flaggedSchema } from '../contracts/offers.ts';
import { type OfferAbuseState, offerAbuse } from './offer-abuse.ts';
import type { Use } from './offer-views.ts';
import type { Decision, RuleEvent } from './rule.ts';
import { offersWith, viewsWith } from './views.fixture.ts';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 10, 20, 9, 0, 0);
const ANNA = 'anna'.padEnd(26, '0');
const OFFER = 'offer'.padEnd(26, '0');
const USED: Use = {
  ...{ claim: 'claim'.padEnd(26, '0'), what: 'redeemed', campaign: 'soda-10', offer: OFFER, quantity: 0 },
  ...{ till: 'till-1', transaction: '7', business_day: '2026-11-20', reversed: false },
};

/** The rule with its rows, a clock, and a shop in which everybody was sighted just now. */
function watch(options = { identities_per_device: 5, works_here: 4 * HOUR }) {
  const rule = offerAbuse(options);
  const rows = new Map<string, { state: OfferAbuseState; wakeAt: number | undefined }>();
  const flags: Decision[] = [];
  let [elapsed, events, writes] = [0, 0, 0];
  let refusals = 0;
  const views = viewsWith({
    sighted: () => elapsed,
    offers: offersWith({ redemptionsOf: (offer) => (offer === OFFER ? [USED] : []) }),
  });
  const run = (key: string, input: RuleEvent | { wake: true }): void => {
    const before = rows.get(key);
    const step = rule.step(before?.state ?? rule.initial, input, views, { elapsed, wall: START + elapsed }, key);
    if (step.state !== before?.state || step.wakeAt !== before?.wakeAt) writes += 1;
    rows.set(key, { state: step.state, wakeAt: step.wakeAt });
    if (JSON.stringify(step.state) === '{}' && step.wakeAt === undefined) rows.delete(key);
    flags.push(...step.decisions);
  };
  return {
    rows,
    flags,
    writes: () => writes,
    said: () => flags.map(({ data }) => [data.reason, (data.evidence as { count: number }).count]),
    /** Time passes; wakes that are due come in between. */
    pass(ms: number): void {
      const to = elapsed + ms;
      for (;;) {
        const due = [...rows].map(([key, { wakeAt = Number.POSITIVE_INFINITY }]) => ({ key, wakeAt }));
        const [next] = due.filter(({ wakeAt }) => wakeAt <= to).sort((a, b) => a.wakeAt - b.wakeAt);
        if (!next) break;
        elapsed = next.wakeAt;
        run(next.key, { wake: true });
        const again = rows.get(next.key)?.wakeAt ?? Number.POSITIVE_INFINITY;
        expect(again, 'the next wake lies in the future').toBeGreaterThan(elapsed);
      }
      elapsed = to;
    },
    hear(type: EventType, subject: string, data: Record<string, unknown>, source = 'gateway-1', history = false): void {
      events += 1;
      const event = { id: `event-${events}`, type, source, subject, history, data };
      const keys = rule.keyOf(event, views) ?? [];
      for (const key of typeof keys === 'string' ? [keys] : keys) run(key, event);
    },
    sees(shopper: string, zone: string, present = true, source = 'gateway-1'): void {
      this.hear('retail.shoppers.present.v1', shopper, { zone, present, shopper }, source);
    },
    refuses(reason: string, more: Record<string, unknown> = {}): void {
      refusals += 1;
      const data = {
        reason,
        presented: `${refusals}`,
        till: 'till-2',
        transaction: '9',
        business_day: '2026-11-20',
        ...more,
      };
      this.hear('retail.offers.refused.v1', 'till-2', data, 'rules/claims');
    },
    redeems(shopper: string, operator?: string): void {
      const receipt = { till: 'till-2', transaction: '9', business_day: '2026-11-20' };
      const data = { claim: 'c'.padEnd(26, '0'), campaign: 'soda-10', by: 'claim', shopper, operator, ...receipt };
      this.hear('retail.offers.redeemed.v1', 'soda-10', data, 'rules/claims');
    },
  };
}

describe('codes', () => {
  it('flags a code presented again, with the redemption that stands and the new receipt', () => {
    const shop = watch();
    shop.refuses('used', { offer: OFFER, campaign: 'soda-10', shopper: ANNA });
    expect(shop.flags).toEqual([
      {
        type: 'retail.offers.flagged.v1',
        subject: OFFER,
        causes: ['event-1'],
        data: {
          reason: 'replayed-code',
          campaign: 'soda-10',
          offer: OFFER,
          text: 'A code was presented at till-2 that had been used at till-1 already.',
          evidence: {
            receipt: { till: 'till-2', transaction: '9', business_day: '2026-11-20' },
            used: { claim: USED.claim, till: 'till-1', transaction: '7', business_day: '2026-11-20' },
          },
        },
      },
    ]);
    expect(JSON.stringify([...shop.rows])).not.toContain(ANNA);
  });

  it('flags the same again at most once an hour, with how often it was, and forgets it when it ends', () => {
    const shop = watch();
    for (let n = 0; n < 1000; n += 1) {
      shop.refuses('used', { offer: OFFER, till: n > 500 ? 'till-3' : 'till-2' });
      shop.pass(SECOND);
    }
    expect(shop.said()).toEqual([['replayed-code', undefined]]);
    shop.pass(HOUR);
    expect(shop.said()).toEqual([
      ['replayed-code', undefined],
      ['replayed-code', 999],
    ]);
    expect(shop.flags[1]?.causes).toEqual(['event-1000']);
    expect(shop.flags[1]?.data).toMatchObject({
      text: 'A code was presented at till-3 that had been used at till-1 already. 999 more within an hour.',
      evidence: { tills: ['till-2', 'till-3'] },
    });
    shop.pass(2 * HOUR);
    expect(shop.flags).toHaveLength(2);
    expect(shop.rows.size).toBe(0);
  });

  it('flags five codes tried at one till within ten minutes that nobody made, not fewer and not slower', () => {
    const slow = watch();
    for (let n = 0; n < 20; n += 1) {
      slow.refuses('unknown-code');
      slow.pass(2 * MINUTE + 31 * SECOND);
    }
    expect(slow.flags).toEqual([]);
    const shop = watch();
    for (let n = 0; n < 4; n += 1) shop.refuses('unknown-code');
    shop.refuses('unknown-code', { till: 'till-3' });
    expect(shop.flags).toEqual([]);
    shop.pass(9 * MINUTE);
    shop.refuses('unknown-code');
    expect(shop.said()).toEqual([['guessed-code', undefined]]);
    expect(shop.flags[0]?.causes).toHaveLength(5);
    for (let n = 0; n < 10; n += 1) shop.refuses('unknown-code');
    shop.pass(HOUR);
    expect(shop.said()[1]).toEqual(['guessed-code', 2]);
  });

  it('flags a code of another store', () => {
    const shop = watch();
    shop.refuses('other-store');
    expect(shop.flags[0]?.data).toMatchObject({ reason: 'other-store', evidence: { receipt: { till: 'till-2' } } });
  });

  it('flags nothing when an offer is merely late, withdrawn or capped', () => {
    const shop = watch();
    for (const reason of ['expired', 'withdrawn', 'capped', 'not-running', 'unknown-campaign'])
      for (let n = 0; n < 10; n += 1) shop.refuses(reason, { offer: OFFER });
    expect(shop.flags).toEqual([]);
    expect(shop.rows.size).toBe(0);
  });
});

describe('movement', () => {
  const walk = (shop: ReturnType<typeof watch>, ...steps: [zone: string, ms: number][]): void => {
    let zone: string | undefined;
    for (const [next, ms] of steps) {
      if (zone !== undefined) shop.sees(ANNA, zone, false);
      shop.sees(ANNA, next);
      zone = next;
      shop.pass(ms);
    }
  };

  it('flags three changes of zone within three seconds each, with zones and times', () => {
    const shop = watch();
    walk(shop, ['dairy', MINUTE], ['bakery', 2_000], ['wine', 1_000], ['dairy', 3_000]);
    expect(shop.flags).toEqual([]);
    walk(shop, ['bakery', 0]);
    expect(shop.flags[0]?.data).toMatchObject({
      reason: 'impossible-movement',
      shopper: ANNA,
      text: 'One shopper was seen in bakery, wine, dairy by turns within 7 s, faster than anybody walks: a copied identity, or zones that overlap.',
      evidence: {
        changes: [
          { from: 'bakery', to: 'wine', time: '2026-11-20T09:01:02.000Z' },
          { from: 'wine', to: 'dairy', time: '2026-11-20T09:01:03.000Z' },
          { from: 'dairy', to: 'bakery', time: '2026-11-20T09:01:06.000Z' },
        ],
      },
    });
    expect(shop.flags[0]?.causes).toHaveLength(3);
  });

  it('takes a gateway that flips at a border now and then, and a quick walk, for what they are', () => {
    const shop = watch();
    for (let n = 0; n < 10; n += 1) walk(shop, ['dairy', 30 * SECOND], ['bakery', SECOND], ['dairy', SECOND]);
    expect(shop.flags).toEqual([]);
    const quick = watch();
    walk(quick, ['a', 3_001], ['b', 3_001], ['c', 3_001], ['d', 3_001], ['e', 3_001], ['f', 3_001]);
    expect(quick.flags).toEqual([]);
  });

  it('does not judge by records of the past', () => {
    const shop = watch();
    for (const zone of ['a', 'b', 'c', 'd', 'e', 'f'])
      shop.hear('retail.shoppers.present.v1', ANNA, { zone, present: true, shopper: ANNA }, 'gateway-1', true);
    expect(shop.rows.size).toBe(0);
  });
});

describe('identities of one device', () => {
  const shopper = (n: number): string => String(n).padStart(26, 'x');

  it('flags more than the limit within an hour, and not the same people again and again', () => {
    const shop = watch();
    for (let round = 0; round < 20; round += 1) for (let n = 0; n < 5; n += 1) shop.sees(shopper(n), 'dairy');
    for (let n = 5; n < 10; n += 1) shop.sees(shopper(n), 'dairy', true, 'gateway-2');
    expect(shop.flags).toEqual([]);
    shop.sees(shopper(5), 'dairy');
    expect(shop.flags.map(({ data }) => data)).toMatchObject([
      {
        reason: 'many-identities',
        device: 'gateway-1',
        text: 'The device gateway-1 told of 6 shoppers within an hour, more than 5.',
        evidence: { identities: 6, limit: 5, within: '1h' },
      },
    ]);
  });

  it('counts within an hour, not since ever, and forgets a device that fell silent', () => {
    const shop = watch();
    for (let n = 0; n < 40; n += 1) {
      shop.sees(shopper(n), 'dairy');
      shop.pass(15 * MINUTE);
    }
    expect(shop.flags).toEqual([]);
    shop.pass(2 * DAY);
    expect(shop.rows.size).toBe(0);
  });

  it('is roughly right for a crowd, in a row of a kilobyte or two that is seldom written', () => {
    const shop = watch({ identities_per_device: 20_000, works_here: 4 * HOUR });
    for (let n = 0; n < 28_000; n += 1) shop.sees(shopper(n), 'dairy');
    const counted = shop.flags[0]?.data.evidence as { identities: number };
    expect(counted.identities).toBeGreaterThan(20_000);
    // One row each of the shoppers, and few of the device.
    expect(shop.writes()).toBeLessThan(28_000 + 300);
    const row = JSON.stringify(shop.rows.get('device/gateway-1')?.state);
    expect(row.length).toBeLessThan(2_000);
    expect(row).not.toContain('xxx');
    const few = watch({ identities_per_device: 20_000, works_here: 4 * HOUR });
    for (let n = 0; n < 13_000; n += 1) few.sees(shopper(n), 'dairy');
    expect(few.flags).toEqual([]);
  });
});

describe('staff using their own', () => {
  it('flags whoever redeems after having been here for hours, the present stay included', () => {
    const shop = watch();
    shop.sees(ANNA, 'dairy');
    shop.pass(2 * HOUR);
    shop.sees(ANNA, 'dairy', false);
    shop.pass(5 * HOUR);
    shop.sees(ANNA, 'bakery');
    shop.pass(2 * HOUR);
    shop.redeems(ANNA);
    expect(shop.flags).toEqual([]);
    shop.pass(6 * MINUTE);
    shop.redeems(ANNA);
    expect(shop.flags[0]?.data).toMatchObject({
      reason: 'works-here',
      shopper: ANNA,
      campaign: 'soda-10',
      text: 'An offer was redeemed by somebody who was here for 4.1 h within a day: perhaps staff.',
      evidence: { present_s: 14_760, limit_s: 14_400, receipt: { till: 'till-2' } },
    });
  });

  it('does not add up days', () => {
    const shop = watch();
    for (let day = 0; day < 4; day += 1) {
      shop.sees(ANNA, 'dairy');
      shop.pass(3 * HOUR);
      shop.sees(ANNA, 'dairy', false);
      shop.redeems(ANNA);
      shop.pass(DAY - 3 * HOUR);
    }
    expect(shop.flags).toEqual([]);
  });

  it('flags an operator who grants one shopper three offers within a week', () => {
    const shop = watch();
    for (const operator of ['jo', 'jo', 'kim', undefined]) shop.redeems(ANNA, operator);
    expect(shop.flags).toEqual([]);
    shop.pass(6 * DAY);
    shop.redeems(ANNA, 'jo');
    expect(shop.flags[0]).toMatchObject({
      causes: ['event-1', 'event-2', 'event-5'],
      data: { reason: 'same-operator', shopper: ANNA, text: 'jo granted the same shopper 3 offers within 7 days.' },
    });
    const slow = watch();
    for (let n = 0; n < 6; n += 1) {
      slow.redeems(ANNA, 'jo');
      slow.pass(4 * DAY);
    }
    expect(slow.flags).toEqual([]);
  });

  it('keeps nothing of whoever withdraws consent, nor of anybody for longer than a week', () => {
    const shop = watch();
    shop.sees(ANNA, 'dairy');
    shop.redeems(ANNA, 'jo');
    shop.hear('retail.shoppers.consent.v1', ANNA, { granted: false, scope: 'offers', shopper: ANNA });
    expect(shop.rows.get(`shopper/${ANNA}`)).toBeUndefined();
    shop.sees(ANNA, 'dairy');
    shop.redeems(ANNA, 'jo');
    shop.pass(8 * DAY);
    expect(shop.rows.size).toBe(0);
  });
});

it('says of each flag what the contract says', () => {
  const shop = watch();
  for (let n = 0; n < 6; n += 1) {
    shop.sees(String(n).padStart(26, 'x'), 'dairy');
    shop.sees(ANNA, `zone-${n % 3}`);
    shop.refuses('unknown-code');
    shop.redeems(ANNA, 'jo');
    shop.pass(100);
  }
  shop.refuses('used', { offer: OFFER });
  shop.refuses('other-store');
  expect(new Set(shop.flags.map(({ data }) => data.reason)).size).toBe(6);
  for (const { data, causes } of shop.flags) {
    expect(flaggedSchema.parse({ ...data, events: causes })).toEqual({ ...data, events: causes });
    expect(causes?.length).toBeGreaterThan(0);
  }
});
