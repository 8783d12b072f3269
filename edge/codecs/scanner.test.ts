import { describe, expect, it } from 'vitest';
import { scanBytes } from '../../device-sims/devices/serial/scanner-bytes.ts';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { LineParser, NotUnderstood, Understood } from '../contracts/formats.ts';
import { checkDigit } from '../contracts/gtin.ts';
import { readingSchemas } from '../contracts/readings.ts';
import { dateOf, elementsOf } from './gs1-elements.ts';
import { maskedCopy } from './masking.ts';
import { scanner } from './scanner.ts';

const DEVICE: DeviceConfig = { name: 'scanner-1', codec: 'scanner', calibration: { celsius: 0, weight: 1 } };
const NOW = Date.parse('2026-11-20T09:00:00Z');
const GS = '\u001d';

function scanned(text: string, device: DeviceConfig = DEVICE): unknown {
  const answer = scanner.open(device).decode({ bytes: Buffer.from(text), received: NOW }) as Understood | NotUnderstood;
  if (!answer.ok) return answer.reason;
  const [said] = answer.said;
  expect(answer.said).toHaveLength(1);
  expect(said?.kind).toBe('scan');
  const checked = readingSchemas.scan.safeParse(said?.reading);
  expect(checked.error?.issues).toBeUndefined();
  return said?.reading;
}

describe('a scan', () => {
  it.each([
    [`]d2${GS}0109521234543213`, 'gs1-datamatrix'],
    [']e00109521234543213', 'gs1-databar'],
    [`]C1${GS}0109521234543213${GS}`, 'gs1-128'],
    [']Q30109521234543213', 'gs1-qr'],
    [']J10109521234543213', 'gs1-dotcode'],
    ['0109521234543213', undefined],
    ['(01)09521234543213', undefined],
  ])('%j is the product', (text, symbology) => {
    expect(scanned(text)).toEqual({
      code: '(01)09521234543213',
      gtin: '09521234543213',
      ...(symbology !== undefined && { symbology }),
    });
  });

  it.each([
    [']E04006381333931', { code: '4006381333931', symbology: 'ean-13', gtin: '04006381333931' }],
    [']E0036000291452', { code: '036000291452', symbology: 'ean-13', gtin: '00036000291452' }],
    [']E496385074', { code: '96385074', symbology: 'ean-8', gtin: '00000096385074' }],
    [']I130614141000419', { code: '30614141000419', symbology: 'itf-14', gtin: '30614141000419' }],
    [']E3400638133393112', { code: '4006381333931', symbology: 'ean-add-on', gtin: '04006381333931' }],
    ['4006381333931', { code: '4006381333931', gtin: '04006381333931' }],
    ['96385074', { code: '96385074', gtin: '00000096385074' }],
    [']A0SHELF-7', { code: 'SHELF-7', symbology: 'code-39' }],
    [']X5abc', { code: 'abc', symbology: ']X5' }],
  ])('%j is %j', (text, reading) => {
    expect(scanned(text)).toEqual(reading);
  });

  it.each(['0212345012340', '2012345012349', '2912345012340', '20123451', '0412345012348'])(
    'of %s is a number of the shop itself, with no GTIN',
    (digits) => {
      const code = digits.slice(0, -1) + checkDigit(digits.slice(0, -1));
      expect(scanned(`]E0${code}`)).toEqual({ code, symbology: 'ean-13', internal: true });
    },
  );

  it.each(['0512345012347', '9812345012346', '9912345012345'])('of %s is a coupon, with no GTIN', (digits) => {
    const code = digits.slice(0, -1) + checkDigit(digits.slice(0, -1));
    expect(scanned(`]E0${code}`)).toEqual({ code, symbology: 'ean-13' });
  });

  it('of a logistic unit tells its SSCC', () => {
    expect(scanned(']C100106141412345678908')).toEqual({
      code: '(00)106141412345678908',
      symbology: 'gs1-128',
      sscc: '106141412345678908',
    });
    expect(scanned('00106141412345678908')).toMatchObject({ sscc: '106141412345678908' });
  });

  it('of a GS1 Digital Link tells what the link names', () => {
    const link = 'https://id.gs1.org/01/9521234543213/10/A%2FB/21/77?17=261231&utm=x';
    expect(scanned(`]Q1${link}`)).toEqual({
      code: link,
      symbology: 'qr',
      gtin: '09521234543213',
      lot: 'A/B',
      serial: '77',
      expiry: '2026-12-31',
    });
    for (const other of [
      'https://example.com/',
      'http://example.com/01/12',
      'https://x.org/01/09521234543214',
      'https://x/%zz/01',
    ])
      expect(scanned(`]Q1${other}`)).toEqual({ code: other, symbology: 'qr' });
  });

  it.each([
    [']E04006381333932', /wrong check digit, expected 1/],
    [']E496385075', /wrong check digit/],
    ['4006381333932', /wrong check digit/],
    [']E0400638133393', /expected|digits/],
    [']d20109521234543214', /\(01\) ends with the wrong check digit, expected 3/],
    [']C100106141412345678907', /\(00\) ends with the wrong check digit/],
    [']d217260230', /\(17\) holds no date/],
    [']d217261301', /\(17\) holds no date/],
    [']d20109521', /\(01\) has 5 characters, expected 14/],
    [']d209123', /no GS1 application identifier/],
    [`]d210${'A'.repeat(21)}`, /\(10\) has 1 characters too many/],
    [`]d210AB${GS}10CD`, /stands twice/],
    [']d2', /without an element/],
    [']C110Ä', /characters that it may not/],
  ])('%j is refused in words', (text, reason) => {
    expect(scanned(text)).toMatch(reason);
  });

  it('stands where the entry says, and a label of a shelf names the shelf', () => {
    const device = { ...DEVICE, zone: 'back-room', places: { 'SHELF-7': 'A1-3' } };
    expect(scanned('SHELF-7', device)).toEqual({ code: 'SHELF-7', shelf: 'A1-3', zone: 'back-room' });
    expect(scanned('constructor', device)).toEqual({ code: 'constructor', zone: 'back-room' });
  });
});

