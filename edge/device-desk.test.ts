import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HubJson } from './codecs/hub-json.ts';
import { cardsMasked, maskedCopy } from './codecs/masking.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import type { Format, Frame, Said } from './contracts/formats.ts';
import type { Receipt } from './contracts/intake.ts';
import { DeviceDesk } from './device-desk.ts';
import { DeviceRegister } from './device-register.ts';
import { ControlledIntake } from './devices/controlled-intake.ts';

const NOW = Date.parse('2026-03-02T10:00:00Z');

/** Says what stands in the frame; `later` answers in a later turn, `broken` is not understood. */
const format: Format = {
  name: 'impinj',
  open: () => ({
    decode(frame) {
      const { said, broken, later } = JSON.parse(Buffer.from(frame.bytes).toString()) as {
        said?: Said[];
        broken?: string;
        later?: boolean;
      };
      const result =
        broken === undefined ? { ok: true as const, said: said ?? [] } : { ok: false as const, reason: broken };
      return later ? Promise.resolve(result) : result;
    },
  }),
};

const device = (name: string, more: Partial<DeviceConfig> = {}): DeviceConfig => ({
  name,
  codec: 'impinj',
  calibration: { celsius: 0, weight: 1 },
  ...more,
});

let intake: ControlledIntake;
let register: DeviceRegister;
let desk: DeviceDesk;
let receipts: Receipt[];
let counted: number;

function open(devices: readonly DeviceConfig[], formatOf: () => Format | undefined = () => format): void {
  const judge = new HubJson({ facing: () => undefined, dayAt: () => '2026-03-02', conceal: () => '' }).judge;
  register = new DeviceRegister(devices, maskedCopy);
  desk = new DeviceDesk({
    ...{ devices, formatOf, judge, mask: maskedCopy, intake, register },
    counted: (_kind, readings) => {
      counted += readings;
    },
  });
  desk.start();
}

beforeEach(() => {
  intake = new ControlledIntake();
  intake.automatic = false;
  receipts = [];
  counted = 0;
  open([device('reader')]);
});

afterEach(() => desk.stop());

const give = (content: unknown, ...notes: [position?: { source: string; value: string }]): void =>
  desk.take(
    'reader',
    { bytes: Buffer.from(JSON.stringify(content)), topic: 'shop/reader', received: NOW },
    (receipt) => void receipts.push(receipt),
    ...notes,
  );

const shelf = (count: number, more: object = {}): Said => ({
  kind: 'shelf',
  reading: { shelf: 'A', gtin: '09521234543213', count },
  ...more,
});
const status: Said = { kind: 'status', reading: { online: true, battery_percent: 41 } };

