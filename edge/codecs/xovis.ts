/**
 * Xovis people counters, data push in JSON (data format 5.0), one kind of data in a push, or several.
 *
 *   push       := { live_data?, logics_data?, ... }       status_data and others are noted only
 *   live_data  := { package_info { id, agent_id }, frames: [frame] }
 *   frame      := { framenumber, time, tracked_objects: [{ track_id, type }], events: [event] }
 *   event      := { type, attributes { track_id, geometry_id, geometry_name, sequence_number } }
 *     type     := LINE_CROSS_FORWARD (in) | LINE_CROSS_BACKWARD (out) | ZONE_ENTRY | ZONE_EXIT | TRACK_DELETE | others
 *   logics_data := { logics: [{ id, name, geometries: [{ id, type, name }], records: [record] }] }
 *   record     := { from, to, counts: [{ name: fw (in) | bw (out) | others, value }] }
 *   time, from, to := epoch ms | ISO 8601 with offset; a record's counts are of the last millisecond before `to`, and so of
 *                     the hour in which they were made
 *
 * A GROUP is a second object over persons who are tracked as well: its events are left out.
 *
 * Lines: `places` maps a geometry's name or number to a line of the shop; without it, all lines are the device's `line`.
 * Zones: likewise, or the device's `zone`; who is in one is known from entries and exits. Of those who were tracked already
 * when the hub began to listen it is not known where they are: how many are in a zone is told when each of them has
 * entered or left one, or is gone.
 *
 * The same crossing is in live_data at once and in logics_data later. `model: live` or `model: logics` says which one
 * counts. Without it, what is live counts until the device first sends counts of lines: those count from then on, less
 * what was counted live within their interval.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { countOf, type Fields, fieldsOf, idOf, listOf, nameOf, parsedFrame, placeOf, timeOf } from './json-frame.ts';
import { ZoneTracks } from './zone-tracks.ts';

const EXPECTED = 'a data push of a Xovis sensor with live_data or logics_data';
const MODELS = ['live', 'logics'];
/** Crossings counted live that may come again in intervals. */
const MOST_LIVE = 5000;
const MOST_UNPLACED = 1000;
const LONGEST_INTERVAL_MS = 24 * 60 * 60_000;

type Direction = 'in' | 'out';

interface Crossing {
  /** The one that told it first. */
  readonly frame: Frame;
  readonly line: string;
  readonly direction: Direction;
  readonly time: number;
}

/** A crossing as an event of the sensor tells it. */
interface Told {
  readonly frame: Frame;
  readonly about: Fields;
  readonly direction: Direction;
  readonly time: number | undefined;
  /** Of the picture. */
  readonly number: string | undefined;
  readonly track: string | undefined;
}

const CROSSINGS: Readonly<Record<string, Direction>> = { LINE_CROSS_FORWARD: 'in', LINE_CROSS_BACKWARD: 'out' };

class Xovis implements Decoder {
  readonly #device: DeviceConfig;
  #logicsCount: boolean;
  /** By the id of the reading. */
  readonly #live = new Map<string, Crossing>();
  /** Of them. Epoch ms. */
  #newest = 0;
  /** Tracks that were there already when the first frame came, and are who knows where. */
  #unplaced: Set<string> | undefined;
  readonly #inside = new ZoneTracks();
  /** Of which it was said how many are there, and those of which it has to be said again. */
  readonly #told = new Set<string>();
  #owed: readonly string[] = [];

  constructor(device: DeviceConfig) {
    this.#device = device;
    this.#logicsCount = device.model === 'logics';
  }

