import { describe, expect, it } from 'vitest';
import { m100Error, m100Tag, m100Telegrams } from '../../device-sims/devices/serial/m100-bytes.ts';
import { thingmagicResponse, thingmagicTag } from '../../device-sims/devices/serial/thingmagic-bytes.ts';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, LineParser, NotUnderstood, Understood } from '../contracts/formats.ts';
import { corruptedLine, judged, readInPortions } from './corrupted-line.fixture.ts';
import { seeded } from './fuzzing.ts';
import { m100 } from './m100.ts';
import { thingmagic, thingmagicCrc } from './thingmagic.ts';

const DEVICE: DeviceConfig = { name: 'reader-1', codec: 'm100', calibration: { celsius: 0, weight: 1 } };
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function decoded(decoder: Decoder, bytes: Uint8Array): Understood | NotUnderstood {
  return decoder.decode({ bytes, received: 0 }) as Understood | NotUnderstood;
}

function lineOf(format: typeof m100, device = DEVICE): LineParser {
  const line = format.line?.(device);
  if (line === undefined) throw new Error('no line');
  return line;
}

const EPC = '3074257BF7194E4000001A85';

/** Sightings of many tags, with whatever the marks of the formats are inside. */
function epcs(count: number, random: () => number): string[] {
  const lengths = [12, 12, 12, 12, 8, 16, 30];
  return Array.from({ length: count }, () => {
    const length = lengths[Math.floor(random() * lengths.length)] ?? 12;
    const bytes = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
    for (let i = 0; i < length; i += 1) if (random() < 0.1) bytes[i] = random() < 0.5 ? 0xff : 0xbb;
    return bytes.toString('hex').toUpperCase();
  });
}

describe('an M100 reader', () => {
  const decoder = m100.open(DEVICE);

  it('is ordered to read on, and to do so again when it has fallen silent', () => {
    const { greeting, greetAgainMs } = lineOf(m100);
    expect(Buffer.from(greeting as Uint8Array)).toEqual(hex('BB 00 27 00 03 22 FF FF 4A 7E'));
    expect(greetAgainMs).toBeGreaterThan(0);
  });

  it('says nothing by a round without a tag, and is refused in words by an error', () => {
    expect(decoded(decoder, hex('BB 01 FF 00 01 15 16 7E'))).toEqual({ ok: true, said: [], note: expect.any(String) });
    expect(decoded(decoder, m100Error(0x20))).toMatchObject({ ok: false, reason: expect.stringContaining('error 20') });
  });

  it('is refused when the CRC of the tag itself is wrong', () => {
    const frame = m100Tag({ epc: EPC, rssi: -60, wrongCrc: true });
    expect(lineOf(m100).push(frame)).toHaveLength(1);
    expect(decoded(decoder, frame)).toMatchObject({ ok: false, reason: expect.stringContaining('CRC') });
  });
});

describe('a ThingMagic reader', () => {
  const decoder = thingmagic.open(DEVICE);

  it('has the checksum that its protocol shows', () => {
    expect(thingmagicCrc(hex('FF 00 03 1D 0C'), 1, 3)).toBe(0x1d0c);
  });

  it('tells tags as they are read, by whatever flags were set', () => {
    const frame = thingmagicTag({ epc: EPC, rssi: -60, antenna: 2, reads: 1, flags: 0x01ff });
    expect(lineOf(thingmagic).push(frame)).toEqual([new Uint8Array(frame)]);
    expect(decoded(decoder, frame)).toEqual({
      ok: true,
      said: [{ kind: 'rfid', reading: { epc: EPC, antenna: 2, rssi_dbm: -60 } }],
    });
    for (const flags of [0x0000, 0x0001, 0x0006, 0x005f, 0x00ff, 0x0fff, 0x1fff]) {
      const other = decoded(decoder, thingmagicTag({ epc: EPC, rssi: -45, antenna: 16, reads: 3, flags }));
      const reading = {
        epc: EPC,
        ...(flags & 1 && { count: 3 }),
        ...(flags & 2 && { rssi_dbm: -45 }),
        ...(flags & 4 && { antenna: 16 }),
      };
      expect(other).toEqual({ ok: true, said: [{ kind: 'rfid', reading }] });
    }
  });

  it('tells the tags of its memory', () => {
    const one = thingmagicTag({ epc: EPC, rssi: -60, antenna: 1, reads: 7, flags: 0x0007 }).subarray(11, -2);
    const other = thingmagicTag({ epc: `${EPC.slice(0, -2)}86`, rssi: -61, antenna: 3, reads: 1, flags: 0x0007 });
    const frame = thingmagicResponse(0x29, 0, Buffer.concat([hex('0007 00 02'), one, other.subarray(11, -2)]));
    const understood = decoded(decoder, frame) as Understood;
    expect(understood.said.map(({ reading }) => reading)).toEqual([
      { epc: EPC, antenna: 1, rssi_dbm: -60, count: 7 },
      { epc: '3074257BF7194E4000001A86', antenna: 3, rssi_dbm: -61 },
    ]);
  });

  it('says that it is still there, and is refused in words by an error', () => {
    expect(decoded(decoder, thingmagicResponse(0x22, 0x0400, hex('')))).toMatchObject({ ok: true, said: [] });
    expect(decoded(decoder, thingmagicResponse(0x2f, 0, hex('')))).toMatchObject({ ok: true, said: [] });
    const refusal = decoded(decoder, thingmagicResponse(0x2f, 0x010b, hex('')));
    expect(refusal).toMatchObject({ ok: false, reason: expect.stringContaining('no region is set') });
  });

  it('is told to stop, its protocol, the antennas of its entry, and to start', () => {
    const { greeting } = lineOf(thingmagic, { ...DEVICE, antennas: { 1: 'floor', 4: 'back-room' } });
    const commands = (greeting as readonly Uint8Array[]).map((bytes) => Buffer.from(bytes).toString('hex'));
    expect(commands.map((text) => text.slice(0, -4))).toEqual([
      'ff032f000002',
      'ff02930005',
      'ff05910201010404',
      'ff102f00000122000005072210001b03e801ff',
    ]);
  });

  it('is refused when the telegram ends before what its flags announce', () => {
    const frame = thingmagicResponse(0x22, 0, hex('10 001B 01FF 01 01 C4 11'));
    expect(decoded(decoder, frame)).toMatchObject({ ok: false, reason: expect.stringContaining('ends before') });
  });
});

