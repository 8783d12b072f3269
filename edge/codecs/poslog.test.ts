import { describe, expect, it } from 'vitest';
import { encoded, posLogText, type Receipt } from '../../device-sims/devices/till-files.ts';
import { seeded } from './fuzzing.ts';
import { poslog } from './poslog.ts';
import { MORNING, tillFiles, WATER } from './till-file.fixture.ts';

const { device: DEVICE, understood, sales, reason } = tillFiles(poslog);

const receipt = (more: Partial<Receipt> = {}): Receipt => ({
  ...MORNING,
  began: '2026-11-20T09:15:00',
  items: [{ code: WATER, quantity: '2', unitPrice: '1.29' }],
  ...more,
});

describe('a POSLog', () => {
  it('with times in UTC tells the days of the store, of the original of a return as well', () => {
    const at = (ms: string) => `<BeginDateTime>${ms}</BeginDateTime>`;
    const link = `<TransactionLink><WorkstationID>3</WorkstationID><SequenceNumber>9</SequenceNumber>${at('2026-11-18T23:30:00Z')}</TransactionLink>`;
    const goods = `<Return><POSIdentity><POSItemID>${WATER}</POSItemID></POSIdentity><Quantity>1</Quantity><ActualSalesUnitPrice Currency="EUR">1.29</ActualSalesUnitPrice>${link}</Return>`;
    const text = `<POSLog><Transaction><WorkstationID>3</WorkstationID><SequenceNumber>10</SequenceNumber>${at('2026-11-20T23:15:00Z')}<RetailTransaction><LineItem><SequenceNumber>1</SequenceNumber>${goods}</LineItem></RetailTransaction></Transaction></POSLog>`;
    expect(sales(text)).toMatchObject([
      { business_day: '2026-11-21', original: { till: '3', transaction: '9', business_day: '2026-11-19' } },
    ]);
  });

  it('of version 2 and of version 6 says the same, in each encoding, with a prefix and without', () => {
    const items = [
      { code: WATER, quantity: '2', unitPrice: '1.29', off: '0.50', name: 'Sprudel süß & "kühl"' },
      { code: '96385074', quantity: '0.345', unitPrice: '12.99', unit: 'KG' },
    ];
    const [first] = sales(posLogText([receipt({ items })]));
    expect(first).toEqual({
      till: '3',
      transaction: '1276',
      business_day: '2026-11-20',
      time: Date.parse('2026-11-20T08:15:00Z'),
      lines: [
        {
          gtin: '09521234543213',
          quantity: '2',
          uom: 'EA',
          price: { amount: 129, currency: 'EUR' },
          discount: { amount: 50, currency: 'EUR' },
          kind: 'sale',
        },
        {
          gtin: '00000096385074',
          quantity: '0.345',
          uom: 'KGM',
          price: { amount: 1299, currency: 'EUR' },
          kind: 'sale',
        },
      ],
      total: { amount: 656, currency: 'EUR' },
    });
    for (const encoding of ['UTF-8', 'ISO-8859-1', 'UTF-16'] as const)
      for (const prefix of ['', 'arts'])
        for (const version of ['2.2', '6.0'] as const)
          expect(sales(encoded(posLogText([receipt({ items })], { encoding, prefix, version }), encoding))).toEqual([
            first,
          ]);
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), encoded(posLogText([receipt({ items })]))]);
    expect(sales(marked)).toEqual([first]);
  });

  it('tells amounts in the minor units of their currency', () => {
    const price = (currency: string, unitPrice: string) =>
      sales(posLogText([receipt({ items: [{ code: WATER, quantity: '1', unitPrice }] })], { currency }))[0]?.lines[0]
        ?.price;
    expect(price('JPY', '120')).toEqual({ amount: 120, currency: 'JPY' });
    expect(price('KWD', '1.2345')).toEqual({ amount: 1235, currency: 'KWD' });
    expect(price('EUR', '.5')).toEqual({ amount: 50, currency: 'EUR' });
    expect(price('EUR', '-0.005')).toEqual({ amount: -1, currency: 'EUR' });
  });

  it('tells returns with their original, and voids of the same receipt', () => {
    const original = { workstation: '1', number: '77', businessDay: '2026-11-18' };
    const [back] = sales(
      posLogText([receipt({ items: [{ code: WATER, quantity: '1', unitPrice: '1.29', back: true }], original })]),
    );
    expect(back?.lines[0]?.kind).toBe('return');
    expect(back?.original).toEqual({ till: '1', transaction: '77', business_day: '2026-11-18' });
    const items = [
      { code: WATER, quantity: '1', unitPrice: '1.29' },
      { code: WATER, quantity: '1', unitPrice: '1.29', voids: 1 },
    ];
    const [voided] = sales(posLogText([receipt({ items })]));
    expect(voided?.lines.map(({ kind }) => kind)).toEqual(['sale', 'void']);
    const taken = posLogText([receipt({ items: [...items, { code: '96385074', quantity: '1', unitPrice: '2' }] })]);
    // A flag without a link: the line itself was taken back.
    const [left] = sales(taken.replace(/<ItemLink>1<\/ItemLink>/, ''));
    expect(left?.lines.map(({ gtin }) => gtin)).toEqual(['09521234543213', '00000096385074']);
    // Both are flagged: neither was sold.
    const both = taken.replace('VoidFlag="false"', 'VoidFlag="true"');
    expect(sales(both)[0]?.lines.map(({ gtin }) => gtin)).toEqual(['00000096385074']);
  });

  it('of a transaction that was voided afterwards takes every line back', () => {
    const text = posLogText([receipt()]).replace(
      '<RetailTransaction ',
      '<RetailTransaction TransactionStatus="PostVoided" ',
    );
    expect(sales(text)[0]?.lines[0]?.kind).toBe('void');
  });

  it('leaves out what sold nothing, says so, and tells training sales', () => {
    const suspended = posLogText([receipt({ number: '5' })]).replace('CancelFlag="false"', 'SuspendedFlag="true"');
    const control =
      '<POSLog><Transaction><WorkstationID>1</WorkstationID><ControlTransaction><NoSale/></ControlTransaction></Transaction></POSLog>';
    expect(understood(posLogText([receipt({ cancelled: true })]))).toEqual({
      ok: true,
      said: [],
      note: 'left out: 1 cancelled',
    });
    expect(understood(suspended)).toMatchObject({ said: [], note: 'left out: 1 suspended' });
    expect(understood(control)).toMatchObject({ said: [], note: 'left out: 1 without goods' });
    expect(sales(posLogText([receipt({ training: true })]))[0]).toMatchObject({ training: true });
  });

  it('calls tills what the shop calls them, and PLUs by a number of the range that is left to companies', () => {
    const plu = (code: string) => receipt({ items: [{ code, quantity: '0.5', unitPrice: '1.99', unit: 'KG' }] });
    const codes = { '4711': '09521234543213', '2112345*': '00000096385074', '21*': '09521234543213' };
    expect(sales(posLogText([plu('4011')]), { places: { 3: 'till-3' } })[0]).toMatchObject({
      till: 'till-3',
      lines: [{ gtin: '00400000040110' }],
    });
    expect(understood(posLogText([plu('4011')]), { places: { 3: 'till-3' } })).toMatchObject({
      said: [{ device: 'till-3' }],
    });
    const gtin = (code: string) => sales(posLogText([plu(code)]), { codes })[0]?.lines[0]?.gtin;
    expect(gtin('0000000004011')).toBe('00400000040110');
    expect(gtin('4711')).toBe('09521234543213');
    expect(gtin('2112345012992')).toBe('00000096385074');
    expect(gtin('2199999000007')).toBe('09521234543213');
  });

  it('is refused with line and element where something is wrong', () => {
    const text = posLogText([receipt()]);
    const with_ = (from: string | RegExp, to: string): string => reason(text.replace(from, to));
    expect(reason('')).toBe('line 1: not well-formed XML: document must contain a root element');
    expect(reason('<html></html>')).toMatch(/there is no POSLog element in it/);
    expect(reason(text.slice(0, 700))).toMatch(/^line \d+: not well-formed XML: unclosed tag/);
    expect(with_(WATER, '9521234543214')).toBe(
      'line 12: POSItemID "9521234543214" is no GTIN: correct it, or add it to codes of the device',
    );
    expect(with_(/<SequenceNumber>1276<\/SequenceNumber>/, '')).toMatch(
      /^line 3: Transaction has neither SequenceNumber/,
    );
    expect(with_(/<WorkstationID>3<\/WorkstationID>/, '')).toMatch(/^line 3: Transaction has no WorkstationID/);
    expect(with_('>1.29</Act', '>1,29</Act')).toMatch(/^line 12: ActualSalesUnitPrice "1,29" is no amount/);
    expect(with_('>2</Qu', '>two</Qu')).toMatch(/^line 12: Quantity "two" is no decimal number/);
    expect(with_('<CurrencyCode>EUR</CurrencyCode>', '')).toMatch(/has no currency: expected/);
    expect(with_('T09:15:00', 'T29:15:00')).toMatch(/^line 10: BeginDateTime "2026-11-20T29:15:00" is no time/);
    expect(with_('encoding="UTF-8"', 'encoding="EBCDIC-US"')).toBe(
      'the encoding EBCDIC-US is not read: expected UTF-8, UTF-16 or ISO-8859-1',
    );
    const latin = encoded(
      posLogText([receipt({ items: [{ code: WATER, quantity: '1', unitPrice: '1', name: 'süß' }] })]),
      'ISO-8859-1',
    );
    expect(reason(latin)).toMatch(/holds bytes that are no UTF-8/);
    expect(
      sales(text.replace('<CurrencyCode>EUR</CurrencyCode>', '').replace(' CurrencyCode="EUR"', ''), {
        mapping: { currency: '=CLP' },
      })[0],
    ).toMatchObject({
      total: { amount: 3, currency: 'CLP' },
    });
  });

  it('that is a bomb is refused at once: entities, depth, an endless text', () => {
    const bomb = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY lol${i} "${`&lol${i - 1};`.repeat(10)}">`).join('')}]><POSLog>&lol8;</POSLog>`;
    expect(reason(bomb)).toMatch(/a document type \(DTD\) is not read/);
    expect(reason('<POSLog>&nbsp;</POSLog>')).toMatch(/undefined entity/);
    expect(reason('<a>'.repeat(100_000))).toMatch(/nested deeper than 64 levels/);
    expect(reason(`<POSLog><Transaction><RetailTransaction>${'<LineItem/>'.repeat(50_000)}`)).toMatch(
      /too many elements/,
    );
    const reader = poslog.file?.(DEVICE);
    reader?.push(Buffer.from('<POSLog>'));
    const piece = Buffer.alloc(1 << 20, 0x78);
    const answers = Array.from({ length: 12 }, () => reader?.push(piece));
    expect(
      answers.some((answer) => answer !== undefined && 'reason' in answer && /no tag within 8 MiB/.test(answer.reason)),
    ).toBe(true);
  });

  it('in pieces of any size says what it says at once', () => {
    const receipts = Array.from({ length: 20 }, (_, i) => receipt({ number: `${i}`, training: i % 7 === 0 }));
    const random = seeded(5);
    for (const encoding of ['UTF-8', 'ISO-8859-1', 'UTF-16'] as const) {
      const bytes = encoded(posLogText(receipts, { encoding }), encoding);
      const expected = sales(bytes);
      for (let round = 0; round < 20; round += 1) {
        const reader = poslog.file?.(DEVICE);
        const got: unknown[] = [];
        const add = (answer: ReturnType<NonNullable<typeof reader>['push']> | undefined): void => {
          if (answer === undefined || 'reason' in answer) throw new Error('refused');
          got.push(...answer.map(({ said }) => said.reading));
        };
        for (let at = 0; at < bytes.length; ) {
          const size = 1 + Math.floor(random() * 700);
          add(reader?.push(bytes.subarray(at, at + size)));
          at += size;
        }
        add(reader?.end());
        expect(got).toEqual(expected);
      }
    }
  });
});
