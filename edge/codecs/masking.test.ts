import { describe, expect, test } from 'vitest';
import { maskedCopy } from './masking.ts';

const mask = (text: string) => Buffer.from(maskedCopy(Buffer.from(text))).toString();

describe('masking', () => {
  test('leaves everything else as it was, byte for byte', () => {
    const text = '{ "till" : "t1",\n "shopper" : "p-77", "x": [1, 2.50] }';
    expect(mask(text)).toBe(text.replace('p-77', '***'));
    expect(mask('{"till":"té"}')).toBe('{"till":"té"}');
  });

  test.each([
    '{"shopper":"p-77"',
    '{"shopper":"p-77',
    '{"shopper":"a\\"p-77", "till": 1}',
    "{'shopper': 'p-77'}",
    '{shopper: p-77, till: 3}',
    '{"sh\\u006fpper":"p-77"}',
    '{"s\\u0068opper" : "p-77", oops',
    '{"Shopper":"p-77"}',
    '{"shopper":{"name":"p-77"}}',
    '{"shopper":["x","p-77"]} trailing',
    '[{"shopper":12},{"shopper":{"a":{"shopper":"p-77"}}}]',
    '{"shopper":"p-77","shopper":"p-77"}',
    '{"a":"{","shopper":"x\\\\","b":1,"shopper":"p-77"}',
    '\xff{"shopper":"p-77"}',
  ])('hides the shopper in %s', (text) => {
    expect(mask(text)).not.toContain('p-77');
  });

  test('keeps whole JSON whole', () => {
    const masked = mask('[{"shopper":{"a":[1]},"till":"t1"},{"till":"t2","shopper":"p-77"}]');
    expect(JSON.parse(masked)).toEqual([
      { shopper: '***', till: 't1' },
      { till: 't2', shopper: '***' },
    ]);
  });

  test('gives bytes of their own, so that handing them to a thread copies nothing else', () => {
    const pooled = Buffer.from('{"till":1}');
    const copy = maskedCopy(pooled);
    expect(copy.buffer.byteLength).toBe(pooled.length);
    expect(maskedCopy(Buffer.from('{"shopper":1}')).buffer.byteLength).toBe('{"shopper":"***"}'.length);
  });

  test('takes a megabyte of anything', () => {
    for (const text of ['"shopper":"'.repeat(90_000), `{"shopper":"${'\\'.repeat(1_000_000)}`, '['.repeat(1_000_000)]) {
      expect(mask(text).length).toBeGreaterThan(0);
    }
    expect(mask(`${'['.repeat(300_000)}{"shopper":"p-77"}${']'.repeat(300_000)}`)).not.toContain('p-77');
  });
});

describe('card data in bytes', () => {
  const PAN = '4111111111111111';
  /** What a person, or a program that looks for numbers, would find in it. */
  const digits = (bytes: Uint8Array) =>
    Buffer.from(bytes)
      .toString('latin1')
      .replaceAll(/\\u003(\d)/g, '$1')
      .replaceAll(/[\s\0"',\\-]/g, '');

  test.each([
    `{"id":"${PAN}"}`,
    `{"id":"${PAN}"`,
    `{"id":${PAN}}`,
    `{"a":{"b":[{"c":"x ${PAN} y"}]},`,
    `{"${PAN}":1}`,
    `{"id":"\\u0034111111111111111"}`,
    `{"id":"${[...PAN].map((digit) => `\\u003${digit}`).join('')}"`,
    `{"id":"4111\\u00201111\\u00201111\\u00201111"}`,
    `{"id":["4111","1111","1111","1111"]}`,
    `{"id":[4111, 1111, 1111, 1111]`,
    `[${[...PAN].join(',')}]`,
    `{"inner":"{\\"pan\\":\\"${PAN}\\"}"}`,
    `{"inner":"[\\"4111\\",\\"1111\\",\\"1111\\",\\"1111\\"]"}`,
    `\xff\xfe${PAN}\x80`,
    PAN,
  ])('is hidden in %s', (text) => {
    for (const encoding of ['latin1', 'utf8', 'utf16le'] as const) {
      const masked = maskedCopy(Buffer.from(text, encoding));
      expect(digits(masked)).not.toContain(PAN);
      expect(digits(masked)).toContain('1111');
    }
    expect(digits(maskedCopy(Buffer.from(text, 'utf16le').swap16()))).not.toContain(PAN);
  });

  test('whole JSON stays whole, and all else as it was', () => {
    const masked = mask(`{"n":${PAN}, "gtin":"30012345678906", "a":[1, 2.50], "t":";${PAN}=2612101?"}`);
    expect(JSON.parse(masked)).toEqual({
      n: '411111******1111',
      gtin: '30012345678906',
      a: [1, 2.5],
      t: ';411111******1111=*',
    });
    const sale = '{"till":"t1", "lines":[{"gtin":"4006381333931","quantity":1}], "time":1763723456789}';
    expect(mask(sale)).toBe(sale);
  });

  test('names and codes of a card are hidden by their field', () => {
    expect(mask('{"cvv":"123","pin":"0000","track2":"x","pinned":"yes"}')).toBe(
      '{"cvv":"***","pin":"***","track2":"***","pinned":"yes"}',
    );
  });

  test('a megabyte of anything takes no long time', () => {
    const started = performance.now();
    for (const piece of [
      '1,',
      '41 ',
      '4111","',
      `${PAN} `,
      '\\u0034',
      '\\',
      ';4111111111111111=',
      '4 ',
      '41111111111x',
    ]) {
      mask(piece.repeat(Math.floor(1_048_576 / piece.length)));
    }
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});