  decode(frame: Frame): Understood | NotUnderstood {
    const parsed = parsedFrame(frame.bytes, EXPECTED);
    if (!parsed.ok) return parsed;
    const push = fieldsOf(parsed.value);
    if (push === undefined) return { ok: false, reason: `not a JSON object: expected ${EXPECTED}` };
    const [live, logics] = [fieldsOf(push.live_data), fieldsOf(push.logics_data)];
    const said: Said[] = [];
    const notes = new Set<string>();
    if (logics !== undefined && !this.#readLogics(logics, said, notes))
      return { ok: false, reason: 'a count of logics_data that is no whole number from 0 on' };
    if (live !== undefined) this.#readLive(frame, live, said, notes);
    if (live === undefined && logics === undefined) {
      const kinds = Object.keys(push).filter((key) => key.endsWith('_data'));
      if (kinds.length === 0) return { ok: false, reason: `neither live_data nor logics_data: expected ${EXPECTED}` };
      notes.add('this push counts nobody');
    }
    return { ok: true, said, ...(notes.size > 0 && { note: [...notes].join('; ') }) };
  }

  unstored(frame: Frame): void {
    this.#owed = [...this.#told];
    for (const [id, crossing] of this.#live) if (crossing.frame === frame) this.#live.delete(id);
  }

  /** Whether every count of a line is one. */
  #readLogics(data: Fields, said: Said[], notes: Set<string>): boolean {
    for (const logic of listOf(data.logics)) {
      const lines = listOf(logic.geometries).filter(({ type }) => type === 'LINE');
      const names = [logic.name, ...lines.flatMap(({ name, id }) => [name, id])];
      for (const record of listOf(logic.records)) {
        const counts = new Map(listOf(record.counts).map(({ name, value }) => [name, countOf(value)]));
        if (!counts.has('fw') && !counts.has('bw')) continue;
        if (this.#device.model === 'live') {
          notes.add('counts of intervals are not taken, because of `model: live`');
          return true;
        }
        this.#logicsCount = true;
        const line = this.#placed(this.#device.line, names);
        if (line === undefined) {
          notes.add('a line that is not in `places` is not counted');
          continue;
        }
        const [forward, backward] = ['fw', 'bw'].map((name) => (counts.has(name) ? counts.get(name) : 0));
        if (forward === undefined || backward === undefined) return false;
        const [from, to] = [timeOf(record.from), timeOf(record.to)];
        const entered = this.#rest(line, 'in', forward, from, to);
        const left = this.#rest(line, 'out', backward, from, to);
        if (entered === 0 && left === 0) continue;
        const interval = from !== undefined &&
          to !== undefined && { id: idOf('logic', nameOf(logic.id) ?? line, from, to) };
        said.push({
          kind: 'traffic',
          reading: { ...interval, ...(to !== undefined && { time: to - 1 }), line, in: entered, out: left },
        });
      }
    }
    return true;
  }

  /** What of an interval's count was not counted live already. */
  #rest(line: string, direction: Direction, count: number, from = 0, to = 0): number {
    if (this.#newest < from) return count;
    let counted = 0;
    for (const one of this.#live.values())
      if (one.line === line && one.direction === direction && one.time >= from && one.time < to) counted += 1;
    return Math.max(0, count - counted);
  }

  #readLive(frame: Frame, data: Fields, said: Said[], notes: Set<string>): void {
    const packet = nameOf(fieldsOf(data.package_info)?.id);
    /** Zones about which something was said: to say how many are there costs nothing when it is no news. */
    const moved = new Map<string, number | undefined>();
    for (const picture of listOf(data.frames)) {
      const objects = listOf(picture.tracked_objects);
      const types = new Map(objects.map(({ track_id, type }) => [track_id, type]));
      const time = timeOf(picture.time);
      const number = nameOf(picture.framenumber) ?? packet;
      this.#lookAround(objects);
      for (const event of listOf(picture.events)) {
        const about = fieldsOf(event.attributes) ?? {};
        const track = nameOf(about.track_id);
        if (types.get(about.track_id) === 'GROUP') continue;
        const direction = typeof event.type === 'string' ? CROSSINGS[event.type] : undefined;
        if (direction !== undefined) this.#cross({ frame, about, direction, time, number, track }, said, notes);
        else if (track !== undefined) for (const zone of this.#move(event.type, track, about)) moved.set(zone, time);
      }
    }
    for (const zone of this.#owed) if (!moved.has(zone)) moved.set(zone, undefined);
    if (moved.size === 0) return;
    if (this.#unplaced !== undefined && this.#unplaced.size > 0) {
      notes.add('how many are in a zone is not known until those who were there before the hub began have moved');
      return;
    }
    this.#owed = [];
    for (const [zone, time] of moved) {
      this.#told.add(zone);
      const occupancy = this.#inside.count(zone);
      said.push({ kind: 'traffic', reading: { ...(time !== undefined && { time }), zone, occupancy } });
    }
  }

  /** Who was there when the hub began to listen, and of those who is there no more. */
  #lookAround(objects: readonly Fields[]): void {
    if (this.#unplaced?.size === 0) return;
    const tracks = objects.flatMap(({ track_id, type }) => (type === 'GROUP' ? [] : (nameOf(track_id) ?? [])));
    if (this.#unplaced === undefined) this.#unplaced = new Set(tracks.slice(0, MOST_UNPLACED));
    else for (const track of this.#unplaced) if (!tracks.includes(track)) this.#unplaced.delete(track);
  }

  #cross({ frame, about, direction, time, number, track }: Told, said: Said[], notes: Set<string>): void {
    const line = this.#placed(this.#device.line, [about.geometry_name, about.geometry_id]);
    const parts = [number, time, track, nameOf(about.geometry_id) ?? nameOf(about.geometry_name)];
    // Without a picture's number or time the same crossing could not be told from the next one.
    const isNamed = number !== undefined || time !== undefined;
    const id = isNamed ? idOf('live', direction, ...parts.filter((part) => part !== undefined)) : undefined;
    // What was counted live when it came first is so when it comes again.
    if (this.#logicsCount && !(id !== undefined && this.#live.has(id))) {
      notes.add('crossings are taken from counts of intervals, not live');
      return;
    }
    if (line === undefined) {
      notes.add('a line that is not in `places` is not counted');
      return;
    }
    const persons = direction === 'in' ? { in: 1, out: 0 } : { in: 0, out: 1 };
    const known = { ...(id !== undefined && { id }), ...(time !== undefined && { time }) };
    said.push({ kind: 'traffic', reading: { ...known, line, ...persons } });
    if (this.#device.model === undefined && time !== undefined && id !== undefined && !this.#live.has(id))
      this.#noteLive(id, { frame, line, direction, time });
  }

  #noteLive(id: string, crossing: Crossing): void {
    this.#live.set(id, crossing);
    this.#newest = Math.max(this.#newest, crossing.time);
    const [first] = this.#live;
    if (first && (this.#live.size > MOST_LIVE || first[1].time < crossing.time - LONGEST_INTERVAL_MS))
      this.#live.delete(first[0]);
  }

  /** The zones of which this event says who is there. */
  #move(type: unknown, track: string, about: Fields): readonly string[] {
    if (type !== 'TRACK_DELETE' && type !== 'ZONE_ENTRY' && type !== 'ZONE_EXIT') return [];
    const zone = this.#placed(this.#device.zone, [about.geometry_name, about.geometry_id]);
    if (type !== 'TRACK_DELETE' && zone === undefined) return [];
    this.#unplaced?.delete(track);
    if (type === 'TRACK_DELETE') return this.#inside.forget(track);
    if (zone === undefined) return [];
    if (type === 'ZONE_ENTRY') this.#inside.enter(track, zone);
    else this.#inside.leave(track, zone);
    return [zone];
  }

  #placed(own: string | undefined, names: readonly unknown[]): string | undefined {
    const { places } = this.#device;
    return places === undefined ? own : placeOf(places, ...names);
  }
}

export const xovis: Format = {
  name: 'xovis',
  open(device) {
    const { line, zone, places, model } = device;
    if (line === undefined && zone === undefined && places === undefined)
      throw new HubError('CONFIG_INVALID', `xovis needs \`line\`, \`zone\` or \`places\``);
    if (model !== undefined && !MODELS.includes(model))
      throw new HubError('CONFIG_INVALID', `model: must be live or logics, not ${model}`);
    return new Xovis(device);
  },
};