describe('GS1 elements', () => {
  it.each([
    ['260200', '2026-02-28'],
    ['280200', '2028-02-29'],
    ['260101', '2026-01-01'],
    ['760101', '2076-01-01'],
    ['770101', '1977-01-01'],
    ['990101', '1999-01-01'],
    ['260229', undefined],
    ['260431', undefined],
    ['260001', undefined],
  ])('the date %s is %s in 2026', (text, date) => {
    expect(dateOf(text, 2026)).toBe(date);
  });

  it('years far back belong to the next century', () => {
    expect(dateOf('100101', 1970)).toBe('2010-01-01');
    expect(dateOf('490101', 2099)).toBe('2149-01-01');
    expect(dateOf('500101', 2099)).toBe('2050-01-01');
  });

  it('of every length and character class are read', () => {
    const elements: [string, string][] = [
      ['3103', '001250'],
      ['3925', '1299'],
      ['3932', '9781299'],
      ['421', '27612345'],
      ['4321', '1'],
      ['7003', '2612312359'],
      ['253', '4006381333931A1'],
      ['8003', '04006381333931X'],
      ['8010', 'ABC/12-3'],
      ['8006', '095212345432130102'],
      ['414', '4006381333931'],
      ['99', 'a_b'],
      ['37', '12'],
    ];
    const text = elements.map(([ai, data]) => ai + data).join(GS);
    expect(elementsOf(text, 2026)).toEqual({ ok: true, elements });
  });

  it('whose length is fixed need no separator', () => {
    expect(elementsOf('3103001250110101150201010131150000010123', 2026)).toEqual({
      ok: false,
      reason: expect.any(String),
    });
    expect(elementsOf(`310300125011261231151001001012${GS}37`, 2026)).toMatchObject({ ok: false });
    expect(elementsOf('310300125011261231152612311012', 2026)).toEqual({
      ok: true,
      elements: [
        ['3103', '001250'],
        ['11', '261231'],
        ['15', '261231'],
        ['10', '12'],
      ],
    });
  });
});

