import { expect, test } from 'vitest';
import { COUNTER_SCALE, type ScaleModel, SimulatedScale } from '../../device-sims/devices/serial/scales.ts';
import { seeded as seededWorld } from '../../device-sims/sim/random.ts';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, Format, LineParser, NotUnderstood, Understood } from '../contracts/formats.ts';
import { corruptedLine, judged, readInPortions } from './corrupted-line.fixture.ts';
import { mtSics } from './mt-sics.ts';
import { scaleStream } from './scale-stream.ts';
import { gramsOf } from './scale-units.ts';
import { toledo8217 } from './toledo-8217.ts';

const FORMATS = [mtSics, toledo8217, scaleStream] as const;

function scale(codec: Format, more: Partial<DeviceConfig> = {}): DeviceConfig {
  return { name: 'scale-1', codec: codec.name, shelf: 'A1-3', calibration: { celsius: 0, weight: 1 }, ...more };
}

function parserOf(format: Format): LineParser {
  return format.line?.(scale(format)) ?? expect.unreachable();
}

/** What a decoder says to lines of text, half a second apart. */
class Listener {
  readonly parser: LineParser;
  readonly #decoder: Decoder;
  received = 1_000_000;

  constructor(format: Format, more: Partial<DeviceConfig> = {}) {
    this.parser = parserOf(format);
    this.#decoder = format.open(scale(format, more));
  }

  answers(...lines: string[]): (Understood | NotUnderstood)[] {
    return lines.flatMap((line) => {
      this.received += 500;
      return this.parser.push(Buffer.from(line, 'latin1')).map((bytes) => {
        const answer = this.#decoder.decode({ bytes, received: this.received });
        if ('then' in answer) throw new Error('a scale is decoded at once');
        return answer;
      });
    });
  }

  /** The disk refused what it said last. */
  lose(): void {
    this.#decoder.unstored?.({ bytes: new Uint8Array(), received: this.received });
  }

  /** Grams, and texts of the device. */
  says(...lines: string[]): unknown[] {
    return this.answers(...lines).flatMap((answer) =>
      answer.ok ? answer.said.map(({ reading }) => reading.weight_g ?? reading.text) : [],
    );
  }
}

const twice = (line: string): [string, string] => [line, line];

test('a unit is converted to the nearest number of grams', () => {
  expect(gramsOf('0.1', 'kg')).toBe(100);
  expect(gramsOf('1.1', 'kg')).toBe(1100);
  expect(gramsOf('-1.250', 'lb')).toBe(-566.9904625);
  expect(gramsOf('16', 'oz')).toBe(gramsOf('1', 'lb'));
  expect(gramsOf('-0.00', 'g')).toBe(0);
  expect(gramsOf('-0.05', 'kg')).toBe(-50);
  expect(gramsOf('7', 'ct')).toBeUndefined();
  for (let grams = 0; grams <= 20_000; grams += 7) expect(gramsOf((grams / 1000).toFixed(3), 'kg')).toBe(grams);
});

test.each([
  ['MT-SICS', mtSics, 'S S     100.00 g\r\n', 100],
  ['MT-SICS in ounces', mtSics, 'S S      1.000 oz\r\n', 28.349523125],
  ['MT-SICS below zero', mtSics, 'S S     -12.50 g\r\n', -12.5],
  ['8217', toledo8217, '\x02 1.250\r', 1250],
  ['8217 with leading zeros', toledo8217, '\x0201.250\r', 1250],
  ['8217 net', toledo8217, '\x0201.250N\r', 1250],
  ['the stream of the field', scaleStream, 'ST,GS,+0001.250,kg\r\n', 1250],
  ['A&D indicators', scaleStream, 'ST,NT,+0012.34kg\r\n', 12_340],
  ['A&D balances', scaleStream, 'ST,+00123.4  g\r\n', 123.4],
  ['Dini Argeo on RS-485', scaleStream, '01ST,GS,     0.5,kg\r\n', 500],
  ['CAS, 22 bytes', scaleStream, 'ST,GS,1\xc4,000013.5 kg\r\n', 13_500],
  ['CAS below zero', scaleStream, 'ST,GS,1\xc4,-   13.5 kg\r\n', -13_500],
  ['pounds', scaleStream, 'ST,GS,+0001.250,lb\r\n', 566.9904625],
])('a steady weight counts when the next telegram agrees: %s', (_name, format, line, grams) => {
  const listener = new Listener(format);
  expect(listener.says(line)).toEqual([]);
  expect(listener.says(line)).toEqual([grams]);
});

test('the reading names the shelf, is calibrated, and is said again after ten seconds only', () => {
  const listener = new Listener(toledo8217, { calibration: { celsius: 0, weight: 0.45359237 } });
  const answers = listener.answers(...twice('\x0201.250\r'));
  expect(answers[1]).toEqual({
    ok: true,
    said: [{ kind: 'shelf', reading: { shelf: 'A1-3', weight_g: 566.990463 } }],
  });
  expect(listener.says(...Array(19).fill('\x0201.250\r'))).toEqual([]);
  expect(listener.says(...twice('\x0201.250\r'))).toHaveLength(1);
  // One step of a scale that counts in fives is no other weight; two are.
  expect(listener.says(...twice('\x0201.255\r'))).toEqual([]);
  expect(listener.says(...twice('\x0201.260\r'))).toEqual([571.526386]);
});