describe('a frame', () => {
  test('of several kinds and devices is one delivery with one receipt', () => {
    give({ said: [shelf(3), status, shelf(4), shelf(5, { device: 'B' })] });
    const [{ kind, device, readings, also = [] } = { also: [] }, ...more] = intake.deliveries;
    expect([kind, device, readings?.length, more]).toEqual(['shelf', 'reader', 2, []]);
    expect(also.map((part) => [part.kind, part.device, part.readings.length])).toEqual([
      ['status', 'reader', 1],
      ['shelf', 'B', 1],
    ]);
    expect(receipts).toEqual([]);
    intake.answer();
    expect(receipts).toEqual([{ outcome: 'accepted', accepted: 4, repeated: 0 }]);
  });

  test("with a vendor's number names what is not numbered beside it, by all of its bytes", () => {
    const numbered = { kind: 'shelf', reading: { id: '7', shelf: 'A', gtin: '09521234543213', count: 3 } } as const;
    for (const battery_percent of [41, 41, 42])
      give({ said: [numbered, { kind: 'status', reading: { online: true, battery_percent } }] });
    const names = intake.deliveries.map(({ also }) => also?.[0]?.readings[0]?.identity);
    expect([names[0], names[2]]).toEqual([names[1], expect.stringMatching(/^frame\0reader\0/)]);
    expect(names[0]).not.toBe(names[2]);
    // An old record that comes again says nothing about the rest, and without a number equal frames may be two facts.
    give({ said: [{ ...numbered, history: true }, status] });
    give({ said: [shelf(3), status] });
    const unnamed = intake.deliveries.slice(3).map(({ also }) => also?.[0]?.readings[0]?.identity);
    expect(unnamed).toEqual([undefined, undefined]);
  });

  test('of one device that speaks for another shows whose way it is', () => {
    give({ said: [shelf(5, { device: 'B' })] });
    expect(register.list(NOW)).toMatchObject([
      { name: 'reader', configured: true, frames: 1, readings: 0 },
      { name: 'B', configured: false, codec: 'impinj', through: 'reader', way: 'by reader', readings: 1 },
    ]);
  });

  test('that holds one bad reading is kept as one dead letter with its topic, and nothing of it is taken', () => {
    give({ said: [shelf(3), { kind: 'shelf', reading: { shelf: 'A', count: -1 } }, status] });
    intake.answer();
    expect(intake.deliveries).toEqual([]);
    expect(intake.refusals).toMatchObject([{ kind: 'frame', device: 'reader', topic: 'shop/reader' }]);
    expect(intake.refusals[0]?.reason).toMatch(/^shelf: /);
    expect(receipts).toMatchObject([{ outcome: 'refused', letter: 'letter-1', reason: intake.refusals[0]?.reason }]);
    expect(register.list(NOW)[0]?.error?.reason).toMatch(/^shelf: /);
  });

  test('that says nothing is accepted at once', () => {
    give({ said: [] });
    expect(receipts).toEqual([{ outcome: 'accepted', accepted: 0, repeated: 0 }]);
    expect(intake.waiting).toEqual([]);
    expect(register.list(NOW)[0]).toMatchObject({ frames: 1, readings: 0, lastSeen: NOW });
  });

  test('of readings that are only counted never reaches the journal', () => {
    give({ said: [{ kind: 'rfid', reading: { epc: '3034257BF7194E4000001A85' } }] });
    expect(receipts).toEqual([{ outcome: 'accepted', accepted: 1, repeated: 0 }]);
    expect([intake.waiting.length, counted]).toEqual([0, 1]);
  });

  test('that a codec reads in a later turn is answered all the same', async () => {
    give({ said: [shelf(3)], later: true });
    expect(intake.waiting).toEqual([]);
    await new Promise(setImmediate);
    intake.answer();
    expect(receipts).toEqual([{ outcome: 'accepted', accepted: 1, repeated: 0 }]);
  });

  test('that cannot be stored is told of, and comes again', () => {
    give({ said: [shelf(3), status] });
    intake.broken = true;
    intake.answer();
    expect(receipts).toEqual([{ outcome: 'not-stored', reason: 'disk full' }]);
    expect(register.list(NOW)[0]).toMatchObject({ frames: 1, error: { reason: 'not stored: disk full' } });
  });

  test('keeps which of its readings are of the past', () => {
    give({ said: [shelf(3, { history: true }), shelf(4)] });
    expect(intake.deliveries[0]?.readings.map(({ history }) => history)).toEqual([true, undefined]);
  });
});

describe('the position of a source', () => {
  const position = { source: '/tills/1.xml', value: '120' };

  test('goes with all of the frame', () => {
    give({ said: [shelf(3), status] }, position);
    expect(intake.deliveries).toMatchObject([{ kind: 'shelf', position, also: [{ kind: 'status' }] }]);
  });

  test('moves with a frame that says nothing, and with the dead letter of one that was not understood', () => {
    give({ said: [] }, position);
    give({ broken: 'half a file' }, { ...position, value: '240' });
    intake.answer();
    expect(intake.deliveries).toMatchObject([{ kind: 'status', readings: [], position }]);
    expect(intake.refusals).toMatchObject([{ position: { value: '240' } }]);
    expect(receipts.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused']);
  });
});

describe('what may name a person', () => {
  test('is in no dead letter and no shown frame of a personal format or of a mapping to presence', () => {
    for (const personal of [true, false]) {
      const shoppers = device('reader', { mapping: { presence: '{}' } });
      open([personal ? device('reader') : shoppers], () => ({ ...format, personal }));
      give({ broken: 'of somebody', name: 'anna' });
      expect(intake.refusals.at(-1)?.bytes).toBeNull();
      expect(register.frames('reader', NOW)?.map(({ raw }) => raw)).toEqual([null]);
    }
  });

  test('is not shown where a frame holds it beside other things', () => {
    give({ said: [{ kind: 'presence', reading: { zone: 'z', shopper: 'anna', present: true } }, status] });
    const [shown] = register.frames('reader', NOW) ?? [];
    expect(shown?.raw).toBeNull();
    expect(shown?.decoded).toEqual([JSON.stringify({ kind: 'status', online: true, battery_percent: 41 })]);
  });
});

test('a frame at which the codec fails is kept as a dead letter, and does not come again', async () => {
  for (const answer of [() => Promise.reject(new Error('odd')), () => JSON.parse('odd')]) {
    open([device('reader')], () => ({ ...format, open: () => ({ decode: answer }) }));
    give({});
    await new Promise(setImmediate);
    intake.answer();
    expect(receipts.at(-1)).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(/^its codec failed: /) });
  }
});