describe.each([
  {
    format: m100,
    telegrams: (count: number, random: () => number) =>
      m100Telegrams(epcs(count, random).map((epc) => ({ epc, rssi: -40 - Math.floor(random() * 40) }))),
  },
  {
    format: thingmagic,
    telegrams: (count: number, random: () => number) =>
      epcs(count, random).map((epc) =>
        random() < 0.05
          ? thingmagicResponse(0x22, 0x0400, Buffer.alloc(0))
          : thingmagicTag({
              epc,
              rssi: -40 - Math.floor(random() * 40),
              antenna: 1 + Math.floor(random() * 4),
              reads: 1,
              flags: 0x01ff,
            }),
      ),
  },
])('the line of $format.name', ({ format, telegrams }) => {
  const _decoder = format.open(DEVICE);

  it('gives every intact telegram of 10,000, with one byte in a hundred damaged', () => {
    for (const seed of [1, 2, 3]) {
      const line = corruptedLine(telegrams(10_000, seeded(seed)), { seed: seed + 10 });
      expect(line.damaged).toBeGreaterThan(1000);
      const parser = lineOf(format);
      const found = readInPortions(parser, line.bytes, seed);
      expect(judged(line, found).missing).toEqual([]);
      const whole = found.reduce((sum, { length }) => sum + length, 0);
      expect(line.bytes.length - whole - parser.skipped).toBeLessThan(300);
    }
  });

  it('finds its way again after half a telegram as soon as the line is quiet', () => {
    const [first, second] = telegrams(2, seeded(5));
    if (first === undefined || second === undefined) throw new Error('no telegrams');
    for (let cut = 1; cut < first.length; cut += 1) {
      const parser = lineOf(format);
      const found = [...parser.push(first.subarray(0, cut)), ...parser.push(second), ...(parser.idle?.() ?? [])];
      expect(found).toEqual([new Uint8Array(second)]);
      expect(parser.skipped).toBe(cut);
    }
  });

  it('waits for the rest of a telegram, however late it is', () => {
    const [first] = telegrams(1, seeded(5));
    if (first === undefined) throw new Error('no telegram');
    for (let cut = 1; cut < first.length; cut += 1) {
      const parser = lineOf(format);
      expect([...parser.push(first.subarray(0, cut)), ...(parser.idle?.() ?? [])]).toEqual([]);
      expect(parser.push(first.subarray(cut))).toEqual([new Uint8Array(first)]);
    }
  });

  it('holds no more than a telegram of endless garbage', () => {
    const parser = lineOf(format);
    const marks = Buffer.alloc(100_000, 0xff);
    const others = Buffer.alloc(100_000, 0xbb);
    const started = performance.now();
    for (let i = 0; i < 5; i += 1) for (const bytes of [marks, others]) parser.push(bytes);
    // A megabyte is more than a minute of such a line.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(parser.skipped).toBeGreaterThan(1_000_000 - 300);
  });
});