test('a weight that could not be stored is said again at once', () => {
  const listener = new Listener(mtSics);
  const line = 'S S     100.00 g\r\n';
  expect(listener.says(line, line, line)).toEqual([100]);
  listener.lose();
  expect(listener.says(line)).toEqual([100]);
});

test('what moves is no weight, and one that stands alone is none either', () => {
  const listener = new Listener(mtSics);
  const steady = (grams: string): string => `S S ${grams.padStart(10)} g\r\n`;
  expect(listener.says(steady('100.00'), 'S D     180.00 g\r\n', steady('200.00'), steady('900.00'))).toEqual([]);
  expect(listener.says(steady('900.02'))).toEqual([900.02]);
  expect(listener.answers('S D     180.00 g\r\n')).toEqual([{ ok: true, said: [], note: 'in motion: 180.00 g' }]);
});

test.each([
  ['MT-SICS, over', mtSics, 'S +\r\n', 'overloaded'],
  ['MT-SICS, under', mtSics, 'S -\r\n', 'under its range'],
  ['MT-SICS, an error of its own', mtSics, 'S S Error 10b\r\n', 'error 10b'],
  ['8217, over', toledo8217, '\x02?B\r', 'overloaded'],
  ['8217, under', toledo8217, '\x02?D\r', 'under zero'],
  ['8217, no zero', toledo8217, '\x02?H\r', 'cannot find its zero'],
  ['stream, over', scaleStream, 'OL,GS,+9999.999,kg\r\n', 'overloaded'],
  ['stream, over without digits', scaleStream, 'OL,GS,         ,kg\r\n', 'overloaded'],
  ['stream, under', scaleStream, 'UL,GS,     0.0,kg\r\n', 'under its range'],
  ['stream, not level', scaleStream, 'TL,GS,     0.0,kg\r\n', 'not level'],
])(
  'a scale that cannot weigh says so in words, once, and that it weighs again: %s, %o',
  (_name, format, line, words) => {
    const listener = new Listener(format);
    const weight = { 'mt-sics': 'S S     100.00 g\r\n', 'toledo-8217': '\x0200.100\r', other: 'ST,GS,  +0.100,kg\r\n' };
    const good = format.name === 'mt-sics' || format.name === 'toledo-8217' ? weight[format.name] : weight.other;
    const said = listener.says(line, line, line);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(words);
    expect(listener.says(...twice(good))).toEqual(['it weighs again', 100]);
  },
);

test.each([
  ['S I\r\n', mtSics, 'busy'],
  ['S L\r\n', mtSics, 'does not take'],
  ['ES\r\n', mtSics, 'set to MT-SICS'],
  ['ET\r\n', mtSics, 'baud'],
  ['EL\r\n', mtSics, 'cannot answer now'],
  ['I4 A "B021002593"\r\n', mtSics, 'B021002593'],
  ['\x02?A\r', toledo8217, 'in motion'],
  ['\x02?P\r', toledo8217, 'at zero'],
  ['QT,+00000012PC\r\n', scaleStream, 'pieces'],
  ['ST,TR,+0001.250,kg\r\n', scaleStream, 'tare'],
])('what is neither is a note: %j', (line, format, words) => {
  const [answer] = new Listener(format).answers(line);
  expect(answer).toMatchObject({ ok: true, said: [], note: expect.stringContaining(words) });
});

test('an installer reads what is wrong: the unit, below zero, a tare of its own, no shelf', () => {
  const carats = new Listener(mtSics);
  const [first, second] = carats.answers(...twice('S S     100.00 ct\r\n'));
  expect(first).toEqual({ ok: false, reason: 'it weighs in ct: set the scale to g, kg, lb or oz' });
  expect(second?.ok, 'not a dead letter a telegram').toBe(true);
  const stream = new Listener(scaleStream);
  const below = stream.answers(...twice('ST,GS,-0001.250,kg\r\n'));
  expect(below[1]).toMatchObject({ note: expect.stringContaining('below zero') });
  const net = stream.answers(...twice('ST,NT,-0001.250,kg\r\n'));
  expect(net[1]).toMatchObject({ note: expect.stringContaining('tare of its own') });
  for (const format of FORMATS) {
    const { shelf: _shelf, ...without } = scale(format);
    expect(() => format.open(without)).toThrow('a scale needs `shelf`');
  }
});

test('an eight-bit port on a 7E1 line: the parity is proven and taken off', () => {
  const parser = parserOf(toledo8217);
  const even = Buffer.from([0x82, 0x30, 0xb1, 0x2e, 0xb2, 0x35, 0x30, 0x8d]);
  expect(parser.push(even).map((bytes) => Buffer.from(bytes).toString())).toEqual(['01.250']);
  const wrong = Buffer.from(even);
  wrong[4] = 0xb3;
  expect(parser.push(wrong)).toEqual([]);
  expect(parser.skipped).toBe(8);
});

