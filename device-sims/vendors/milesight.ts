/**
 * What Milesight's sensors put into a LoRaWAN uplink: items of channel, type and value, numbers little-endian, by the
 * tables of the user guides.
 */

function i16(value: number): number[] {
  return u16(value < 0 ? value + 0x10000 : value);
}

function u16(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

function u32(value: number): number[] {
  return [...u16(value % 0x10000), ...u16(Math.floor(value / 0x10000))];
}

export interface Em300Th {
  /** Percent. */
  readonly battery?: number;
  /** Degrees Celsius, told in tenths. */
  readonly celsius: number;
  /** Percent, told in halves. */
  readonly humidity?: number;
}

/** Thermometer: 01 75 battery, 03 67 temperature, 04 68 humidity. */
export function em300Th({ battery, celsius, humidity }: Em300Th): Buffer {
  return Buffer.from([
    ...batteryItem(battery),
    ...[0x03, 0x67, ...i16(Math.round(celsius * 10))],
    ...(humidity === undefined ? [] : [0x04, 0x68, Math.round(humidity * 2)]),
  ]);
}

export interface Em400Tld {
  readonly battery?: number;
  readonly celsius?: number;
  readonly mm: number;
  readonly tilted?: boolean;
}

/** Distance meter: 01 75 battery, 03 67 temperature, 04 82 distance, 05 00 position. */
export function em400Tld({ battery, celsius, mm, tilted = false }: Em400Tld): Buffer {
  return Buffer.from([
    ...batteryItem(battery),
    ...(celsius === undefined ? [] : [0x03, 0x67, ...i16(Math.round(celsius * 10))]),
    ...[0x04, 0x82, ...u16(mm), 0x05, 0x00, tilted ? 1 : 0],
  ]);
}

/** Persons since it was switched on, of its first line. */
export interface Totals {
  readonly in: number;
  readonly out: number;
}

/** People counter: 03 D2 and 04 D2, 32 bits each. */
export function vs133(totals: Totals): Buffer {
  return Buffer.from([0x03, 0xd2, ...u32(totals.in), 0x04, 0xd2, ...u32(totals.out)]);
}

/** What a register of 16 bits shows of a total. */
const REGISTER = 0x10000;

/** People counter: 05 CC since the last report, 0D CC the totals, which begin again at 0 after 65535. */
export function vs121(totals: Totals, since: Totals): Buffer {
  return Buffer.from([
    ...[0x05, 0xcc, ...u16(since.in), ...u16(since.out)],
    ...[0x0d, 0xcc, ...u16(totals.in % REGISTER), ...u16(totals.out % REGISTER)],
  ]);
}

function batteryItem(percent: number | undefined): number[] {
  return percent === undefined ? [] : [0x01, 0x75, percent];
}