test('a frame that has no room now is no dead letter: it is not acknowledged', () => {
  const answer = { ok: false, later: true, reason: 'too many wait' } as const;
  open([device('reader')], () => ({ ...format, open: () => ({ decode: () => answer }) }));
  give({});
  expect(receipts).toEqual([{ outcome: 'not-stored', reason: 'too many wait' }]);
  expect(intake.refusals).toEqual([]);
  expect(register.list(NOW)[0]?.error?.reason).toBe('too many wait');
});

test('a codec is told which frame could not be stored', () => {
  const unstored: Frame[] = [];
  const listening: Format = {
    ...format,
    open: (config: DeviceConfig) => ({ ...format.open(config), unstored: (frame: Frame) => unstored.push(frame) }),
  };
  open([device('reader')], () => listening);
  give({ said: [status] });
  intake.answer();
  intake.broken = true;
  give({ said: [shelf(3), status] });
  intake.answer();
  expect(unstored.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
    JSON.stringify({ said: [shelf(3), status] }),
  ]);
});

test('a frame that comes while the hub stops is to be sent again', () => {
  desk.stop();
  give({});
  expect(receipts).toEqual([{ outcome: 'not-stored', reason: 'the hub stops' }]);
});

test('a frame that is tried again is no sign of life', () => {
  desk.retry('reader', { bytes: Buffer.from(JSON.stringify({ said: [status] })), received: NOW }, (receipt) =>
    receipts.push(receipt),
  );
  intake.answer();
  expect(receipts).toEqual([{ outcome: 'accepted', accepted: 1, repeated: 0 }]);
  expect(register.list(NOW)[0]).toMatchObject({ frames: 0, lastSeen: undefined });
});

test('a codec that this version does not read is named with its entry', () => {
  expect(() => open([device('x')], () => undefined)).toThrow('devices[0].codec: this version does not read impinj yet');
});

test('cards are masked in the name that a device gives, and in the reason of a refusal', () => {
  give({ said: [{ ...shelf(3), device: 'till-4111111111111111' }] });
  expect(intake.deliveries.map((delivery) => delivery.device)).toEqual(['till-411111******1111']);
  give({ broken: '"4111111111111111" is no date' });
  expect(intake.refusals[0]?.reason).toBe('"411111******1111" is no date');
});

test('a frame of another format than its entry names is refused with the codec that it looks like', () => {
  open([device('reader')], () => ({ ...format, open: () => ({ decode: () => ({ ok: false, reason: 'no said' }) }) }));
  give({ type: 'SIMPLE', data: { idHex: '3074257BF7194E4000001A85', antenna: 1 } });
  expect(intake.refusals.at(-1)?.reason).toBe('no said; it looks like codec zebra');
  give({ more: 'x'.repeat(2000), idHex: '' });
  expect(intake.refusals.at(-1)?.reason).toBe('no said');
});

test('cards are masked in what is kept of a refused frame', () => {
  give({ broken: 'no', card: '4111111111111111' });
  const kept = Buffer.from(intake.refusals[0]?.bytes ?? []).toString();
  expect(kept).toContain('broken');
  expect(kept).not.toContain('4111111111111111');
  expect(Buffer.from(cardsMasked(Buffer.from(kept))).toString()).toBe(kept);
});
