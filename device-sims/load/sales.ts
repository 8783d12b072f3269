/**
 * Two-line sales of about 300 bytes as finished MQTT packets whose few changing digits are patched in place: the
 * generator shares the machine with what it measures, so a sale must cost it next to nothing.
 *
 * Every id can be made again from (run, connection, number), so a checker knows what must be in the journal.
 */
import { publishPacket } from './mqtt-bytes.ts';

const NUMBER_DIGITS = 10;
const RANDOM_ID_LENGTH = 32;
const TIME_LENGTH = 24;
const DIGIT_0 = 48;
const SHOPPER_DIGITS = 7;
/** One sale of so many names a shopper. */
const SHOPPER_EACH = 100;
const HEX = Buffer.from('0123456789abcdef');

export type IdStyle = 'sequential' | 'random';

/** Even connections count their ids up, odd ones draw them at random. */
export function idStyle(connection: number): IdStyle {
  return connection % 2 === 0 ? 'sequential' : 'random';
}

export function deviceName(connection: number): string {
  return `till-${connection + 1}`;
}

/** The reading's id of a sale, as text. `run` is a word that no other run on the same journal used. */
export function saleId(run: string, connection: number, number: number): string {
  if (idStyle(connection) === 'sequential') {
    return `${run}-${connection}-${String(number).padStart(NUMBER_DIGITS, '0')}`;
  }
  const text = Buffer.alloc(RANDOM_ID_LENGTH);
  writeRandomId(text, 0, seedOf(run, connection), number);
  return text.toString('latin1');
}

/** A seed of 32 bits from a run and a connection (FNV-1a, 32 bits). */
function seedOf(run: string, connection: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${run}/${connection}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** The finalizer of MurmurHash3: a bijection of 32 bits, so two numbers of one connection never meet. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

function writeRandomId(bytes: Buffer, at: number, seed: number, number: number): void {
  let offset = at;
  let word = mix(number ^ seed);
  for (let i = 0; i < 4; i += 1) {
    for (let shift = 28; shift >= 0; shift -= 4) {
      bytes[offset] = HEX[(word >>> shift) & 15] ?? 0;
      offset += 1;
    }
    word = mix((word + seed + 0x9e3779b9) | 0);
  }
}

/** Pseudonym of the n-th shopper. */
export function shopperName(n: number): string {
  return `shopper-${String(n).padStart(SHOPPER_DIGITS, '0')}`;
}

function writeNumber(bytes: Buffer, at: number, number: number, digits = NUMBER_DIGITS): void {
  let rest = number;
  for (let i = digits - 1; i >= 0; i -= 1) {
    const next = Math.floor(rest / 10);
    bytes[at + i] = DIGIT_0 + (rest - next * 10);
    rest = next;
  }
}

/** GTIN-14 of the n-th product of a made-up catalogue (GS1's example prefix 952), with its check digit. */
export function productGtin(n: number): string {
  const digits = `0952${String(n % 1_000_000_000).padStart(9, '0')}`;
  let sum = 0;
  for (let i = 0; i < 13; i += 1) sum += Number(digits[i]) * (i % 2 === 0 ? 3 : 1);
  return digits + ((10 - (sum % 10)) % 10);
}

const SHOPPER_FIELD = `,"shopper":"${shopperName(0)}"`;

/** The packets of one connection: `slots` of them in one block, packet id = slot + 1, ready to send in any number. */
export class SalePackets {
  readonly bytes: Buffer;
  readonly size: number;
  private readonly style: IdStyle;
  private readonly seed: number;
  private readonly idAt: number;
  private readonly transactionAt: number;
  private readonly timeAt: number;
  /** Where a shopper is named, and how many there are; in the other sales there is white space of the same length. */
  private readonly shoppers: { readonly at: number; readonly named: Buffer; readonly unnamed: Buffer; count: number };

  /** `shoppers`: one sale of a hundred names one of so many; 0: none does. */
  constructor(run: string, connection: number, slots: number, shoppers = 0) {
    this.style = idStyle(connection);
    this.seed = seedOf(run, connection);
    const packets = Array.from({ length: slots }, (_, slot) =>
      publishPacket(
        `in/sale/${deviceName(connection)}`,
        slot + 1,
        Buffer.from(saleText(run, connection, slot, shoppers > 0)),
      ),
    );
    this.bytes = Buffer.concat(packets);
    this.size = packets[0]?.length ?? 0;
    if (packets.some((one) => one.length !== this.size)) throw new Error('sale packets differ in length');
    const idFrom = this.bytes.indexOf('"id":"') + 6;
    const idTo = this.bytes.indexOf('"', idFrom);
    this.idAt = this.style === 'random' ? idFrom : idTo - NUMBER_DIGITS;
    this.transactionAt = this.bytes.indexOf('"transaction":"') + 15;
    this.timeAt = this.bytes.indexOf('"time":"') + 8;
    const named = Buffer.from(SHOPPER_FIELD);
    this.shoppers = { at: this.bytes.indexOf(named), named, unnamed: Buffer.alloc(named.length, ' '), count: shoppers };
  }

  /** Makes a slot the sale of this number. `time` is ISO 8601 text of 24 bytes. */
  fill(slot: number, number: number, time: Buffer): void {
    const base = slot * this.size;
    if (this.style === 'random') writeRandomId(this.bytes, base + this.idAt, this.seed, number);
    else writeNumber(this.bytes, base + this.idAt, number);
    writeNumber(this.bytes, base + this.transactionAt, number);
    time.copy(this.bytes, base + this.timeAt, 0, TIME_LENGTH);
    if (this.shoppers.count > 0) this.nameShopper(base + this.shoppers.at, number);
  }

  private nameShopper(at: number, number: number): void {
    const { named, unnamed, count } = this.shoppers;
    const drawn = mix(number ^ this.seed) >>> 0;
    const isNamed = drawn % SHOPPER_EACH === 0;
    (isNamed ? named : unnamed).copy(this.bytes, at);
    if (!isNamed) return;
    const shopper = Math.floor(drawn / SHOPPER_EACH) % count;
    writeNumber(this.bytes, at + named.length - 1 - SHOPPER_DIGITS, shopper, SHOPPER_DIGITS);
  }
}

/** The text of a slot's sale, with number 0: each slot sells other products. All have the same length. */
function saleText(run: string, connection: number, slot: number, named: boolean): string {
  const product = (connection * 64 + slot) * 2;
  const first = 100 + ((product * 37) % 900);
  const second = 1000 + ((product * 91) % 9000);
  const text = JSON.stringify({
    id: saleId(run, connection, 0),
    time: new Date(0).toISOString(),
    till: deviceName(connection),
    transaction: '0'.repeat(NUMBER_DIGITS),
    lines: [
      { gtin: productGtin(product), quantity: 1 + (slot % 3), price: { amount: first, currency: 'EUR' } },
      { gtin: productGtin(product + 1), quantity: 1 + (slot % 2), price: { amount: second, currency: 'EUR' } },
    ],
    total: { amount: 10_000 + first + second, currency: 'EUR' },
  });
  return named ? `${text.slice(0, -1)}${SHOPPER_FIELD}}` : text;
}
