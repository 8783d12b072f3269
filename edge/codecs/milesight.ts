/**
 * Milesight's sensors, the bytes of one LoRaWAN uplink, by the tables of the vendor's user guides:
 *
 *   uplink  := item+
 *   item    := channel type value        a byte, a byte, then as many as the table says; numbers little-endian
 *
 *   01 75  u8            battery, percent
 *   03 67  i16           temperature, 0.1 C                         EM300-TH, EM400-TLD
 *   83 67  i16 u8        the same with an alarm's state: 0 over, 1 alarm
 *   04 68  u8            relative humidity, 0.5 %                   EM300-TH
 *   04 82  i16           distance, mm                               EM400-TLD
 *   84 82  i16 u8        the same with an alarm's state
 *   05 00  u8            position: 0 upright, 1 tilted
 *   20 CE  u32 i16 u8 [00]  a record of the past: epoch s, temperature, humidity, and of newer firmware a reserved
 *                        byte   EM300-TH
 *   03 06 09 0C  D2 u32  line 1 2 3 4: total in                     VS133
 *   04 07 0A 0D  D2 u32  line 1 2 3 4: total out
 *   05 08 0B 0E  CC u16 u16   line 1 2 3 4: in and out since the last report
 *   0F E3  u8 x 4        persons in region 1 2 3 4
 *   10 E4  u8 u16 u16    dwell of a region, not used
 *   05 CC  u16 u16       in and out since the last report           VS121
 *   0D CC  u16 u16       total in and out; they begin again at 0 after 65535
 *   04 C9  u8 u8 u16     persons now, regions, which are taken
 *   06 CD, 07 D5, 08 D5, 0E E4, 09..0C DA    other figures of the VS121, not used
 *   FF ..                what the device is; FF 0B: it was switched on
 *
 * The length of an item follows from its table alone. An item that is in none may have any length, so what stands
 * behind it is left alone, and said so; an item that ends too early refuses the uplink.
 */

export interface LineCounts {
  totalIn?: number;
  totalOut?: number;
  /** Totals begin again at 0 at this number. */
  wrapsAt?: number;
  /** Since the last report. */
  in?: number;
  out?: number;
}

export interface PastClimate {
  /** Epoch s. */
  readonly at: number;
  readonly celsius: number;
  readonly humidity: number;
}

/** What an uplink says, in the units of the hub; what it does not say is absent. */
export interface Measured {
  battery?: number;
  celsius?: number;
  humidity?: number;
  /** mm. */
  distance?: number;
  tilted?: boolean;
  /** In the detection area. */
  persons?: number;
  regions?: readonly number[];
  readonly lines: Map<number, LineCounts>;
  readonly past: PastClimate[];
  /** For whoever watches the device. */
  readonly notes: string[];
}

type Read = (into: Measured, view: DataView, at: number) => void;

interface Item {
  readonly length: number;
  readonly read?: Read;
}

const U16 = 65_536;
const U32 = 4_294_967_296;

const temperature: Read = (into, view, at) => {
  const celsius = view.getInt16(at, true) / 10;
  if (celsius < -100 || celsius > 200) into.notes.push(`the thermometer says ${celsius} C, which it cannot measure`);
  else into.celsius = celsius;
};

const humidity: Read = (into, view, at) => {
  const percent = view.getUint8(at) / 2;
  if (percent > 100) into.notes.push('the humidity sensor says more than 100 %');
  else into.humidity = percent;
};

const distance: Read = (into, view, at) => {
  const mm = view.getInt16(at, true);
  if (mm < 0) into.notes.push('no distance: nothing within reach, or the sensor is covered');
  else into.distance = mm;
};

const alarm = (what: string, read: Read): Item => ({
  length: 3,
  read: (into, view, at) => {
    read(into, view, at);
    const state = view.getUint8(at + 2);
    into.notes.push(`its own ${what} alarm: ${state === 0 ? 'over' : state === 1 ? 'raised' : `state ${state}`}`);
  },
});

