import { describe, expect, it } from 'vitest';
import { CSV_HEADER, csvText, encoded, type Receipt } from '../../device-sims/devices/till-files.ts';
import { csv } from './csv.ts';
import { seeded } from './fuzzing.ts';
import { MORNING, tillFiles, WATER } from './till-file.fixture.ts';

const MAPPING = {
  ...{ till: 'Kasse', transaction: 'Bon', business_day: 'Tag', time: 'Zeit', gtin: 'EAN', quantity: 'Menge' },
  ...{ amount: 'Preis', discount: 'Rabatt', kind: 'Art', currency: '=EUR' },
};
const HEAD = CSV_HEADER.join(';');
const { device: DEVICE, understood, sales, reason } = tillFiles(csv, { mapping: MAPPING });

const receipt = (more: Partial<Receipt> = {}): Receipt => ({
  ...MORNING,
  began: '2026-11-20 09:15:00',
  items: [
    { code: WATER, quantity: '2', unitPrice: '1.29', off: '0.50', name: 'Sprudel "süß"; kühl\nmit Pfand' },
    { code: '96385074', quantity: '0.345', unitPrice: '12.99', back: true },
  ],
  ...more,
});

const SALE = {
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
      uom: 'EA',
      price: { amount: 1299, currency: 'EUR' },
      kind: 'return',
    },
  ],
};

