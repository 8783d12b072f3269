import { describe, expect, it } from 'vitest';
import { HubJson } from '../codecs/hub-json.ts';
import { moved, namesMore, type SaleData } from './receipt-lines.ts';
import { receiptKey, redemption } from './redemption.ts';
import { offersWith, viewsWith } from './views.fixture.ts';

const DECODER = new HubJson({ facing: () => undefined, dayAt: () => '2026-11-20', conceal: (text) => text });
const LINE = { gtin: '09521234543213', quantity: 1, price: { amount: 129, currency: 'EUR' } };
const NAMING = [
  {},
  { offer: 'offer' },
  { coupon: '7K2M-QX9D-3HTA' },
  { original: { till: 'till-2', transaction: '7', business_day: '2026-11-19' } },
  { offer: '', coupon: '' },
];

/** As it is journaled. */
function journaled(sale: object): string {
  const decoded = DECODER.decode('sale', 'till-1', Buffer.from(JSON.stringify(sale)), 0);
  const [reading] = decoded.ok ? decoded.readings : [];
  if (!reading) throw new Error(JSON.stringify(decoded));
  return reading.body;
}

describe('a glance at a sale', () => {
  it('tells which names an offer, a coupon or an original, whatever else is in it', () => {
    const total = { amount: 129, currency: 'EUR' };
    const lines = [
      [LINE],
      [LINE, { ...LINE, kind: 'return' }],
      [{ ...LINE, lot: '"}],"offer":', expiry: '2027-01-01' }],
    ];
    for (const named of NAMING) {
      for (const more of [{}, { total }, { total: 129 }, { id: '"}],"offer":' }, { time: '2026-11-20T09:00:00Z' }]) {
        for (const some of lines) {
          const sale = { till: 'till-1', transaction: '"}],"coupon":', lines: some, ...named, ...more };
          const body = journaled(sale);
          const isNaming = Object.keys(named).length > 0;
          expect(namesMore(body), body).toBe(isNaming);
          expect(namesMore(`${body.slice(0, -1)},"shopper":"${'0'.repeat(26)}"}`), body).toBe(isNaming);
        }
      }
    }
  });

  it('looks closer where a receipt redeemed something of late', () => {
    const plain = journaled({ till: 'till-1', transaction: '1', lines: [LINE] });
    const offers = offersWith({ expects: (sale) => sale === 'till-1/1' });
    expect(redemption.glance?.('retail.sales.sold.v1', plain, 'till-1/1', offers)).toBe(true);
    expect(redemption.glance?.('retail.sales.sold.v1', plain, 'till-1/2', offers)).toBe(false);
  });

  it('costs next to nothing of an ordinary sale', () => {
    const sales = [[LINE], [LINE, LINE, LINE, LINE]].flatMap((lines) => [
      journaled({ till: 'till-1', transaction: '1', lines }),
      journaled({ till: 'till-1', transaction: '1', lines, total: 129 }),
    ]);
    const offers = offersWith();
    let looked = 0;
    const started = performance.now();
    for (let i = 0; i < 1_000_000; i += 1) {
      if (redemption.glance?.('retail.sales.sold.v1', sales[i % 4] ?? '', 'till-1/1', offers)) looked += 1;
    }
    expect(looked).toBe(0);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('a receipt', () => {
  const receipt = { till: 'till-1', transaction: '1', business_day: '2026-11-20' };
  const [A, B] = ['09521234543213', '04012345678901'];
  const lines = (...all: [string, number | string, ('sale' | 'return' | 'void')?][]): SaleData['lines'] =>
    all.map(([gtin, quantity, kind = 'sale']) => ({ gtin, quantity, kind }));
  const original = { ...receipt, transaction: '0' };

  it('has sold what it did not void or take back, and taken back what it says, with or without a sign', () => {
    expect(moved({ ...receipt, lines: lines([A, 2], [B, '0.345'], [A, 1, 'void']) })).toEqual({
      bought: { [A]: 1, [B]: 0.345 },
      returned: { [A]: 0 },
    });
    for (const line of [[A, 1, 'return'] as const, [A, -1, 'return'] as const, [A, -1] as const]) {
      const swap = moved({ ...receipt, original, lines: lines([...line], [A, 2], [B, 1]) });
      expect(swap).toEqual({ bought: { [A]: 2, [B]: 1 }, returned: { [A]: 1 } });
      expect(moved({ ...receipt, lines: lines([...line], [A, 2]) })).toMatchObject({ bought: { [A]: 1 } });
    }
    expect(moved({ ...receipt, original, lines: lines([A, 2, 'void']) })).toEqual({
      bought: { [A]: 0 },
      returned: { [A]: 2 },
    });
  });

  it('is another one with a slash elsewhere', () => {
    expect(receiptKey({ ...receipt, till: 'a/b', transaction: 'c' })).not.toBe(
      receiptKey({ ...receipt, till: 'a', transaction: 'b/c' }),
    );
  });
});

it('an ordinary sale concerns no receipt', () => {
  const data = JSON.parse(journaled({ till: 'till-1', transaction: '1', lines: [LINE] })) as Record<string, unknown>;
  const event = { id: 'e', type: 'retail.sales.sold.v1', source: 'till-1', subject: 'till-1/1', history: false, data };
  expect(redemption.keyOf({ ...event, type: 'retail.sales.sold.v1' }, viewsWith())).toEqual([]);
});