const ITEMS: ReadonlyMap<number, Item> = new Map<number, Item>([
  [
    0x0175,
    {
      length: 1,
      read: (into, view, at) => {
        const percent = view.getUint8(at);
        if (percent <= 100) into.battery = percent;
      },
    },
  ],
  [0x0367, { length: 2, read: temperature }],
  [0x8367, alarm('temperature', temperature)],
  [0x0468, { length: 1, read: humidity }],
  [0x0482, { length: 2, read: distance }],
  [0x8482, alarm('distance', distance)],
  [
    0x0500,
    {
      length: 1,
      read: (into, view, at) => {
        into.tilted = view.getUint8(at) !== 0;
      },
    },
  ],
  ...[1, 2, 3, 4].flatMap((line): [number, Item][] => {
    const channel = line * 3;
    return [
      [(channel << 8) | 0xd2, total(line, 'totalIn')],
      [((channel + 1) << 8) | 0xd2, total(line, 'totalOut')],
      [((channel + 2) << 8) | 0xcc, { length: 4, read: since(line) }],
    ];
  }),
  [
    0x0dcc,
    {
      length: 4,
      read: (into, view, at) => {
        const counts = lineOf(into, 1);
        counts.totalIn = view.getUint16(at, true);
        counts.totalOut = view.getUint16(at + 2, true);
        counts.wrapsAt = U16;
      },
    },
  ],
  [
    0x04c9,
    {
      length: 4,
      read: (into, view, at) => {
        into.persons = view.getUint8(at);
      },
    },
  ],
  [
    0x0fe3,
    {
      length: 4,
      read: (into, view, at) => {
        into.regions = [0, 1, 2, 3].map((region) => view.getUint8(at + region));
      },
    },
  ],
  [0x10e4, { length: 5 }],
  [0x0ee4, { length: 5 }],
  [0x06cd, { length: 1 }],
  [0x07d5, { length: 8 }],
  [0x08d5, { length: 8 }],
  ...[0x09da, 0x0ada, 0x0bda, 0x0cda].map((key): [number, Item] => [key, { length: 8 }]),
  [0xff0b, { length: 1, read: (into) => void into.notes.push('it was switched on') }],
  [0xff01, { length: 1 }],
  [0xff08, { length: 6 }],
  [0xff09, { length: 2 }],
  [0xff0a, { length: 2 }],
  [0xff0f, { length: 1 }],
  [0xff16, { length: 8 }],
  [0xff1f, { length: 4 }],
  [0xffff, { length: 2 }],
]);

/** Of an EM300-TH only: other models keep other records under the same number. */
const PAST = 0x20ce;
const PAST_CLIMATE: Item = {
  length: 7,
  read: (into, view, at) => {
    const one: Measured = { lines: new Map(), past: [], notes: into.notes };
    temperature(one, view, at + 4);
    humidity(one, view, at + 6);
    if (one.celsius === undefined || one.humidity === undefined) return;
    into.past.push({ at: view.getUint32(at, true), celsius: one.celsius, humidity: one.humidity });
  },
};

/** @returns what the uplink says, or why nothing of it is understood. */
export function readMilesight(bytes: Uint8Array, model: string | undefined): Measured | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const into: Measured = { lines: new Map(), past: [], notes: [] };
  let known = 0;
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) return `the uplink ends in the middle of an item, at byte ${at}`;
    const key = view.getUint16(at, false);
    const item = key === PAST ? (model === 'em300-th' ? PAST_CLIMATE : undefined) : ITEMS.get(key);
    const name = `${hex(key >> 8)} ${hex(key & 0xff)}`;
    if (item === undefined) {
      const rest = bytes.length - at;
      if (known === 0) return `item ${name} is none of an EM300-TH, EM400-TLD, VS121 or VS133`;
      into.notes.push(`item ${name} is not known: the last ${rest} bytes of the uplink are left alone`);
      break;
    }
    if (at + 2 + item.length > bytes.length)
      return `the uplink ends in the middle of item ${name}: expected ${item.length} bytes of it`;
    item.read?.(into, view, at + 2);
    known += 1;
    at += 2 + item.length;
    // No item begins with 0: it is the reserved byte of a record.
    if (item === PAST_CLIMATE && bytes[at] === 0) at += 1;
  }
  return into;
}

function lineOf(into: Measured, line: number): LineCounts {
  const known = into.lines.get(line);
  if (known) return known;
  const counts: LineCounts = {};
  into.lines.set(line, counts);
  return counts;
}

function total(line: number, which: 'totalIn' | 'totalOut'): Item {
  return {
    length: 4,
    read: (into, view, at) => {
      const counts = lineOf(into, line);
      counts[which] = view.getUint32(at, true);
      counts.wrapsAt = U32;
    },
  };
}

function since(line: number): Read {
  return (into, view, at) => {
    const counts = lineOf(into, line);
    counts.in = view.getUint16(at, true);
    counts.out = view.getUint16(at + 2, true);
  };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0').toUpperCase();
}