describe('a table of sales', () => {
  it('is read by its mapping: rows of one transaction are one sale', () => {
    expect(sales(csvText([receipt(), receipt({ number: '1277' })]))).toEqual([SALE, { ...SALE, transaction: '1277' }]);
    expect(understood(csvText([receipt()]))).toMatchObject({ said: [{ kind: 'sale', device: '3' }] });
  });

  it('with each separator, decimal sign, end of line and encoding says the same', () => {
    for (const separator of [';', ',', '\t'] as const)
      for (const decimal of [',', '.'] as const)
        for (const lineEnd of ['\n', '\r\n'] as const)
          for (const encoding of ['UTF-8', 'ISO-8859-1', 'UTF-16'] as const) {
            if (separator === ',' && decimal === ',') continue;
            const text = csvText([receipt()], { separator, decimal, lineEnd });
            expect(sales(encoded(text, encoding))).toEqual([SALE]);
            const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]);
            expect(sales(marked)).toEqual([SALE]);
          }
    expect(sales(csvText([receipt()]).replaceAll('\r\n', '\r'))).toHaveLength(1);
  });

  it('reads numbers and times as tills write them', () => {
    const line = (cells: Partial<Record<(typeof CSV_HEADER)[number], string>>) => {
      const all = {
        Kasse: '1',
        Bon: '7',
        Tag: '',
        Zeit: '20.11.2026 9:15',
        EAN: WATER,
        Artikel: '',
        Menge: '',
        Preis: '1',
        Rabatt: '',
        Art: '',
        ...cells,
      };
      return sales(`${HEAD}\n${CSV_HEADER.map((column) => all[column]).join(';')}`)[0];
    };
    const price = (Preis: string) => Reflect.get(Object(line({ Preis })?.lines[0]?.price), 'amount');
    expect([price('1.234,50 €'), price('1,5'), price('2'), price('.99'), price("1'000.00"), price('3,00-')]).toEqual([
      123_450, 150, 200, 99, 100_000, -300,
    ]);
    const time = (Zeit: string) => new Date(Number(line({ Zeit })?.time)).toISOString();
    for (const text of [
      '2026-11-20T09:15:00+01:00',
      '20.11.2026 09:15',
      '20/11/2026 09:15:00',
      '20261120091500',
      '1795162500',
    ])
      expect(time(text)).toBe('2026-11-20T08:15:00.000Z');
    expect(line({})).toMatchObject({ business_day: '2026-11-20' });
    expect(line({ Menge: '-2' })?.lines[0]).toMatchObject({ kind: 'return', quantity: '-2' });
    expect(line({ Art: 'Storno' })?.lines[0]).toMatchObject({ kind: 'void' });
  });

  it('refuses an amount whose decimal sign is another than the table has, rather than take it for a hundredfold', () => {
    const priced = (price: string, separator: string, more: Record<string, string> = {}) => {
      const mapping = {
        transaction: '#1',
        date: '#2',
        gtin: '#3',
        amount: '#4',
        currency: '=EUR',
        till: '=1',
        ...more,
      };
      const row = ['7', '2026-11-20', WATER, `"${price}"`].join(separator);
      const found = sales(row, { mapping })[0] as { lines: { price: { amount: number } }[] } | undefined;
      return found?.lines[0]?.price.amount;
    };
    const refusal =
      (price: string, separator: string, more: Record<string, string> = {}) =>
      () =>
        priced(price, separator, more);
    for (const right of ['1234.50', '1,234.50', '1234.5']) expect(priced(right, ',')).toBe(123_450);
    expect(priced('12,34,567.00', ',')).toBe(123_456_700);
    for (const odd of ['12,99', '1,23', '1.234,50', '0,345']) expect(refusal(odd, ',')).toThrow();
    for (const odd of ['1,234.50', '1.23,50']) expect(refusal(odd, ';')).toThrow();
    const told = { decimal: '=,' };
    expect([priced('1.234', ';', told), priced('1.234,5', ';', told), priced('12,99', ',', told)]).toEqual([
      123_400, 123_450, 1299,
    ]);
    for (const odd of ['12.99', '0.345', '1.23']) expect(refusal(odd, ';', told)).toThrow();
  });

  it('takes columns by number, constants, amounts of whole lines in minor units, a date and a clock', () => {
    const mapping = {
      ...{ transaction: '#1', date: '#2', clock: '#3', gtin: '#4', quantity: '#5', line_amount: '#6' },
      ...{ currency: '=JPY', amounts: '=minor', separator: '=|', till: '=till-9', original_transaction: '#7' },
      ...{ original_business_day: '#8', training: '#9', total: '#6' },
    };
    const text = `7|20.11.2026|09:15|${WATER}|3|360|5|19.11.2026|\n8|20.11.2026|09:16|${WATER}|1|120|||1\n`;
    expect(sales(text, { mapping })).toEqual([
      {
        till: 'till-9',
        transaction: '7',
        business_day: '2026-11-20',
        time: Date.parse('2026-11-20T08:15:00Z'),
        original: { till: 'till-9', transaction: '5', business_day: '2026-11-19' },
        total: { amount: 360, currency: 'JPY' },
        lines: [
          { gtin: '09521234543213', quantity: '3', uom: 'EA', price: { amount: 120, currency: 'JPY' }, kind: 'sale' },
        ],
      },
      expect.objectContaining({ transaction: '8', training: true }),
    ]);
  });

  it('is refused with line and column where something is wrong', () => {
    const row = (...cells: string[]) => `${HEAD}\r\n${cells.join(';')}\r\n`;
    const good = ['3', '7', '20.11.2026', '', WATER, 'Ware', '1', '1,29', '', 'S'];
    const but = (index: number, text: string) => reason(row(...good.map((cell, at) => (at === index ? text : cell))));
    expect(but(4, '9521234543214')).toBe(
      'line 2, column EAN: "9521234543214" is no GTIN: correct it, or add it to codes of the device',
    );
    expect(but(4, '')).toBe('line 2, column EAN is empty, and gtin is needed');
    expect(but(7, 'gratis')).toBe('line 2, column Preis: "gratis" is no number such as 12.99');
    expect(but(7, '')).toBe('line 2, column Preis is no amount such as 12.99');
    expect(but(2, '31.02.2026')).toBe('line 2, column Tag: "31.02.2026" is no date such as 2026-11-20');
    expect(but(3, '25:00')).toMatch(/^line 2, column Zeit: "25:00" is no time such as/);
    expect(but(9, 'X')).toBe('line 2, column Art: "X" is no kind of line: expected sale, return or void');
    expect(reason('')).toBe('the file is empty: expected a line with the names of the columns');
    expect(reason('a;b\n1;2\n')).toBe('line 1: there is no column Bon for transaction: the first line has a, b');
    const nameless = reason(`3;7;20.11.2026;;${WATER};Anna Beispiel;1;1,29;;S\n`);
    expect(nameless).toMatch(
      /^line 1: there is no column Bon for transaction: the first line has numbers instead of names/,
    );
    expect(nameless).not.toContain('Anna');
    expect(reason(`${HEAD}\n3;7;20.11.2026;;95212345`)).toBe('line 2: 5 columns instead of 10: is it cut off?');
    expect(reason(`${HEAD}\n${good.join(';')}\n3;8;"20.11.2026;;;;;;;`)).toMatch(/^line 3: Quote Not Closed/);
    expect(reason(`${HEAD}\n3;8;5" pipe;;;;;;;\n`)).toMatch(/^line 2: Invalid/);
    const three = csvText([receipt({ number: '1' }), receipt({ number: '2' }), receipt({ number: '1' })]);
    expect(reason(three)).toBe(
      'line 8: transaction 1 began in line 2 and was interrupted: its rows must stand together',
    );
    const mixed = Buffer.concat([
      Buffer.from(`${HEAD}\n3;7;20.11.2026;;${WATER};süß;1;1;;\n`),
      Buffer.from(`3;8;20.11.2026;;${WATER};süß;1;1;;\n`, 'latin1'),
    ]);
    expect(reason(mixed)).toMatch(/holds bytes that are no UTF-8/);
  });

  it('with a wrong mapping is refused at start', () => {
    const open = (mapping: Record<string, string>) => () => csv.open({ ...DEVICE, mapping });
    expect(open({ ...MAPPING, colour: 'X' })).toThrow(/mapping: colour is not known to codec csv/);
    expect(open({ ...MAPPING, separator: ';' })).toThrow(/separator must be a constant/);
    expect(open({ ...MAPPING, decimal: '=x' })).toThrow(/decimal cannot be "x"/);
    const { currency: _currency, ...without } = MAPPING;
    expect(open(without)).toThrow(/currency is missing/);
    const { till: _till, ...nowhere } = MAPPING;
    expect(open(nowhere)).toThrow(/till is missing/);
    const { time: _time, business_day: _day, ...timeless } = MAPPING;
    expect(open(timeless)).toThrow(/time, date or business_day is missing/);
  });

  it('in pieces of any size says what it says at once', () => {
    const bytes = encoded(csvText(Array.from({ length: 30 }, (_, i) => receipt({ number: `${i}` }))), 'ISO-8859-1');
    const expected = sales(bytes);
    expect(expected).toHaveLength(30);
    const random = seeded(3);
    for (let round = 0; round < 50; round += 1) {
      const reader = csv.file?.(DEVICE);
      const got: unknown[] = [];
      const add = (answer: ReturnType<NonNullable<typeof reader>['push']> | undefined): void => {
        if (answer === undefined || 'reason' in answer) throw new Error('refused');
        got.push(...answer.map(({ said }) => said.reading));
      };
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + Math.floor(random() * 300);
        add(reader?.push(bytes.subarray(at, at + size)));
        at += size;
      }
      add(reader?.end());
      expect(got).toEqual(expected);
    }
  });

  it('whose quote is never closed is given up before it fills the memory', () => {
    const reader = csv.file?.(DEVICE);
    reader?.push(Buffer.from(`${HEAD}\n3;7;"`));
    const piece = Buffer.alloc(1 << 18, 0x78);
    const answers = Array.from({ length: 8 }, () => reader?.push(piece));
    const refused = answers.find((answer) => answer !== undefined && 'reason' in answer);
    expect(refused).toEqual({ ok: false, reason: 'line 2: a row without end, a quote that is never closed' });
  });
});
