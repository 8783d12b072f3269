/**
 * What an uplink of a LoRaWAN sensor becomes, whichever network server brought it: the bytes are read by the vendor's
 * table, and the place and calibration of the device make readings of it. What the network server itself decoded is
 * used only when the bytes are of no sensor that the hub reads, and then only its plainest fields.
 *
 *   `unit`                       temperature and humidity -> climate; `calibration.celsius` is added
 *   `shelf`, full_mm, empty_mm   distance -> how full the shelf is; nothing while the sensor is tilted
 *   `line`, or `places` 1..4     the counter's lines -> traffic, by totals where it says them, else by what it counted
 *   `zone`                       persons in the detection area -> traffic
 *   `places` region-1..4         persons in a region -> traffic
 *   battery                      -> status
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { type Fields, numberOf } from './json-frame.ts';
import { type LineCounts, type Measured, readMilesight } from './milesight.ts';

export interface Uplink {
  /** Of the network server; a resend has the same one. */
  readonly id: string | undefined;
  /** ISO 8601 with offset: when the network received it. */
  readonly time: string | undefined;
  /** Absent: a frame without a payload, such as an empty acknowledgement. */
  readonly payload: Uint8Array | undefined;
  /** As a network server names the hardware, where the configuration says nothing. */
  readonly named: readonly string[];
  /** What the network server made of the payload. */
  readonly decoded: Fields;
}

const MODELS: readonly (readonly [model: string, pattern: RegExp])[] = [
  ['em300-th', /em300[ _-]?th/i],
  ['em400-tld', /em400[ _-]?tld/i],
  ['vs121', /vs121/i],
  ['vs133', /vs133/i],
];
const MOST_NOTES = 500;
/** Bytes of a payload; LoRaWAN allows 242. */
const LARGEST_PAYLOAD = 1024;

/** Reads the uplinks of one device. It remembers which lines say totals: what they count beside them is not told twice. */
export class UplinkReader {
  readonly #device: DeviceConfig;
  readonly #totalled = new Set<number>();

  constructor(device: DeviceConfig) {
    this.#device = device;
  }

