/**
 * Everything else: what a device sends is mapped to readings by JSONata, one expression for each kind of reading.
 *
 *   mapping: { <kind>: <expression>, ... }          kinds and fields: `store-hub schema reading.<kind>`
 *   input  := { payload, topic, device, received }
 *     payload  the frame: parsed JSON, or text; bytes that are no UTF-8 as hex
 *     topic    of a publish
 *     device   { name, model, zone, shelf, line, unit, till, antennas, places } of the entry
 *     received epoch ms
 *   result := a reading | an array of readings | nothing
 *     beside its fields a reading may have `device` (whose it is, where one speaks for several) and `history: true` (a
 *     record of the past)
 *
 * Within a step `$$` is the whole input: payload.metrics.{ "unit": $$.device.unit, "celsius": value }. How long an
 * expression may take, and what happens then: mapping-pool.ts.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { isKind, type Kind } from '../contracts/readings.ts';
import { type Mapped, MappingPool, type MappingPoolOptions } from './mapping-pool.ts';

const MOST_READINGS = 1000;
const ODD_DEVICE = /[/+#\p{Cc}]/u;

class Mapping implements Decoder {
  readonly #pool: MappingPool;
  readonly #lane: number;
  readonly #closed: () => void;

  constructor(pool: MappingPool, device: DeviceConfig, closed: () => void) {
    const { name, model, zone, shelf, line, unit, till, antennas, places, mapping = {} } = device;
    const known = { name, model, zone, shelf, line, unit, till, antennas, places };
    this.#pool = pool;
    this.#lane = pool.add(known, mapping);
    this.#closed = closed;
  }

  decode(frame: Frame): NotUnderstood | Promise<Understood | NotUnderstood> {
    const answer = this.#pool.map(this.#lane, frame);
    return 'then' in answer ? answer.then(understood) : answer;
  }

  hasRoom(again?: () => void): boolean {
    return this.#pool.hasRoom(this.#lane, again);
  }

  close(): void {
    this.#pool.remove(this.#lane);
    this.#closed();
  }
}

function understood(answer: Mapped | NotUnderstood): Understood | NotUnderstood {
  if (!answer.ok) return answer;
  const said: Said[] = [];
  for (const [kind, json] of answer.results) {
    if (!isKind(kind)) return { ok: false, reason: `mapping.${kind}: is no kind of reading` };
    const result: unknown = JSON.parse(json);
    for (const reading of Array.isArray(result) ? result : [result]) {
      const one = saidBy(kind, reading);
      if (typeof one === 'string') return { ok: false, reason: `mapping.${kind}: ${one}` };
      said.push(one);
    }
  }
  if (said.length > MOST_READINGS)
    return { ok: false, reason: `the mapping gives ${said.length} readings: expected at most ${MOST_READINGS}` };
  return said.length > 0 ? { ok: true, said } : { ok: true, said, note: 'the mapping gives nothing for this frame' };
}

/** Text: what is wrong with it. */
function saidBy(kind: Kind, result: unknown): Said | string {
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    return `gives ${typeName(result)}: expected a reading, an array of readings, or nothing`;
  const { device, history, ...reading } = result as Readonly<Record<string, unknown>>;
  if (device === undefined) return { kind, reading, history: history === true };
  if (typeof device !== 'string' || device === '' || device.length > 128 || ODD_DEVICE.test(device))
    return 'gives a `device` that is no name: expected a text of up to 128 characters without / + and #';
  return { kind, reading, device, history: history === true };
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array within the array';
  return { string: 'a text', number: 'a number', boolean: 'true or false' }[String(typeof value)] ?? 'something else';
}

export function mappingFormat({
  program = new URL('./mapping-process.js', import.meta.url),
  monotonic = () => performance.now(),
}: Partial<MappingPoolOptions> = {}): Format {
  let pool: MappingPool | undefined;
  return {
    name: 'mapping',
    open(device) {
      pool ??= new MappingPool({ program, monotonic });
      const shared = pool;
      return new Mapping(shared, device, () => {
        if (shared.isEmpty && pool === shared) pool = undefined;
      });
    },
  };
}

export const mapping: Format = mappingFormat();