describe('the line of a scanner', () => {
  const lineOf = (): LineParser => {
    const line = scanner.line?.(DEVICE);
    if (line === undefined) throw new Error('no line');
    return line;
  };
  const texts = (scans: readonly Uint8Array[]): string[] => scans.map((bytes) => Buffer.from(bytes).toString());

  it.each(['\r', '\n', '\r\n', '\t', '\u0003'])('ends a scan with %j, in whatever portions it comes', (end) => {
    const bytes = Buffer.concat([scanBytes('4006381333931', { aim: 'E0', end }), scanBytes('AB-1', { end })]);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const line = lineOf();
      const found = [...line.push(bytes.subarray(0, cut)), ...line.push(bytes.subarray(cut))];
      expect(texts(found)).toEqual([']E0\t4006381333931', 'AB-1']);
      expect(line.idle?.()).toEqual([]);
      expect(line.skipped).toBe(0);
    }
  });

  it('keeps the identifier apart from the digits, so that a payment card is known as one in bytes that are kept', () => {
    for (const aim of ['E0', 'Q1', 'C0']) {
      const [bytes = new Uint8Array()] = lineOf().push(scanBytes('5555555555554444', { aim, end: '\r' }));
      expect(Buffer.from(maskedCopy(bytes)).toString()).toBe(`]${aim}\t555555******4444`);
      expect(scanned(Buffer.from(bytes).toString())).toEqual(scanned(`]${aim}5555555555554444`));
    }
  });

  it('tells two bursts apart that a busy hub reads at once, but no `]` of a text or of a scanner with ends', () => {
    const line = lineOf();
    const both = Buffer.concat([
      scanBytes('010952123454321321A7', { aim: 'd2' }),
      scanBytes('4006381333931', { aim: 'E0' }),
    ]);
    expect(texts(line.push(both))).toEqual([']d2\t010952123454321321A7']);
    expect(texts(line.idle?.() ?? [])).toEqual([']E0\t4006381333931']);
    line.push(scanBytes('a[1]', { aim: 'Q0' }));
    expect(texts(line.idle?.() ?? [])).toEqual([']Q0\ta[1]']);
    const ending = lineOf();
    ending.push(scanBytes('4006381333931', { aim: 'E0', end: '\r' }));
    expect(texts(ending.push(Buffer.from(']E040063]81333931\r')))).toEqual([']E0\t40063]81333931']);
  });

  it('takes a burst without an end when the line is quiet', () => {
    const line = lineOf();
    expect(line.idleMs).toBe(50);
    expect(line.push(scanBytes('4006381333931'))).toEqual([]);
    expect(texts(line.idle?.() ?? [])).toEqual(['4006381333931']);
  });

  it('waits for the rest of a scan where scans have ends, and gives half of one up for a new beginning', () => {
    const line = lineOf();
    line.push(scanBytes('one', { end: '\r' }));
    expect(line.push(Buffer.from('40063'))).toEqual([]);
    expect(line.idle?.()).toEqual([]);
    expect(texts(line.push(Buffer.from('81333931\r')))).toEqual(['4006381333931']);
    line.push(Buffer.from('40063'));
    line.idle?.();
    expect(texts(line.push(scanBytes('AB-1', { aim: 'A0', end: '\r' })))).toEqual([']A0\tAB-1']);
    expect(line.skipped).toBe(5);
  });

  it('skips what no scanner sends, and texts without end', () => {
    const line = lineOf();
    expect(line.push(Buffer.from([0x80, 0xfe, 0x0d, 0x41, 0x00, 0x42, 0x0d]))).toEqual([]);
    expect(line.skipped).toBe(5);
    for (let i = 0; i < 1000; i += 1) expect(line.push(Buffer.alloc(1000, 0x41))).toEqual([]);
    expect(line.skipped).toBe(1_000_005);
    expect(texts(line.push(Buffer.from('\rnext\r')))).toEqual(['next']);
  });
});
