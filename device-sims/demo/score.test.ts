import { expect, test } from 'vitest';
import { openLedger } from '../world/ledger.ts';
import { TINY_SHOP } from '../world/shop-plan.ts';
import { alertWatch } from './alert-watch.ts';
import { judgeHeadOffice, judgeStore, missedGaps, parseExport } from './score.ts';

const SETTLE_MS = 2_000;
const WHO = { number: 1 };

function event(sequence: number, type: string, data: object = {}): string {
  const digits = String(sequence).padStart(16, '0');
  return JSON.stringify({ id: `s/i/${digits}`, sequence: digits, type, subject: 's', data });
}

/** One shopper, one sale, one gap of five seconds that an alert named after two and that was resolved. */
function goodDay() {
  const time = { now: 0 };
  const clock = () => time.now;
  const ledger = openLedger(TINY_SHOP, clock);
  const watch = alertWatch(ledger, clock);
  const alert = {
    ...{ id: 'a'.repeat(26), rule: 'shelf-gap', subject: 'B2-1', state: 'open' as const, severity: 'warning' as const },
    ...{ title: '', detail: '', raised: '', changed: '', events: [] },
  };
  const lines = [{ gtin: '09521234000020', quantity: 2, price: 289 }];
  ledger.record({ kind: 'entered', who: WHO });
  ledger.record({ kind: 'picked', who: WHO, shelf: 'B2-1', count: 2 });
  time.now = 2_100;
  watch.take('t', alert);
  ledger.record({ kind: 'paid', who: WHO, transaction: '000001', lines, coupons: [] });
  ledger.record({ kind: 'left', who: WHO, unpaid: 0 });
  time.now = 5_000;
  ledger.record({ kind: 'refilled', shelf: 'B2-1', count: 6 });
  time.now = 7_000;
  watch.take('t', undefined);
  const journal = parseExport(
    [
      event(1, 'retail.traffic.crossed.v1', { in: 1, out: 1 }),
      event(2, 'retail.alerts.raised.v1'),
      event(3, 'retail.sales.sold.v1'),
      event(4, 'retail.alerts.resolved.v1'),
    ].join('\n'),
  );
  return { time, ledger, watch, alert, journal, tally: { sent: 9, acknowledged: 9 }, settleMs: SETTLE_MS };
}

test('a day on which everything was seen has no faults', () => {
  const day = goodDay();
  expect(judgeStore({ ...day, alerts: day.watch.alerts })).toEqual([]);
  expect(day.watch.alerts).toMatchObject([{ subject: 'B2-1', delay: 2.1, ended: 7_000 }]);
});

test('each thing that does not match is named', () => {
  const day = goodDay();
  const journal = day.journal.filter(({ type }) => !type.includes('sold') && !type.includes('crossed'));
  const faults = judgeStore({ ...day, alerts: day.watch.alerts, journal, tally: { sent: 9, acknowledged: 8 } });
  expect(faults).toEqual([
    'readings acknowledged: 8, but 9 expected',
    'journaled sales: 0, but 1 expected',
    'shoppers counted at the door: 0, but 1 expected',
  ]);
});

test('a gap that no alert named is missed, a short one is not', () => {
  const { ledger, time } = goodDay();
  expect(missedGaps({ ledger, alerts: [], settleMs: SETTLE_MS })).toBe(1);
  ledger.record({ kind: 'picked', who: WHO, shelf: 'A1-1', count: 1 });
  time.now += 2_500;
  ledger.record({ kind: 'put-back', shelf: 'A1-1', count: 1 });
  expect(missedGaps({ ledger, alerts: [], settleMs: SETTLE_MS })).toBe(1);
});

test('an alert without a gap, and no alert at all, are faults', () => {
  const day = goodDay();
  day.watch.take('u', { ...day.alert, id: 'b'.repeat(26), subject: 'C1-1' });
  expect(judgeStore({ ...day, alerts: day.watch.alerts })).toContain('alerts without a gap: 1, but 0 expected');
  const none = judgeStore({ ...day, alerts: [] });
  expect(none).toContain('no alert was raised');
});

test('head office must hold exactly the journal; what came after the export is no stranger', () => {
  const { journal } = goodDay();
  const all = new Map(journal.map(({ id }) => [id, true]));
  expect(judgeHeadOffice(journal, new Map([...all, ['s/i/0000000000000005', true]]), [])).toEqual([]);
  const lacking = new Map([...all].slice(1));
  expect(judgeHeadOffice(journal, lacking, [])).toEqual([
    'head office lacks 1 events, the first is s/i/0000000000000001',
  ]);
  expect(judgeHeadOffice(journal, all, ['s/i/0000000000000002'])).toHaveLength(1);
  expect(judgeHeadOffice(journal, new Map([...all, ['s/x/0000000000000003', true]]), [])).toHaveLength(1);
});

test('a reminder is not a second alert', () => {
  const { watch, alert } = goodDay();
  expect(watch.take('u', { ...alert, id: 'c'.repeat(26) })?.news).toBe('raised');
  expect(watch.take('u', { ...alert, id: 'c'.repeat(26), state: 'acknowledged' })).toBeUndefined();
  expect(watch.take('u', { ...alert, id: 'c'.repeat(26) })?.news).toBe('reopened');
  expect(watch.alerts).toHaveLength(2);
});
