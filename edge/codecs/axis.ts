/**
 * Axis people counters: the push of intervals, and the two running totals that their APIs give.
 *
 *   push  := { apiName: "Axis Retail Data", data { utcFrom, utcTo, measurements: [measurement] }, sensor { serial, name } }
 *   measurement := { kind: "people-counts", utcFrom, utcTo, items: [{ direction: "in" | "out", count, adults }] }
 *            count includes adults; other kinds are noted only; no measurements: a test of the connection
 *   total := { serial, name, timestamp, in, out }                     AXIS People Counter, since midnight
 *   3d    := { occupancy, total_in, total_out, serial, timestamp }    AXIS 3D People Counter
 *   utcFrom, utcTo := ISO 8601 with Z; a count is of the last millisecond before utcTo, and so of the hour it was made in
 *
 * `timestamp` is the device's local time, mostly without an offset (20170503112756): such a time is none, and the reading
 * counts as of its receipt. Where it has an offset it is taken.
 *
 * Counts are those of the device's `line`; `places` may map the sensor's name or serial to a line, where one entry speaks
 * for several. Occupancy is that of the device's `zone`.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { countOf, type Fields, fieldsOf, idOf, listOf, nameOf, parsedFrame, placeOf, timeOf } from './json-frame.ts';

const EXPECTED = 'a push "Axis Retail Data", or totals as in and out, or total_in and total_out';
const NO_LINE = 'counts of a sensor that is not in `places`';

class Axis implements Decoder {
  readonly #device: DeviceConfig;

  constructor(device: DeviceConfig) {
    this.#device = device;
  }

  decode({ bytes }: { readonly bytes: Uint8Array }): Understood | NotUnderstood {
    const parsed = parsedFrame(bytes, EXPECTED);
    if (!parsed.ok) return parsed;
    const push = fieldsOf(parsed.value);
    if (push === undefined) return { ok: false, reason: `not a JSON object: expected ${EXPECTED}` };
    if (push.apiName !== undefined) return this.#intervals(push);
    const [entered, left] = [countOf(push.in) ?? countOf(push.total_in), countOf(push.out) ?? countOf(push.total_out)];
    const occupancy = countOf(push.occupancy);
    if (entered === undefined && left === undefined && occupancy === undefined)
      return { ok: false, reason: `no counts: expected ${EXPECTED}` };
    return this.#totals(push, entered, left, occupancy);
  }

  #totals(push: Fields, total_in?: number, total_out?: number, occupancy?: number): Understood {
    const when = timeOf(push.timestamp);
    const time = when !== undefined && { time: when };
    const line = this.#lineOf(push.name, push.serial);
    const { zone } = this.#device;
    const counts = { ...(total_in !== undefined && { total_in }), ...(total_out !== undefined && { total_out }) };
    const said: Said[] = [];
    if (line !== undefined && Object.keys(counts).length > 0)
      said.push({ kind: 'traffic', reading: { ...time, line, ...counts } });
    if (zone !== undefined && occupancy !== undefined)
      said.push({ kind: 'traffic', reading: { ...time, zone, occupancy } });
    return said.length > 0 ? { ok: true, said } : { ok: true, said, note: NO_LINE };
  }

  #intervals(push: Fields): Understood | NotUnderstood {
    if (push.apiName !== 'Axis Retail Data')
      return { ok: false, reason: `another API than "Axis Retail Data": expected ${EXPECTED}` };
    const sensor = fieldsOf(push.sensor) ?? {};
    const data = fieldsOf(push.data);
    if (!Array.isArray(data?.measurements))
      return { ok: false, reason: 'data.measurements is missing: expected a list' };
    const line = this.#lineOf(sensor.name, sensor.serial);
    const said: Said[] = [];
    const notes = new Set<string>();
    if (data.measurements.length === 0) notes.add('a test of the connection');
    for (const measurement of listOf(data.measurements)) {
      if (measurement.kind !== 'people-counts')
        notes.add('measurements of another kind than people-counts are not read');
      else if (line === undefined) notes.add(NO_LINE);
      else {
        const reading = this.#interval(measurement, line, nameOf(sensor.serial) ?? '');
        if (reading === 'odd') return { ok: false, reason: 'a count of persons that is no whole number from 0 on' };
        if (reading !== undefined) said.push(reading);
      }
    }
    return { ok: true, said, ...(notes.size > 0 && { note: [...notes].join('; ') }) };
  }

  #interval({ utcFrom, utcTo, items }: Fields, line: string, serial: string): Said | 'odd' | undefined {
    const persons = { in: 0, out: 0 };
    for (const { direction, count } of listOf(items)) {
      if (direction !== 'in' && direction !== 'out') continue;
      const counted = countOf(count);
      if (counted === undefined) return 'odd';
      persons[direction] += counted;
    }
    if (persons.in === 0 && persons.out === 0) return undefined;
    const [from, to] = [timeOf(utcFrom), timeOf(utcTo)];
    const interval = from !== undefined && to !== undefined ? { id: idOf(serial, line, from, to), time: to - 1 } : {};
    return { kind: 'traffic', reading: { ...interval, line, ...persons } };
  }

  #lineOf(...names: readonly unknown[]): string | undefined {
    const { places, line } = this.#device;
    return placeOf(places, ...names) ?? line;
  }
}

export const axis: Format = {
  name: 'axis',
  open(device) {
    const { line, zone, places } = device;
    if (line === undefined && zone === undefined && places === undefined)
      throw new HubError('CONFIG_INVALID', `axis needs \`line\`, \`zone\` or \`places\``);
    return new Axis(device);
  },
};
