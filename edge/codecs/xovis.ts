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
 * Zones: likewise, or the device's `zone`; who is in one is known from entries and exits, so it begins at 0 with the hub.
 *
 * The same crossing is in live_data at once and in logics_data later. `model: live` or `model: logics` says which one
 * counts. Without it, what is live counts until the device first sends counts of lines: those count from then on, less
 * what was counted live within their interval.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { countOf, type Fields, fieldsOf, idOf, listOf, nameOf, parsedFrame, placeOf, timeOf } from './json-frame.ts';
import { ZoneTracks } from './zone-tracks.ts';

const EXPECTED = 'a data push of a Xovis sensor with live_data or logics_data';
const MODELS = ['live', 'logics'];
/** Crossings counted live that may come again in intervals. */
const MOST_LIVE = 5000;
const LONGEST_INTERVAL_MS = 24 * 60 * 60_000;

type Direction = 'in' | 'out';

interface Crossing {
  readonly line: string;
  readonly direction: Direction;
  readonly time: number;
}

const CROSSINGS: Readonly<Record<string, Direction>> = { LINE_CROSS_FORWARD: 'in', LINE_CROSS_BACKWARD: 'out' };

class Xovis implements Decoder {
  readonly #device: DeviceConfig;
  #logicsCount: boolean;
  #live: Crossing[] = [];
  readonly #inside = new ZoneTracks();

  constructor(device: DeviceConfig) {
    this.#device = device;
    this.#logicsCount = device.model === 'logics';
  }

  decode({ bytes }: { readonly bytes: Uint8Array }): Understood | NotUnderstood {
    const parsed = parsedFrame(bytes, EXPECTED);
    if (!parsed.ok) return parsed;
    const push = fieldsOf(parsed.value);
    if (push === undefined) return { ok: false, reason: `not a JSON object: expected ${EXPECTED}` };
    const [live, logics] = [fieldsOf(push.live_data), fieldsOf(push.logics_data)];
    const said: Said[] = [];
    const notes = new Set<string>();
    if (logics !== undefined && !this.#readLogics(logics, said, notes))
      return { ok: false, reason: 'a count of logics_data that is no whole number from 0 on' };
    if (live !== undefined) this.#readLive(live, said, notes);
    if (live === undefined && logics === undefined) {
      const kinds = Object.keys(push).filter((key) => key.endsWith('_data'));
      if (kinds.length === 0) return { ok: false, reason: `neither live_data nor logics_data: expected ${EXPECTED}` };
      notes.add('this push counts nobody');
    }
    return { ok: true, said, ...(notes.size > 0 && { note: [...notes].join('; ') }) };
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
    if ((this.#live.at(-1)?.time ?? 0) < from) return count;
    const isCounted = (one: Crossing): boolean =>
      one.line === line && one.direction === direction && one.time >= from && one.time < to;
    return Math.max(0, count - this.#live.filter(isCounted).length);
  }

  #readLive(data: Fields, said: Said[], notes: Set<string>): void {
    const packet = nameOf(fieldsOf(data.package_info)?.id);
    const moved = new Map<string, number | undefined>();
    for (const frame of listOf(data.frames)) {
      const types = new Map(listOf(frame.tracked_objects).map(({ track_id, type }) => [track_id, type]));
      const time = timeOf(frame.time);
      for (const event of listOf(frame.events)) {
        const about = fieldsOf(event.attributes) ?? {};
        const track = nameOf(about.track_id);
        if (types.get(about.track_id) === 'GROUP') continue;
        const direction = typeof event.type === 'string' ? CROSSINGS[event.type] : undefined;
        if (direction !== undefined) {
          const frameNumber = nameOf(frame.framenumber) ?? packet;
          const parts = [frameNumber, time, track, nameOf(about.geometry_id) ?? nameOf(about.geometry_name)];
          this.#cross(about, direction, time, parts, said, notes);
        } else if (track !== undefined) {
          for (const zone of this.#move(event.type, track, about)) moved.set(zone, time);
        }
      }
    }
    for (const [zone, time] of moved) {
      const occupancy = this.#inside.count(zone);
      said.push({ kind: 'traffic', reading: { ...(time !== undefined && { time }), zone, occupancy } });
    }
  }

  #cross(
    about: Fields,
    direction: Direction,
    time: number | undefined,
    parts: readonly (string | number | undefined)[],
    said: Said[],
    notes: Set<string>,
  ): void {
    if (this.#logicsCount) {
      notes.add('crossings are taken from counts of intervals, not live');
      return;
    }
    const line = this.#placed(this.#device.line, [about.geometry_name, about.geometry_id]);
    if (line === undefined) {
      notes.add('a line that is not in `places` is not counted');
      return;
    }
    const known = parts.filter((part) => part !== undefined);
    // Without a frame's number or time the same crossing could not be told from the next one.
    const id = parts[0] !== undefined || time !== undefined ? { id: idOf('live', direction, ...known) } : {};
    const persons = direction === 'in' ? { in: 1, out: 0 } : { in: 0, out: 1 };
    said.push({ kind: 'traffic', reading: { ...id, ...(time !== undefined && { time }), line, ...persons } });
    if (this.#device.model === undefined && time !== undefined) this.#noteLive({ line, direction, time });
  }

  #noteLive(crossing: Crossing): void {
    this.#live.push(crossing);
    const first = this.#live[0];
    if (this.#live.length > MOST_LIVE || (first && first.time < crossing.time - LONGEST_INTERVAL_MS))
      this.#live.shift();
  }

  /** The zones in which this event changed how many are there. */
  #move(type: unknown, track: string, about: Fields): readonly string[] {
    if (type === 'TRACK_DELETE') return this.#inside.forget(track);
    if (type !== 'ZONE_ENTRY' && type !== 'ZONE_EXIT') return [];
    const zone = this.#placed(this.#device.zone, [about.geometry_name, about.geometry_id]);
    if (zone === undefined) return [];
    const moved = type === 'ZONE_ENTRY' ? this.#inside.enter(track, zone) : this.#inside.leave(track, zone);
    return moved ? [zone] : [];
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
