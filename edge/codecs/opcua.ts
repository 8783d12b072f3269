/**
 * Controllers of cold units that speak OPC UA. A frame is what the server last told of one thermometer and of what
 * belongs to its unit (contracts/opcua.ts), and becomes one climate reading.
 *
 *   status Good*       the value counts
 *          Uncertain*  the value counts, with a note, and at the time of receipt: when it was measured is not sure either
 *          Bad*        there is no value; without a temperature there is no reading
 *   unit   CEL (4408652), FAH (4604232), KEL (4932940), or as text; none: degrees Celsius
 *   time   the newest source timestamp of what counts. OPC UA sends changes only, so a time of long ago tells when the
 *          value last changed, not when it was measured: then the reading is of now
 */
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Understood } from '../contracts/formats.ts';
import { type OpcUaFrame, type OpcUaValue, opcUaGroups } from '../contracts/opcua.ts';
import { OnceInAWhile } from './once-in-a-while.ts';

const CELSIUS = 4_408_652;
const FAHRENHEIT = 4_604_232;
const KELVIN = 4_932_940;
/** A source timestamp older than this says when the value changed. */
const FRESH_MS = 60_000;

type Scale = 'celsius' | 'fahrenheit' | 'kelvin';

function scaleOf({ unit }: OpcUaValue): Scale | undefined {
  if (unit === undefined) return 'celsius';
  if (unit.id === CELSIUS) return 'celsius';
  if (unit.id === FAHRENHEIT) return 'fahrenheit';
  if (unit.id === KELVIN) return 'kelvin';
  const text = unit.text
    .trim()
    .replace(/^(°|deg(rees?)? ?)/i, '')
    .toLowerCase();
  if (text === '' || text === 'c' || text === 'celsius') return 'celsius';
  if (text === 'f' || text === 'fahrenheit') return 'fahrenheit';
  return text === 'k' || text === 'kelvin' ? 'kelvin' : undefined;
}

/** A controller's Float has seven digits: more than thousandths are an artefact of its conversion. */
function toCelsius(value: number, scale: Scale, correction: number): number {
  const celsius = scale === 'fahrenheit' ? ((value - 32) * 5) / 9 : scale === 'kelvin' ? value - 273.15 : value;
  return Number((celsius + correction).toFixed(3));
}

const isGood = ({ status }: OpcUaValue): boolean => status.startsWith('Good');
const isUsable = (value: OpcUaValue): boolean =>
  value.value !== null && (isGood(value) || value.status.startsWith('Uncertain'));

class OpcUaDecoder implements Decoder {
  readonly #correction: number;
  readonly #complaints = new OnceInAWhile();
  /** Of all units of this server: an earlier time than this would count as history. */
  #latest = 0;

  constructor(correction: number) {
    this.#correction = correction;
  }

  decode({ bytes, received }: Frame): Understood | NotUnderstood {
    const frame = read(bytes);
    if (frame === undefined) return { ok: false, reason: 'this is no frame of an OPC UA server' };
    const celsius = frame.values.find(({ is }) => is === 'celsius');
    if (celsius === undefined) return { ok: true, said: [], note: `${frame.unit}: no temperature yet` };
    const notes = frame.values.filter((value) => !isGood(value)).map(({ node, status }) => `${node} is ${status}`);
    if (!isUsable(celsius) || typeof celsius.value !== 'number') {
      const why = isGood(celsius) ? `${celsius.node} has no number` : notes.join('; ');
      return { ok: true, said: [], note: `${why}: no temperature of ${frame.unit}` };
    }
    const scale = scaleOf(celsius);
    if (scale === undefined) {
      const reason = `${celsius.node} measures in ${celsius.unit?.text}: expected °C, °F or K`;
      return this.#complaints.isDue(reason, received) ? { ok: false, reason } : { ok: true, said: [], note: reason };
    }
    const reading = {
      unit: frame.unit,
      celsius: toCelsius(celsius.value, scale, this.#correction),
      probe: frame.probe,
      ...rest(frame.values, notes),
      ...this.#time(frame, celsius, received),
    };
    return { ok: true, said: [{ kind: 'climate', reading }], ...(notes.length > 0 && { note: notes.join('; ') }) };
  }

  #time(frame: OpcUaFrame, celsius: OpcUaValue, received: number): { time?: number } {
    if (frame.again || !isGood(celsius)) return {};
    const times = frame.values.filter((value) => isUsable(value) && isGood(value)).map(({ time }) => time ?? 0);
    const time = Math.max(...times);
    if (time <= this.#latest || received - time > FRESH_MS) return {};
    this.#latest = time;
    return { time };
  }
}

/** Humidity, door and defrost, as far as they count. */
function rest(values: readonly OpcUaValue[], notes: string[]): Record<string, number | boolean> {
  const fields: Record<string, number | boolean> = {};
  for (const value of values) {
    if (value.is === 'celsius' || !isUsable(value)) continue;
    if (value.is !== 'humidity') fields[value.is] = Boolean(value.value);
    else if (typeof value.value === 'number' && value.value >= 0 && value.value <= 100) fields.humidity = value.value;
    else notes.push(`${value.node} is ${value.value}: expected percent`);
  }
  return fields;
}

/** Never throws. */
function read(bytes: Uint8Array): OpcUaFrame | undefined {
  try {
    const frame = JSON.parse(Buffer.from(bytes).toString('utf8')) as Partial<OpcUaFrame> | null;
    if (typeof frame?.unit !== 'string' || (frame.probe !== 'air' && frame.probe !== 'product')) return undefined;
    return Array.isArray(frame.values) && frame.values.every(isValue) ? (frame as OpcUaFrame) : undefined;
  } catch {
    return undefined;
  }
}

function isValue(value: Partial<OpcUaValue> | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { node, is, status, value: told, unit, time } = value;
  const isKnown = is === 'celsius' || is === 'humidity' || is === 'door_open' || is === 'defrost';
  const isTold = told === null || typeof told === 'boolean' || Number.isFinite(told);
  const isUnit = unit === undefined || (typeof unit?.id === 'number' && typeof unit.text === 'string');
  const isTime = time === undefined || (Number.isInteger(time) && time >= 0);
  return typeof node === 'string' && isKnown && typeof status === 'string' && isTold && isUnit && isTime;
}

export const opcua: Format = {
  name: 'opcua',
  open(device) {
    const { faults } = opcUaGroups(device);
    if (faults.length > 0) throw new HubError('CONFIG_INVALID', `${faults.join('; ')}`);
    return new OpcUaDecoder(device.calibration.celsius);
  },
};
