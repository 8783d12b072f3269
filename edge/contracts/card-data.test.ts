import { describe, expect, test } from 'vitest';
import { holdsCardData, maskCardData, maskCardDataIn, maskCardDataInRaw } from './card-data.ts';
import { isCardNumber } from './card-number.ts';
import { checkDigit } from './gtin.ts';

/** The schemes' own test numbers. */
const CARDS = {
  Visa: '4111111111111111',
  'Visa of 19 digits': '4000000000000000006',
  Mastercard: '5555555555554444',
  'Mastercard of the 2 series': '2223000048400011',
  'American Express': '378282246310005',
  'Diners Club': '30569309025904',
  JCB: '3530111333300000',
  Discover: '6011111111111117',
  UnionPay: '6240008631401148',
  Maestro: '6759649826438453',
  Mir: '2200000000000004',
};

describe('card numbers', () => {
  test.each(Object.entries(CARDS))('of %s keep the first 6 and the last 4 digits', (_, number) => {
    expect(isCardNumber(number)).toBe(true);
    const masked = maskCardData(`paid with ${number}, thanks`);
    expect(masked).toBe(`paid with ${number.slice(0, 6)}${'*'.repeat(number.length - 10)}${number.slice(-4)}, thanks`);
    expect(maskCardData(masked)).toBe(masked);
  });

  test.each([
    '4111 1111 1111 1111',
    '4111-1111-1111-1111',
    '4111.1111.1111.1111',
    '4111_1111_1111_1111',
    '4111\u00a01111\u00a01111\u00a01111',
    '3782 822463 10005',
    '41111 11111 111111',
    '4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1',
    'T4111111111111111',
    '4111111111111111EUR',
    '4111111111111111 1226 123',
    '4111 1111 1111 1111 12/26',
    'x 12 4111 1111 1111 1111',
    'pan=4111111111111111&x=1',
  ])('are found as %s', (text) => {
    expect(holdsCardData(text)).toBe(true);
    expect(maskCardData(text).replaceAll(/\D/g, '')).not.toMatch(/4111111111111111|378282246310005/);
  });

  test('are found each, where many stand together', () => {
    const many = Array.from({ length: 20 }, () => '4111 1111 1111 1111').join(' ');
    expect(maskCardData(many)).toBe(Array.from({ length: 20 }, () => '4111 11** **** 1111').join(' '));
  });
});

describe('magnetic stripes', () => {
  test.each([
    ['%B4111111111111111^DOE/JOHN^26121011234567890?', '%B411111******1111^*?'],
    ['B4111111111111111^DOE/JOHN^2612101', 'B411111******1111^*?'],
    ['%B3782 822463 10005^DOE/J^2612101?', '%B378282*****0005^*?'],
    [';4111111111111111=26121011234567890?', ';411111******1111=*'],
    ['4111111111111111=2612101', '411111******1111=*'],
    ['4111111111111111D26121011234567890F', '411111******1111D*'],
    [';1234567890123456=26121011234567890?', ';123456******3456=*'],
  ])('keep no name and nothing after the number: %s', (text, masked) => {
    expect(maskCardData(text)).toBe(masked);
    expect(maskCardDataInRaw(text)).toBe(masked);
  });
});

describe('what is no card', () => {
  test.each([
    ['an EAN-13 that Luhn would take', '4000000000006', '4006381333931', '5901234123457'],
    ['an EAN-8 and a UPC', '96385074', '036000291452', '614141000036'],
    ['a GTIN-14 of 13 digits and a zero', '04006381333931', '09521234543213'],
    ['an SSCC', '006141411234567890', '340123450000000000'],
    ['milliseconds and microseconds', '1763723456789', '1763723456789012', '1763723456789012345'],
    ['an IMEI', '356938035643809', '490154203237518', '867400022047199'],
    ['a number of parts', 'own5-6-0000000009', '5-6-00000000090', '4-1-11111111111111', '560000000009'],
    ['a number of the till', '000123', '0000000000001842', '2026112000123'],
    [
      'an EPC',
      '3034257BF7194E4000001A85',
      'urn:epc:id:sgtin:4012345.067890.4111111111111111',
      '4111111111111111ABCDEF00',
    ],
    ['a UUID', '123e4567-e89b-42d3-a456-426614174000', 'aaaaaaaa-4111-4111-8111-501800000009'],
    ['a time', '2026-11-20T09:15:00.120+01:00', '2026-11-20 09:15:00 2026-11-21'],
    ['a longer number', '41111111111111111111', '1234567890123456789012345'],
    ['a number that fails Luhn', '4111111111111112', '4111 1111 1111 1112'],
    ['a number of no issuer', '9999999999999995', '1111111111111117'],
    ['an event', 'store-0042/1m7w2y7m0v7f3/0000000000001842'],
  ])('%s', (_, ...texts) => {
    for (const text of texts) expect(maskCardData(text)).toBe(text);
  });

  test('no EAN-13, EAN-8, UPC or SSCC whatever its digits, and no GTIN in a field that says so', () => {
    let lookingLikeCards = 0;
    for (let i = 0; i < 100_000; i += 1) {
      const body = String((i * 48_271_000_003) % 10 ** 12).padStart(12, '0');
      const ean = body + checkDigit(body);
      expect(holdsCardData(ean)).toBe(false);
      expect(holdsCardData(body.slice(1) + checkDigit(body.slice(1)))).toBe(false);
      const gtin = `3${body}${checkDigit(`3${body}`)}`;
      if (holdsCardData(gtin)) lookingLikeCards += 1;
      expect(maskCardDataIn('gtin', gtin)).toBe(gtin);
      expect(maskCardDataInRaw(`{"gtin":"${gtin}"`)).toContain(gtin);
      expect(maskCardData(`(01)${gtin}(21)x`)).toContain(gtin);
    }
    // Elsewhere a case's GTIN may be a Diners Club number, and then the card comes first.
    expect(lookingLikeCards).toBeGreaterThan(100);
  });

  test('but a card is a card in a field of goods codes too', () => {
    expect(maskCardDataIn('gtin', '4111111111111111')).toBe('411111******1111');
    expect(maskCardDataInRaw('"ean":"4111111111111111"')).toBe('"ean":"411111******1111"');
  });
});

test('numbers in values are masked as text, arrays of pieces as a whole', () => {
  const text = JSON.stringify(
    { pan: 4111111111111111, cut: ['4111', '1111', 1111, 1111], n: 4, at: 1763723456789 },
    maskCardDataIn,
  );
  expect(JSON.parse(text)).toEqual({
    pan: '411111******1111',
    cut: ['4111', '11**', '****', '1111'],
    n: 4,
    at: 1763723456789,
  });
});

test('a number beyond 2^53 has lost its last digits and is masked by its beginning', () => {
  expect(JSON.stringify([Number('4000000000000000006')], maskCardDataIn)).toContain('*');
});