  read(uplink: Uplink): Understood | NotUnderstood {
    const { payload, decoded } = uplink;
    if (payload === undefined || payload.length === 0)
      return { ok: true, said: [], note: 'an uplink without a payload' };
    const named = [this.#device.model, ...uplink.named].filter((name) => name !== undefined);
    const model = modelIn(named);
    const measured = model === undefined && named.length > 0 ? 'the model is none that the hub reads' : undefined;
    const own = measured ?? readMilesight(payload, model);
    if (typeof own !== 'string') return this.#said(own, uplink);
    const theirs = plainFields(decoded);
    if (theirs) return this.#said(theirs, uplink);
    if (model !== undefined)
      return { ok: false, reason: `${own}: it is another model than ${model}, or its firmware is newer than the hub` };
    const hint =
      "set `model` to em300-th, em400-tld, vs121 or vs133, or read the network server's own fields with codec mapping";
    return { ok: false, reason: `${own}: ${hint}` };
  }

  #said(measured: Measured, { id, time }: Uplink): Understood {
    const notes = [...measured.notes];
    const said: Said[] = [];
    const base = { ...(id !== undefined && { id: id.slice(0, 100) }), ...(time !== undefined && { time }) };
    said.push(...this.#climate(measured, base, notes));
    said.push(...this.#shelf(measured, base, notes));
    said.push(...this.#traffic(measured, base, notes));
    if (measured.battery !== undefined)
      said.push({ kind: 'status', reading: { ...base, online: true, battery_percent: measured.battery } });
    const note = [...new Set(notes)].join('; ').slice(0, MOST_NOTES);
    return { ok: true, said, ...(note !== '' && { note }) };
  }

  #climate({ celsius, humidity, past }: Measured, base: object, notes: string[]): Said[] {
    const { unit, calibration } = this.#device;
    if (celsius === undefined && past.length === 0) return [];
    if (unit === undefined) {
      notes.push('it measures temperature: name the `unit` that it stands in');
      return [];
    }
    const corrected = (degrees: number): number => Math.round((degrees + calibration.celsius) * 100) / 100;
    const said: Said[] = past.map(
      (record): Said => ({
        kind: 'climate',
        // By its own time: whenever it is sent again, it is the same record.
        reading: {
          id: `past-${record.at}`,
          time: record.at * 1000,
          unit,
          celsius: corrected(record.celsius),
          humidity: record.humidity,
        },
        history: true,
      }),
    );
    if (celsius === undefined) return said;
    const more = humidity !== undefined && { humidity };
    return [...said, { kind: 'climate', reading: { ...base, unit, celsius: corrected(celsius), ...more } }];
  }

  #shelf({ distance, tilted }: Measured, base: object, notes: string[]): Said[] {
    if (tilted) notes.push('it is tilted: its distance is not used until it hangs straight');
    if (distance === undefined || tilted) return [];
    const { shelf, calibration } = this.#device;
    const { full_mm, empty_mm } = calibration;
    if (shelf === undefined || full_mm === undefined || empty_mm === undefined) {
      notes.push(`it measures ${distance} mm: name the \`shelf\`, and full_mm and empty_mm in \`calibration\``);
      return [];
    }
    const fill = Math.min(1, Math.max(0, (empty_mm - distance) / (empty_mm - full_mm)));
    return [{ kind: 'shelf', reading: { ...base, shelf, fill: Math.round(fill * 1000) / 1000 } }];
  }

  #traffic({ lines, persons, regions }: Measured, base: { id?: string }, notes: string[]): Said[] {
    const { line: own, zone, places = {} } = this.#device;
    // One uplink holds several of them, and each needs an id of its own.
    const part = (name: string) => ({ ...base, ...(base.id !== undefined && { id: `${base.id}/${name}` }) });
    const said: Said[] = [];
    for (const [number, counts] of lines) {
      const line = places[String(number)] ?? (number === 1 ? own : undefined);
      const reading = this.#counted(number, counts);
      if (reading === undefined) continue;
      if (line !== undefined) said.push({ kind: 'traffic', reading: { ...part(`line-${number}`), line, ...reading } });
      else if (isBusy(counts)) notes.push(`it counts at its line ${number}: name it in \`places\``);
    }
    if (persons !== undefined) {
      if (zone !== undefined) said.push({ kind: 'traffic', reading: { ...part('area'), zone, occupancy: persons } });
      else if (lines.size === 0) notes.push('it counts persons in its area: name the `zone`');
    }
    for (const [index, occupancy] of (regions ?? []).entries()) {
      const name = `region-${index + 1}`;
      const place = places[name];
      if (place !== undefined) said.push({ kind: 'traffic', reading: { ...part(name), zone: place, occupancy } });
    }
    return said;
  }

  /** Totals, which lose nothing when an uplink is lost; a counter that never says them counts since its last report. */
  #counted(line: number, counts: LineCounts): object | undefined {
    const { totalIn, totalOut, wrapsAt } = counts;
    if (totalIn !== undefined || totalOut !== undefined) {
      this.#totalled.add(line);
      return {
        ...(totalIn !== undefined && { total_in: totalIn }),
        ...(totalOut !== undefined && { total_out: totalOut }),
        ...(wrapsAt !== undefined && { wraps_at: wrapsAt }),
      };
    }
    if (this.#totalled.has(line) || counts.in === undefined || counts.out === undefined) return undefined;
    return { in: counts.in, out: counts.out };
  }
}

function isBusy({ totalIn = 0, totalOut = 0, in: entered = 0, out = 0 }: LineCounts): boolean {
  return totalIn + totalOut + entered + out > 0;
}

function modelIn(names: readonly string[]): string | undefined {
  for (const name of names) for (const [model, pattern] of MODELS) if (pattern.test(name)) return model;
  return undefined;
}

/** Fields that decoders of network servers agree on. */
function plainFields(decoded: Fields): Measured | undefined {
  const [celsius, humidity, battery, distance] = ['temperature', 'humidity', 'battery', 'distance'].map((key) =>
    numberOf(decoded[key]),
  );
  if (celsius === undefined && distance === undefined && battery === undefined) return undefined;
  return {
    ...(celsius !== undefined && { celsius }),
    ...(humidity !== undefined && { humidity }),
    ...(battery !== undefined && battery >= 0 && battery <= 100 && { battery }),
    ...(distance !== undefined && { distance }),
    lines: new Map(),
    past: [],
    notes: ['by the decoder of the network server'],
  };
}

/** The payload in base64 as network servers write it; nothing where it is none. */
export function payloadOf(base64: string): Uint8Array | undefined {
  if (base64.length > Math.ceil(LARGEST_PAYLOAD / 3) * 4 || base64.length % 4 === 1) return undefined;
  return /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}
