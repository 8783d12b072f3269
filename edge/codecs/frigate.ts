/**
 * Frigate, a recorder of cameras with its own detector. By topic (the first levels are configurable there):
 *
 *   frigate/events          := { type: new | update | end, before: object, after: object }
 *     object := { id, label, frame_time (epoch s, fractions), score, false_positive, current_zones: [zone], ... }
 *   frigate/<zone>/<label>  := how many objects of the label are there now, as digits; also for <camera>
 *   frigate/available       := online | offline
 *   everything else         (pictures, statistics, reviews, .../active) says nothing here
 *
 * `places` maps Frigate's zones, and cameras for what they count as a whole, to zones and shelves of the shop.
 * - Persons by events: each entry into and exit out of a mapped zone is a crossing of the line of that zone's name.
 * - Persons by count: the occupancy of that zone.
 * - Any other label, by events or by count, is an observation. A label that begins with `shelf` (shelf_empty) is of the
 *   shelf that the place names, every other one (queue, spill) of the zone.
 * An installer subscribes to what is wanted: frigate/events, or frigate/+/person, or frigate/#.
 *
 * sub_label and recognized_license_plate may name a person: they are never read, and frames are never kept.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { type Fields, fieldsOf, idOf, numberOf, parsedFrame, placeOf, textOf, timeOf } from './json-frame.ts';
import { ZoneTracks } from './zone-tracks.ts';

const EXPECTED = 'an event of Frigate: type, before and after';
const PERSON = 'person';
const NOT_READ: Understood = { ok: true, said: [], note: 'a topic that says nothing here' };
const LONGEST_LABEL = 64;
/** Levels below a camera or zone that are no labels. */
const NO_LABELS = new Set(['all', 'active', 'snapshot', 'motion', 'status', 'state', 'set']);

class Frigate implements Decoder {
  readonly #device: DeviceConfig;
  /** Objects, as `label id`, in zones as Frigate calls them; counted by `label zone`. It begins empty with the hub. */
  readonly #tracks = new ZoneTracks();
  /** Epoch ms of the newest picture that was told of. */
  #latest = 0;

  constructor(device: DeviceConfig) {
    this.#device = device;
  }

  decode({ bytes, topic = '' }: Frame): Understood | NotUnderstood {
    const levels = topic.split('/');
    const last = levels.at(-1) ?? '';
    if (last === 'events') return this.#event(bytes);
    const text = bytes.length <= 16 ? Buffer.from(bytes).toString('latin1').trim() : '';
    if (last === 'available') {
      const online = text === 'online';
      return online || text === 'offline' ? { ok: true, said: [{ kind: 'status', reading: { online } }] } : NOT_READ;
    }
    const place = this.#placeOf(levels.at(-2));
    if (place === undefined || NO_LABELS.has(last) || last.length > LONGEST_LABEL) return NOT_READ;
    if (!/^\d{1,6}$/.test(text))
      return { ok: false, reason: `no count: expected how many ${last} are there, as digits` };
    return { ok: true, said: [counted(place, last, Number(text))] };
  }

  #event(bytes: Uint8Array): Understood | NotUnderstood {
    const parsed = parsedFrame(bytes, EXPECTED);
    if (!parsed.ok) return parsed;
    const event = fieldsOf(parsed.value);
    const after = fieldsOf(event?.after);
    const [id, label] = [textOf(after?.id), textOf(after?.label)];
    if (event === undefined || after === undefined || id === undefined || label === undefined)
      return { ok: false, reason: `after.id or after.label is missing: expected ${EXPECTED}` };
    if (id.length > 128 || label.length > LONGEST_LABEL)
      return { ok: false, reason: 'after.id or after.label is too long: expected at most 128 and 64 characters' };
    if (after.false_positive === true) return { ok: true, said: [], note: 'a false positive, by its own word' };
    const said: Said[] = [];
    const { left, entered } = this.#moves(event, `${label} ${id}`, label);
    for (const zone of left) this.#tell(after, id, label, zone, 'out', said);
    for (const zone of entered) this.#tell(after, id, label, zone, 'in', said);
    return { ok: true, said };
  }

  /**
   * Into and out of which placed zones the object went. The event itself tells it, so that it tells the same when it is
   * sent again; what the hub remembers mends events that got lost between.
   */
  #moves({ type, before, after }: Fields, track: string, label: string): Record<'left' | 'entered', readonly string[]> {
    const placed = (zones: readonly string[]): string[] => zones.filter((zone) => this.#placeOf(zone) !== undefined);
    const is = type === 'end' ? [] : placed(zonesIn(fieldsOf(after)));
    const was = type === 'new' ? [] : placed(zonesIn(fieldsOf(before)));
    const isKnown = this.#tracks.has(track);
    const known = this.#tracks.zonesOf(track).map((key) => key.slice(label.length + 1));
    for (const zone of known) if (!is.includes(zone)) this.#tracks.leave(track, `${label} ${zone}`);
    for (const zone of is) this.#tracks.enter(track, `${label} ${zone}`);
    return {
      left: [...new Set([...known, ...was])].filter((zone) => !is.includes(zone)),
      entered: is.filter((zone) => !was.includes(zone) || (isKnown && !known.includes(zone))),
    };
  }

  #tell(after: Fields, id: string, label: string, zone: string, way: 'in' | 'out', said: Said[]): void {
    const place = this.#placeOf(zone);
    if (place === undefined) return;
    const seconds = numberOf(after.frame_time);
    const ms = seconds === undefined ? undefined : timeOf(Math.round(seconds * 1000));
    const time = ms !== undefined && { time: ms };
    if (label === PERSON) {
      const persons = way === 'in' ? { in: 1, out: 0 } : { in: 0, out: 1 };
      const crossing = idOf(id, zone, way, ms ?? '');
      said.push({ kind: 'traffic', reading: { id: crossing, ...time, line: place, ...persons } });
      if (ms !== undefined && ms > this.#latest) this.#latest = ms;
      return;
    }
    const score = numberOf(after.score);
    const confidence = score !== undefined && score >= 0 && score <= 1 && { confidence: score };
    const { kind, reading } = counted(place, label, this.#tracks.count(`${label} ${zone}`));
    // Cameras overtake each other: a change of now would count as one of the past, and stay unknown.
    const isNewest = ms !== undefined && ms >= this.#latest;
    said.push({ kind, reading: { ...reading, ...confidence, ...(isNewest && time) } });
    if (isNewest) this.#latest = ms;
  }

  #placeOf(name: string | undefined): string | undefined {
    return placeOf(this.#device.places, name);
  }
}

function counted(place: string, label: string, count: number): Said {
  if (label === PERSON) return { kind: 'traffic', reading: { zone: place, occupancy: count } };
  const where = label.startsWith('shelf') ? { shelf: place } : { zone: place };
  return { kind: 'observation', reading: { ...where, label, present: count > 0, count } };
}

function zonesIn(object: Fields | undefined): readonly string[] {
  const { current_zones } = object ?? {};
  return Array.isArray(current_zones)
    ? current_zones.filter((zone): zone is string => typeof zone === 'string').slice(0, 64)
    : [];
}

export const frigate: Format = {
  name: 'frigate',
  personal: true,
  open(device) {
    if (device.places === undefined || Object.keys(device.places).length === 0)
      throw new HubError('CONFIG_INVALID', `frigate needs \`places\`: its zones -> zones and shelves of the shop`);
    return new Frigate(device);
  },
};
