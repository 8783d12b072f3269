import { describe, expect, it } from 'vitest';
import { HubJson } from './hub-json.ts';
import { maskedCopy } from './masking.ts';
import { maskName, namesIn } from './without-name.ts';

const ANNA = 'anna-4410';
const SPACED = 'Müller & "Co"';

function masked(text: string): string {
  return Buffer.from(maskedCopy(Buffer.from(text))).toString();
}

describe('a pseudonym in other fields', () => {
  it('is found as it is said, in other cases, and percent-encoded', () => {
    expect(maskName(`a ${ANNA} b ${ANNA.toUpperCase()}`, ANNA)).toBe('a *** b ***');
    expect(maskName(`t-${encodeURIComponent(SPACED)}-1`, SPACED)).toBe('t-***-1');
    expect(maskName('a.b.c.d aXbXcXd', 'a.b.c.d')).toBe('*** aXbXcXd');
  });

  it('is left where it is so short that it may be part of anything', () => {
    expect(maskName('till-1/12345', '12345')).toBe('till-1/12345');
    expect([namesIn('till-12345', '12345'), namesIn('till-123456', '123456')]).toEqual([false, true]);
  });
});

describe('a refused sale', () => {
  it.each([
    ['whole', JSON.stringify({ shopper: ANNA, id: `r-${ANNA}`, [ANNA]: 1, lines: [{ lot: ANNA }] })],
    [
      'an array',
      JSON.stringify([
        { shopper: ANNA, id: ANNA },
        { shopper: 'bob-9102-x', id: 'bob-9102-x' },
      ]),
    ],
    ['nested', JSON.stringify({ sale: { customer: { Shopper: ANNA } }, id: `${ANNA}-1` })],
    ['broken', `{"shopper":"${ANNA}","id":"r-${ANNA}","lines":[`],
    ['broken, with single quotes', `{'shopper':'${ANNA}','id':'r-${ANNA}'`],
    ['broken, without quotes', `shopper=${ANNA}, id=${ANNA}`],
  ])('that is %s keeps its shopper nowhere', (_, text) => {
    expect(masked(text)).not.toContain(ANNA);
    expect(masked(text)).not.toContain('bob-9102');
    expect(masked(text)).toContain('id');
  });

  it.each(['"', ''])('keeps no name that is not ASCII, whole or broken', (end) => {
    const text = JSON.stringify({ id: `r-${SPACED}`, note: encodeURIComponent(SPACED), shopper: SPACED });
    const bytes = masked(end === '' ? text.slice(0, -1) : text);
    expect(bytes).not.toContain('ller');
    expect(bytes).toContain('"id":"r-***"');
  });

  it('stays as it was where the name is in its own field only', () => {
    expect(masked(`{ "shopper": "${ANNA}",  "total": 1.50 }`)).toBe('{ "shopper": "***",  "total": 1.50 }');
  });

  it('of many shoppers takes no long time', () => {
    const sales = Array.from({ length: 1000 }, (_, index) => ({
      shopper: `shopper-${index}`,
      id: `r-shopper-${index}`,
      note: 'x'.repeat(900),
    }));
    const started = performance.now();
    expect(masked(JSON.stringify(sales))).not.toContain('shopper-999');
    expect(masked(JSON.stringify(sales).slice(0, -1)).length).toBeGreaterThan(900_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

it('no unknown field is counted by the name of a person', () => {
  const codec = new HubJson({ facing: () => undefined, dayAt: () => '2026-11-20', conceal: (text) => text });
  for (const reading of [
    { zone: 'dairy', shopper: ANNA, present: true, [ANNA]: 1, zonee: 1 },
    [{ zone: 'dairy', shopper: 'bob-9102-x', present: true, 'x-BOB-9102-X': 1 }],
  ])
    expect(codec.decode('presence', 'camera-1', Buffer.from(JSON.stringify(reading)), 0).ok).toBe(true);
  expect([...codec.counters.unknownFields.keys()].sort()).toEqual(['presence.***', 'presence.x-***', 'presence.zonee']);
});

it('the identity of a sale that tells who bought cannot be found by trying', () => {
  const codec = new HubJson({ facing: () => undefined, dayAt: () => '2026-11-20', conceal: () => 'concealed' });
  const line = { gtin: '4006381333931', quantity: 1, price: { amount: 199, currency: 'EUR' } };
  const identityOf = (fields: object) => {
    const sale = { till: 'till-1', transaction: '1', business_day: '2026-11-20', lines: [line], ...fields };
    const decoded = codec.decode('sale', 'till-1', Buffer.from(JSON.stringify(sale)), 0);
    return decoded.ok ? decoded.readings[0]?.identity : undefined;
  };
  expect(identityOf({ transaction: `t-${ANNA}`, shopper: ANNA })).toBe('named concealed');
  expect(identityOf({ id: ANNA.toUpperCase(), shopper: ANNA })).toBe('named concealed');
  expect(identityOf({ id: 'r-1', shopper: ANNA })).toBe('id sale 6 till-1r-1');
});

it('a payment card is nobody’s pseudonym: who is named by one is refused, and a sale is kept without it', () => {
  const codec = new HubJson({ facing: () => undefined, dayAt: () => '2026-11-20', conceal: (text) => text });
  const card = '4111111111111111';
  const decode = (kind: 'presence' | 'consent' | 'sale', body: object) =>
    codec.decode(kind, 'gate', Buffer.from(JSON.stringify(body)), 0);
  const refused = { ok: false, pointers: ['/shopper'], bytes: null };
  expect(decode('presence', { shopper: card, zone: 'dairy', present: true })).toMatchObject(refused);
  expect(decode('consent', { shopper: card, granted: true, scope: 'offers' })).toMatchObject(refused);
  const line = { gtin: '4006381333931', quantity: 1, price: { amount: 199, currency: 'EUR' } };
  const sold = decode('sale', { till: 'till-1', transaction: '1', lines: [line], shopper: card });
  expect(sold.ok && sold.readings[0]).not.toHaveProperty('shopper');
});
