/** Seeded mutation of readings, for the tests of the decoder: the same seed gives the same payloads on every machine. */

/** Mulberry32: small, fast, good enough to choose mutations. Returns 0..1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const line = {
  gtin: '09521234543213',
  quantity: 2,
  price: { amount: 199, currency: 'EUR' },
};

export const VALID = {
  sale: [
    { id: 'T1-1', time: '2026-11-20T09:15:00+01:00', till: 'till-1', transaction: '000123', lines: [line] },
    {
      till: 'till-1',
      transaction: '000124',
      business_day: '2026-11-20',
      lines: [line, { ...line, quantity: '0.345', uom: 'KGM', kind: 'return', discount: 5 }],
      total: { amount: 398, currency: 'EUR' },
      shopper: 'p-77',
      offer: 'soda-10',
    },
    {
      time: 1_795_162_500_000,
      till: 'Kasse "3"',
      transaction: 'é\u0001/1',
      lines: [{ ...line, discount: { amount: 5, currency: 'EUR' }, lot: 'L1', expiry: '2027-01-31' }],
      original: { till: 'till-1', transaction: '1', business_day: '2026-11-19' },
      total: -20,
      training: false,
    },
  ],
  shelf: [
    { shelf: 'A1-3', count: 5 },
    { id: 's', shelf: 'A1-3', weight_g: 5000.5, time: '2026-11-20T09:15:00Z' },
    { shelf: 'X', gtin: '96385074', count: 0 },
    { shelf: 'A1-3', fill: 0.5 },
  ],
  traffic: [
    { line: 'door', in: 3, out: 1 },
    { line: 'door', total_in: 300, total_out: 290 },
    { zone: 'beverages', occupancy: 4 },
  ],
  presence: [{ zone: 'beverages', shopper: 'p-77', present: true }],
  consent: [{ shopper: 'p-77', granted: true, scope: 'offers' }],
  climate: [{ unit: 'fridge-2', celsius: 4.2, humidity: 40, door_open: false }],
  rfid: [{ epc: '3034257BF7194E4000001A85', antenna: 1, rssi_dbm: -60.5, count: 3 }],
  status: [{ online: true, battery_percent: 80, text: 'ok', antennas: { '1': true, '2': false } }],
  observation: [
    { zone: 'tills', label: 'queue', count: 4, confidence: 0.83 },
    { id: 'o-1', shelf: 'A1-3', label: 'shelf_empty', present: false },
  ],
  scan: [
    { code: '4006381333931', symbology: 'ean-13', gtin: '4006381333931' },
    {
      code: '(01)09521234543213(17)100101(10)123ABC(21)1234567890',
      gtin: '09521234543213',
      lot: '123ABC',
      expiry: '2010-01-01',
      serial: '1234567890',
      shelf: 'A1-3',
    },
    { id: 'p', code: '(00)106141412345678908', sscc: '106141412345678908', zone: 'back-room' },
  ],
} as const;

const ODD_VALUES: readonly unknown[] = [
  null,
  '',
  0,
  -1,
  1.5,
  -0,
  1e308,
  9_007_199_254_740_992,
  true,
  [],
  {},
  'x'.repeat(200),
  '2026-02-30',
  '2026-11-20T25:00:00Z',
  '2026-11-20T09:15:00.5-05:30',
  '2026-11-20T09:15:00.123456Z',
  '2026-11-20T09:15Z',
  '2026-02-30T09:15:00Z',
  '12',
  '-3.50',
  'EUR',
  'eur',
  'void',
  '\ud800',
  '"\\\u2028',
  '4006381333931',
  '4006381333932',
  { amount: 1, currency: 'EUR' },
  { amount: 1.5, currency: 'EUR' },
  { amount: 1, currency: 'EUR', more: 1 },
  [[[[1]]]],
];

const ODD_KEYS = ['__proto__', 'constructor', 'toString', 'extra', 'shopper', 'id', 'time', 'kind', 'training', ''];

/** A copy of a reading with one to three changes somewhere in it. */
export function mutated(reading: unknown, random: () => number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const copy = JSON.parse(JSON.stringify(reading)) as unknown;
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i += 1) {
    let at = copy as Record<string, unknown>;
    for (let depth = 0; depth < 3; depth += 1) {
      const inner = Object.values(at).filter((value) => typeof value === 'object' && value !== null);
      if (inner.length === 0 || random() < 0.4) break;
      at = pick(inner) as Record<string, unknown>;
    }
    const keys = Object.keys(at);
    const key = keys.length > 0 && random() < 0.8 ? pick(keys) : pick(ODD_KEYS);
    if (random() < 0.2) delete at[key];
    else
      Object.defineProperty(at, key, {
        value: structuredClone(pick(ODD_VALUES)),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return copy;
}

/** A few bytes changed, removed or repeated. */
export function damaged(payload: Uint8Array, random: () => number): Buffer {
  let bytes = Buffer.from(payload);
  const changes = 1 + Math.floor(random() * 4);
  for (let i = 0; i < changes; i += 1) {
    const at = Math.floor(random() * bytes.length);
    const kind = random();
    if (kind < 0.5) bytes[at] = Math.floor(random() * 256);
    else if (kind < 0.8) bytes = bytes.subarray(0, at);
    else bytes = Buffer.concat([bytes, bytes.subarray(at)]);
    if (bytes.length === 0) break;
  }
  return bytes;
}
