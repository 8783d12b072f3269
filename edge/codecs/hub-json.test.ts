import { hash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { dataSchemaOf } from '../contracts/events.ts';
import { facingSchema } from '../contracts/planogram.ts';
import { KINDS, type Kind, readingSchemas } from '../contracts/readings.ts';
import { dayInZone } from './business-day.ts';
import { damaged, mutated, seeded, VALID } from './fuzzing.ts';
import { HubJson } from './hub-json.ts';
import { normaliseSale } from './normalise.ts';
import type { Accepted, Refused } from './outcome.ts';
import { plainSale } from './plain-sale.ts';

const RECEIVED = Date.parse('2026-11-20T23:30:00Z'); // 00:30 on the 21st in Berlin

const weighed = facingSchema.parse({
  shelf: 'A1-3',
  zone: 'beverages',
  gtin: '9521234543213',
  name: 'Spring water 1 l',
  capacity: 24,
  minimum: 4,
  unit_weight_g: 1020,
});
const unweighed = { ...weighed, shelf: 'B1', unit_weight_g: undefined };
const context = {
  facing: (shelf: string) => [weighed, unweighed].find((facing) => facing.shelf === shelf),
  dayAt: dayInZone('Europe/Berlin'),
  conceal: (identity: string) => `concealed ${hash('sha256', identity)}`,
};

let codec: HubJson;
beforeEach(() => {
  codec = new HubJson(context);
});

const decode = (kind: Kind, payload: unknown, device = 'dev') =>
  codec.decode(kind, device, Buffer.from(JSON.stringify(payload)), RECEIVED);
const raw = (kind: Kind, text: string | Buffer) => codec.decode(kind, 'dev', Buffer.from(text), RECEIVED);

function accepted(kind: Kind, payload: unknown, device?: string): Accepted {
  const decoded = decode(kind, payload, device);
  if (!decoded.ok) throw new Error(`refused: ${decoded.reason}`);
  return decoded;
}

function refused(kind: Kind, payload: unknown): Refused {
  const decoded = decode(kind, payload);
  if (decoded.ok) throw new Error('accepted');
  return decoded;
}

function only(kind: Kind, payload: unknown) {
  const { readings } = accepted(kind, payload);
  expect(readings).toHaveLength(1);
  const [reading] = readings;
  if (reading === undefined) throw new Error('no reading');
  return { ...reading, data: JSON.parse(reading.body) as Record<string, unknown> };
}

const line = { gtin: '4006381333931', quantity: 1, price: { amount: 199, currency: 'EUR' } };
const sale = { till: 'till-1', transaction: '000123', lines: [line] };

describe('sales', () => {
  test('become the data of the event: defaults filled, GTIN of 14 digits, id as readingId, no time', () => {
    const reading = only('sale', { ...sale, id: 'T1-1', time: '2026-11-20T09:15:00.120+01:00' });
    expect(reading.subject).toBe('till-1/000123');
    expect(reading.time).toBe(Date.parse('2026-11-20T08:15:00.120Z'));
    expect(reading.data).toEqual({
      readingId: 'T1-1',
      till: 'till-1',
      transaction: '000123',
      business_day: '2026-11-20',
      lines: [
        { gtin: '04006381333931', quantity: 1, uom: 'EA', price: { amount: 199, currency: 'EUR' }, kind: 'sale' },
      ],
    });
  });

  test('repeat another by id, else by till, transaction and business day', () => {
    const same = (a: object, b: object) => only('sale', a).identity === only('sale', b).identity;
    expect(same({ ...sale, id: 'a' }, { ...sale, id: 'a', transaction: '2' })).toBe(true);
    expect(same({ ...sale, id: 'a' }, { ...sale, id: 'b' })).toBe(false);
    expect(same(sale, { ...sale, lines: [{ ...line, quantity: 9 }] })).toBe(true);
    expect(same(sale, { ...sale, business_day: '2026-01-01' })).toBe(false);
    expect(same({ ...sale, till: 'a', transaction: 'bc' }, { ...sale, till: 'ab', transaction: 'c' })).toBe(false);
  });

  test('of two devices with the same id are two', () => {
    const [one, two] = ['till-1', 'till-2'].map((device) => accepted('sale', { ...sale, id: '1' }, device).readings[0]);
    expect(one?.identity).not.toBe(two?.identity);
  });

  test('belong to the day at the till: of a local time as written, else in the time zone of the store', () => {
    const day = (fields: object) => only('sale', { ...sale, ...fields }).data.business_day;
    expect(day({ time: '2026-11-20T23:59:00-05:00' })).toBe('2026-11-20');
    expect(day({ time: '2026-11-19T23:30:00Z' })).toBe('2026-11-20');
    expect(day({ time: Date.parse('2026-11-18T23:30:00Z') })).toBe('2026-11-19');
    expect(day({})).toBe('2026-11-21');
    expect(day({ business_day: '2026-11-15' })).toBe('2026-11-15');
  });

  test('name their shopper apart from what is journaled', () => {
    for (const rare of [{}, { lines: [{ ...line, lot: 'L1' }] }]) {
      const reading = only('sale', { ...sale, ...rare, shopper: 'p-77' });
      expect(reading.body).not.toContain('p-77');
      expect(reading.data).not.toHaveProperty('shopper');
      expect(reading.shopper).toBe('p-77');
    }
  });

  test('from training are counted and kept nowhere', () => {
    expect(accepted('sale', { ...sale, training: true })).toEqual({ ok: true, readings: [], counted: 1 });
    expect(only('sale', { ...sale, training: false }).data).not.toHaveProperty('training');
    expect(codec.counters.training).toBe(1);
  });

  test.each([
    ['a wrong check digit', { ...sale, lines: [{ ...line, gtin: '4006381333932' }] }, '/lines/0/gtin', 'check digit'],
    ['a GTIN as a number', { ...sale, lines: [{ ...line, gtin: 4006381333931 }] }, '/lines/0/gtin', 'expected text'],
    [
      'an amount in units',
      { ...sale, lines: [{ ...line, price: { amount: 1.99, currency: 'EUR' } }] },
      '/lines/0/price/amount',
      'whole number',
    ],
    [
      'a currency by sign',
      { ...sale, lines: [{ ...line, price: { amount: 1, currency: '€' } }] },
      '/lines/0/price/currency',
      'ISO 4217',
    ],
    ['no lines', { ...sale, lines: [] }, '/lines', 'must have at least 1 element(s)'],
    ['no till', { ...sale, till: undefined }, '/till', 'missing, expected text'],
    ['a time without offset', { ...sale, time: '2026-11-20T09:15:00' }, '/time', 'ISO 8601 with offset'],
    ['a day that does not exist', { ...sale, time: '2026-02-30T09:15:00Z' }, '/time', 'not a time that exists'],
    ['a quantity in words', { ...sale, lines: [{ ...line, quantity: 'two' }] }, '/lines/0/quantity', 'decimal text'],
    ['no quantity', { ...sale, lines: [{ ...line, quantity: undefined }] }, '/lines/0/quantity', 'missing'],
    ['a business day in words', { ...sale, business_day: 'today' }, '/business_day', 'YYYY-MM-DD'],
    ['a field of null', { ...sale, shopper: null }, '/shopper', 'expected text'],
    ['an array within the array', [[sale]], '/0', 'expected an object'],
  ])('with %s are refused, saying where and what was expected', (_, payload, pointer, words) => {
    const { reason, pointers } = refused('sale', payload);
    expect(pointers).toEqual([pointer]);
    expect(reason).toContain(pointer);
    expect(reason).toContain(words);
  });
});

describe('shelf readings', () => {
  test('get their GTIN from the planogram', () => {
    expect(only('shelf', { shelf: 'A1-3', count: 5 })).toMatchObject({
      subject: 'A1-3',
      identity: undefined,
      time: undefined,
      data: { shelf: 'A1-3', gtin: '09521234543213', count: 5 },
    });
    expect(only('shelf', { shelf: 'elsewhere', gtin: '96385074', count: 1 }).data.gtin).toBe('00000096385074');
  });

  test.each([
    [{ shelf: 'elsewhere', count: 5 }, '/gtin', 'not in the planogram'],
    [{ shelf: 'elsewhere', gtin: '96385074', fill: 0.5 }, '/fill', 'capacity'],
    [{ shelf: 'elsewhere', gtin: '96385074', weight_g: 5 }, '/weight_g', 'not in the planogram'],
    [{ shelf: 'B1', weight_g: 5000 }, '/weight_g', 'unit_weight_g'],
    [{ shelf: 'A1-3' }, '', 'exactly one of count, weight_g, fill'],
    [{ shelf: 'A1-3', count: 1, fill: 0.1 }, '', 'exactly one of count, weight_g, fill'],
    [{ shelf: 'A1-3', fill: 50 }, '/fill', 'must be at most 1'],
    [{ shelf: 'A1-3', count: '5' }, '/count', 'expected a number, got text'],
    [{ shelf: 'A1-3', count: -1 }, '/count', 'must be at least 0'],
  ])('such as %j are refused', (payload, pointer, words) => {
    const { reason, pointers } = refused('shelf', payload);
    expect(pointers).toEqual([pointer]);
    expect(reason).toContain(words);
  });
});

describe('the other kinds', () => {
  test('traffic is about its line or its zone', () => {
    expect(only('traffic', { id: 'x', line: 'door', in: 3, out: 1 })).toMatchObject({
      subject: 'door',
      data: { readingId: 'x', line: 'door', in: 3, out: 1 },
    });
    expect(only('traffic', { zone: 'beverages', occupancy: 4 })).toMatchObject({
      subject: 'beverages',
      data: { zone: 'beverages', occupancy: 4 },
    });
    expect(refused('traffic', { line: 'door', zone: 'beverages', in: 1 }).reason).toContain('expected either');
  });

  test('climate has the air as its default probe', () => {
    const reading = only('climate', { unit: 'fridge-2', celsius: 4.2 });
    expect(reading).toMatchObject({ subject: 'fridge-2', data: { unit: 'fridge-2', celsius: 4.2, probe: 'air' } });
    expect(refused('climate', { unit: 'fridge-2', celsius: '4,2' }).pointers).toEqual(['/celsius']);
  });

  test('climate may tell of a door alone, but not of nothing', () => {
    const reading = only('climate', { unit: 'fridge-2', door_open: true });
    expect(reading.data).toEqual({ unit: 'fridge-2', probe: 'air', door_open: true });
    expect(dataSchemaOf('retail.climate.measured.v1').safeParse(reading.data).success).toBe(true);
    expect(refused('climate', { unit: 'fridge-2', humidity: 40 }).pointers).toEqual(['/celsius']);
  });

  test('totals may say where they begin again at 0, counts may not', () => {
    const total = { line: 'door', total_in: 3, wraps_at: 65_536 };
    expect(only('traffic', total).data).toEqual(total);
    expect(refused('traffic', { line: 'door', in: 3, out: 1, wraps_at: 65_536 }).reason).toContain('expected either');
    expect(refused('traffic', { ...total, wraps_at: 1 }).pointers).toEqual(['/wraps_at']);
  });

  test('status is about the device', () => {
    expect(only('status', { online: true })).toMatchObject({ subject: 'dev', data: { online: true } });
    expect(refused('status', { online: 'yes' }).reason).toContain('true or false');
  });

  test('sightings of tags are counted per reader, and none of them is kept', () => {
    const epc = '3034257BF7194E4000001A85';
    expect(accepted('rfid', [{ epc }, { epc }])).toEqual({ ok: true, readings: [], counted: 2 });
    expect(codec.counters.rfid.get('dev')).toBe(2);
  });

  test('presence and consent name their shopper apart, and nowhere else', () => {
    const here = { zone: 'beverages', shopper: 'p-7788', present: true };
    expect(only('presence', { ...here, id: 'enter-1' })).toMatchObject({
      shopper: 'p-7788',
      subject: '',
      data: { readingId: 'enter-1', zone: 'beverages', present: true },
    });
    const telling = only('presence', { ...here, id: 'p-7788/enter-1' });
    expect(telling.body).toBe('{"zone":"beverages","present":true}');
    expect(telling.identity).toMatch(/^shopper concealed/);
    expect(telling.identity).not.toBe(only('presence', { ...here, id: 'p-7788/enter-2' }).identity);
    expect(telling.identity).not.toBe(only('presence', { ...here, shopper: 'p-77', id: 'p-7788/enter-1' }).identity);
    const consent = only('consent', { shopper: 'p-7788', granted: true, scope: 'offers' });
    expect(consent).toMatchObject({ shopper: 'p-7788', data: { granted: true, scope: 'offers' } });
    expect(codec.counters).toMatchObject({ presence: 4, consent: 1 });
  });

  test('every valid reading gives data that the schema of its event takes', () => {
    const types = { sale: 'retail.sales.sold.v1', climate: 'retail.climate.measured.v1' } as const;
    for (const [kind, type] of Object.entries(types)) {
      for (const reading of VALID[kind as 'sale' | 'climate']) {
        const { data } = only(kind as Kind, reading);
        expect(dataSchemaOf(type).parse(data)).toEqual(data);
      }
    }
    for (const kind of KINDS) for (const reading of VALID[kind]) expect(accepted(kind, reading).ok).toBe(true);
  });
});

describe('payloads', () => {
  test.each([
    ['nothing', Buffer.alloc(0), 'empty payload'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not valid UTF-8'],
    ['no JSON', Buffer.from('{"till": 12'), 'not valid JSON'],
    ['an empty array', Buffer.from('[]'), 'expected 1 to 1000'],
    ['1001 readings', Buffer.from(JSON.stringify(Array(1001).fill(sale))), 'expected 1 to 1000'],
    ['a million brackets', Buffer.from('['.repeat(500_000) + ']'.repeat(500_000)), 'nested deeper'],
    ['a million open brackets', Buffer.from('['.repeat(1_000_000)), 'nested deeper'],
    ['deep objects', Buffer.from(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), 'nested deeper'],
    ['a number', Buffer.from('12'), 'expected an object, got a number'],
    ['null', Buffer.from('null'), 'expected an object'],
  ])('of %s are refused', (_, payload, words) => {
    const decoded = raw('sale', payload);
    expect(decoded).toMatchObject({ ok: false });
    expect(!decoded.ok && decoded.reason).toContain(words);
  });

  test('with a byte order mark are taken', () => {
    expect(raw('sale', `\ufeff${JSON.stringify(sale)}`).ok).toBe(true);
  });

  test('are taken or refused as a whole, every bad place named, at most 20', () => {
    expect(accepted('sale', Array(1000).fill(sale)).readings).toHaveLength(1000);
    const two = refused('sale', [sale, { ...sale, till: 1 }, { ...sale, lines: [{ ...line, gtin: '1' }] }]);
    expect(two.pointers).toEqual(['/1/till', '/2/lines/0/gtin']);
    expect(two.reason).toMatch(/^\/1\/till: .* \(also \/2\/lines\/0\/gtin\)$/);
    const many = refused('sale', Array(50).fill({}));
    expect(many.pointers).toHaveLength(20);
    const [, second, third, fourth] = many.pointers;
    expect(many.reason.endsWith(` (also ${second}, ${third}, ${fourth} and more)`)).toBe(true);
  });

  test('hold at most 256 KiB an event', () => {
    const long = { ...sale, lines: Array(1000).fill({ ...line, lot: 'é'.repeat(40), epc: 'é'.repeat(160) }) };
    expect(refused('sale', [sale, long])).toMatchObject({ pointers: ['/1'] });
  });

  test('may hold unknown fields, which are dropped and counted by name, at any depth and whatever their name', () => {
    const text = `{"till":"t","transaction":"1","__proto__":{"till":1},"Zo\\u0000e":1,"lines":[{"gtin":"4006381333931","quantity":1,"price":{"amount":1,"currency":"EUR","vat":7}}]}`;
    const decoded = raw('sale', text);
    expect(decoded.ok && decoded.readings[0]?.body).not.toMatch(/vat|proto|Zo/);
    expect(Object.fromEntries(codec.counters.unknownFields)).toEqual({
      'sale.__proto__': 1,
      'sale.Zo?e': 1,
      'sale.lines.price.vat': 1,
    });
  });

  test('cannot make the list of unknown names grow without end', () => {
    for (let i = 0; i < 400; i += 1) accepted('status', { online: true, [`field-${i}`]: 1 });
    expect(codec.counters.unknownFields.size).toBeLessThanOrEqual(257);
    expect(codec.counters.unknownFields.get('(others)')).toBe(144);
  });

  test('may tell of antennas by number, which are no unknown fields; other names and too many are refused', () => {
    const body = accepted('status', { online: true, antennas: { 3: false, 12: true } }).readings[0]?.body;
    expect(JSON.parse(body ?? '')).toEqual({ online: true, antennas: { 3: false, 12: true } });
    expect(codec.counters.unknownFields.size).toBe(0);
    expect(refused('status', { online: true, antennas: { left: true } }).ok).toBe(false);
    const many = Object.fromEntries(Array.from({ length: 129 }, (_, port) => [port, true]));
    expect(refused('status', { online: true, antennas: many }).reason).toContain('at most 128 antennas');
  });

  test('that are refused never tell what a broken text held', () => {
    const decoded = raw('presence', '{"zone": "z", "shopper": "p-77", "present": tru');
    expect(decoded).toMatchObject({ ok: false, bytes: null });
    expect(JSON.stringify(decoded)).not.toContain('p-77');
  });
});

describe('fuzzed payloads', () => {
  test('10,000 of them are each accepted, or refused with a reason', () => {
    const random = seeded(20_261_120);
    const tally = { accepted: 0, refused: 0 };
    for (let i = 0; i < 10_000; i += 1) {
      const kind = KINDS[i % KINDS.length] ?? 'sale';
      const readings: readonly unknown[] = VALID[kind];
      const valid = readings[Math.floor(random() * readings.length)];
      const how = random();
      const some = Buffer.from(
        JSON.stringify(random() < 0.2 ? [valid, mutated(valid, random)] : mutated(valid, random)),
      );
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(random() * 100) }, () => Math.floor(random() * 256)),
      );
      const payload = how < 0.6 ? some : how < 0.9 ? damaged(some, random) : noise;
      const decoded = codec.decode(kind, 'dev', payload, RECEIVED);
      if (decoded.ok) {
        tally.accepted += 1;
        for (const { body } of decoded.readings) expect(typeof JSON.parse(body)).toBe('object');
      } else {
        tally.refused += 1;
        expect(decoded.reason.length).toBeGreaterThan(10);
        expect(decoded.reason.length).toBeLessThan(500);
        expect(decoded.pointers.length).toBeLessThanOrEqual(20);
      }
    }
    expect(tally.accepted).toBeGreaterThan(500);
    expect(tally.refused).toBeGreaterThan(2_000);
  });

  test('20,000 sales that the fast reader takes are the same to the schema, byte for byte', () => {
    const random = seeded(7);
    let taken = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const valid = VALID.sale[i % VALID.sale.length];
      const value = JSON.parse(JSON.stringify(random() < 0.1 ? valid : mutated(valid, random))) as unknown;
      const arrival = () => ({
        kind: 'sale' as const,
        device: 'd',
        received: RECEIVED,
        context,
        training: 0,
        masked: 0,
      });
      const [fast, slow] = [arrival(), arrival()];
      const plain = plainSale(value, fast);
      if (plain === undefined) continue;
      taken += 1;
      const checked = readingSchemas.sale.safeParse(value);
      expect(checked.success && normaliseSale(checked.data, slow, value), JSON.stringify(value)).toEqual(plain);
      expect(fast).toEqual(slow);
    }
    expect(taken).toBeGreaterThan(2_000);
  });
});