const TRUE_G = 1250;

/** What a scale with 1250 g on it sends in an hour of being asked or of sending. */
function telegramsOf(model: ScaleModel, count: number): Buffer[] {
  const sent: Buffer[] = [];
  const parts = { model, random: seededWorld(3), load: () => TRUE_G, say: (bytes: Buffer) => sent.push(bytes) };
  const simulated = new SimulatedScale({ ...parts, say: (bytes) => void parts.say(bytes) });
  const question = model.protocol === 'mt-sics' ? 'SI\r\n' : 'W';
  for (let at = 0; sent.length < count; at += 100) {
    simulated.advance(at);
    simulated.hear(Buffer.from(question));
  }
  return sent.slice(0, count);
}

const MODELS: readonly [string, Format, ScaleModel][] = [
  ['MT-SICS', mtSics, { ...COUNTER_SCALE, protocol: 'mt-sics' }],
  ['MT-SICS, fine', mtSics, { ...COUNTER_SCALE, protocol: 'mt-sics', unit: 'g', step: 0.5, decimals: 1, noiseG: 0.1 }],
  ['8217', toledo8217, { ...COUNTER_SCALE, protocol: 'toledo-8217' }],
  ['8217 with parity', toledo8217, { ...COUNTER_SCALE, protocol: 'toledo-8217', parity: true }],
  ['A&D', scaleStream, { ...COUNTER_SCALE, protocol: 'a-and-d' }],
  ['Dini Argeo', scaleStream, { ...COUNTER_SCALE, protocol: 'dini' }],
  ['CAS', scaleStream, { ...COUNTER_SCALE, protocol: 'cas' }],
];

test.each(MODELS)(
  'with one byte in a hundred damaged every intact telegram is found, and no wrong weight counts: %s',
  (_name, format, model) => {
    const line = corruptedLine(telegramsOf(model, 20_000));
    expect(line.damaged).toBeGreaterThan(1000);
    const found = readInPortions(parserOf(format), line.bytes);
    const within = format === toledo8217 ? 1 : 0;
    const bare = line.intact.map((bytes) => {
      const plain = Buffer.from(bytes.map((byte) => (model.parity ? byte & 0x7f : byte)));
      return plain.subarray(within, plain.indexOf(0x0d));
    });
    expect(judged({ ...line, intact: bare }, found).missing).toEqual([]);
    const decoder = format.open(scale(format));
    const weights = new Set<number>();
    for (const [index, bytes] of found.entries()) {
      const answer = decoder.decode({ bytes, received: index * 200 });
      if ('then' in answer || !answer.ok) continue;
      for (const { reading } of answer.said) if (reading.weight_g !== undefined) weights.add(Number(reading.weight_g));
    }
    expect(weights.size).toBeGreaterThan(0);
    expect([...weights].filter((grams) => Math.abs(grams - TRUE_G) > 15)).toEqual([]);
  },
);

test.each(MODELS)('a simulated scale is understood through noise, motion and overload: %s', (_name, format, model) => {
  const parser = parserOf(format);
  const decoder = format.open(scale(format));
  const said: { at: number; grams: unknown; text: unknown }[] = [];
  let at = 0;
  let load = 0;
  const simulated = new SimulatedScale({
    model,
    random: seededWorld(5),
    load: () => load,
    say: (bytes) => {
      for (const frame of parser.push(bytes)) {
        const answer = decoder.decode({ bytes: frame, received: at });
        if ('then' in answer || !answer.ok) throw new Error('not understood');
        for (const { reading } of answer.said) said.push({ at, grams: reading.weight_g, text: reading.text });
      }
    },
  });
  const pass = (ms: number): void => {
    for (const end = at + ms; at < end; at += 100) {
      simulated.advance(at);
      const { ask } = parser;
      if (ask !== undefined && at % ask.everyMs === 0) simulated.hear(ask.bytes);
    }
  };
  pass(3000);
  const settled = (grams: number): void => {
    const last = said.findLast((one) => one.grams !== undefined);
    expect(Math.abs(Number(last?.grams) - grams), `${last?.grams} g instead of ${grams} g`).toBeLessThanOrEqual(10);
  };
  for (const grams of [5100, 4080, 13_260]) {
    load = grams;
    const before = said.length;
    pass(3000);
    settled(grams);
    // On the way there nothing else was said.
    const between = said.slice(before).map((one) => Math.abs(Number(one.grams) - grams));
    expect(Math.max(...between)).toBeLessThanOrEqual(10);
  }
  load = 40_000;
  pass(2000);
  expect(said.at(-1)?.text).toContain('overloaded');
  load = 1020;
  pass(3000);
  expect(said.some(({ text }) => text === 'it weighs again')).toBe(true);
  settled(1020);
});

test.each(FORMATS)('a flood without any end is skipped, and no more of it held than a telegram: $name', (format) => {
  const parser = parserOf(format);
  expect(parser.push(Buffer.alloc(1_000_000, 0x31))).toEqual([]);
  expect(parser.skipped).toBeGreaterThan(900_000);
});
