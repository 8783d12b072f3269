/**
 * Zigbee2MQTT:
 *
 *   <base>/<name>               one flat JSON object: what the device exposes, all that is known of it each time
 *   <base>/<name>/availability  { "state": "online" | "offline" }, or the bare word
 *   <base>/<name>/set, /get     commands of others; <base>/bridge/..: the gateway's own: not used
 *
 *   contact      true: shut            -> climate, door_open of the `unit`
 *   temperature  C, humidity  percent  -> climate of the `unit`; `calibration.celsius` is added
 *   occupancy, presence  true / false  -> traffic, 1 or 0 persons in the `zone`
 *   battery      percent               -> status
 *   last_seen    ISO 8601 or epoch ms  -> time, where the gateway is set to say it
 *   linkquality, battery_low, tamper   -> a note
 *
 * A value that is not known yet is null. Names may hold slashes. An entry whose topic has a wildcard where the name
 * stands speaks for several devices: `places` says for each, by its name after the fixed part of the topic, which unit
 * or zone it is, and its readings come from `<entry>.<name>`.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import { HubError } from '../contracts/errors.ts';
import type { Decoder, Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { type Fields, fieldsOf, numberOf, parsedFrame, placeOf, textOf } from './json-frame.ts';

const AVAILABILITY = '/availability';

interface Spokesman {
  /** Absent: the entry's own. */
  readonly device?: string;
  readonly unit: string | undefined;
  readonly zone: string | undefined;
}

export const zigbee2mqtt: Format = {
  name: 'zigbee2mqtt',
  open(device: DeviceConfig): Decoder {
    const fixed = severalUnder(device);
    if (fixed !== undefined && device.places === undefined) {
      throw new HubError(
        'CONFIG_INVALID',
        `its topic is that of several Zigbee devices: name the place of each in \`places\`, or give each an entry and a topic of its own`,
      );
    }
    return {
      decode(frame: Frame): Understood | NotUnderstood {
        const { topic = '' } = frame;
        if (topic.endsWith('/set') || topic.endsWith('/get')) return nothing('a command of somebody else');
        const isAvailability = topic.endsWith(AVAILABILITY);
        const path = isAvailability ? topic.slice(0, -AVAILABILITY.length) : topic;
        if (fixed === undefined) return said(frame, device, { unit: device.unit, zone: device.zone }, isAvailability);
        const name = path.slice(fixed.length);
        if (name === 'bridge' || name.startsWith('bridge/')) return nothing('of the gateway itself');
        const place = placeOf(device.places, name);
        if (place === undefined) return nothing(`${name.slice(0, 80)} is not in \`places\``);
        const own = `${device.name}.${name.replaceAll('/', '.')}`.slice(0, 128);
        return said(frame, device, { device: own, unit: place, zone: place }, isAvailability);
      },
    };
  },
};

/** The fixed part of a topic that stands for several devices; without `places`, `zigbee2mqtt/door-3/#` is one device. */
function severalUnder({ mqtt, places }: DeviceConfig): string | undefined {
  const levels = mqtt?.topic.split('/') ?? [];
  const wild = levels.findIndex((level) => level === '+' || level === '#');
  if (wild < 0 || (wild > 1 && places === undefined)) return undefined;
  return levels
    .slice(0, wild)
    .map((level) => `${level}/`)
    .join('');
}

function flagOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function nothing(note: string): Understood {
  return { ok: true, said: [], note };
}

function said(
  frame: Frame,
  config: DeviceConfig,
  spokesman: Spokesman,
  isAvailability: boolean,
): Understood | NotUnderstood {
  if (isAvailability) return readAvailability(frame, spokesman);
  const parsed = parsedFrame(frame.bytes, 'the JSON state of a Zigbee device');
  if (!parsed.ok) return parsed;
  const state = fieldsOf(parsed.value);
  if (state === undefined)
    return { ok: false, reason: 'JSON, but not an object: expected the state of a Zigbee device' };
  return readState(state, config, spokesman);
}

function readAvailability({ bytes }: Frame, spokesman: Spokesman): Understood | NotUnderstood {
  const text = bytes.length > 64 ? '' : Buffer.from(bytes).toString('utf8').trim();
  const parsed = parsedFrame(bytes, 'online or offline');
  const state = (parsed.ok ? textOf(fieldsOf(parsed.value)?.state) : undefined) ?? text;
  if (state !== 'online' && state !== 'offline')
    return { ok: false, reason: 'expected online or offline as its availability' };
  return { ok: true, said: [of(spokesman, 'status', { online: state === 'online' })] };
}

function readState(state: Fields, config: DeviceConfig, spokesman: Spokesman): Understood {
  const notes: string[] = [];
  const readings: Said[] = [];
  const time = textOf(state.last_seen) ?? numberOf(state.last_seen);
  const base = time === undefined ? {} : { time };
  const climate = climateOf(state, config);
  if (climate !== undefined) {
    const { unit } = spokesman;
    if (unit === undefined) notes.push('it tells of a door or a temperature: name the `unit`');
    else readings.push(of(spokesman, 'climate', { ...base, unit, ...climate }));
  }
  const isThere = flagOf(state.occupancy) ?? flagOf(state.presence);
  if (isThere !== undefined) {
    const { zone } = spokesman;
    if (zone === undefined) notes.push('it tells whether somebody is there: name the `zone`');
    else readings.push(of(spokesman, 'traffic', { ...base, zone, occupancy: isThere ? 1 : 0 }));
  }
  const battery = numberOf(state.battery);
  if (battery !== undefined && battery >= 0 && battery <= 100)
    readings.push(of(spokesman, 'status', { ...base, online: true, battery_percent: battery }));
  if (state.battery_low === true) notes.push('it says that its battery is low');
  if (state.tamper === true) notes.push('it says that somebody tampers with it');
  const quality = numberOf(state.linkquality);
  if (quality !== undefined) notes.push(`link quality ${quality} of 255`);
  return { ok: true, said: readings, ...(notes.length > 0 && { note: notes.join('; ') }) };
}

/** Humidity alone is no reading of a cold unit. */
function climateOf(state: Fields, { calibration }: DeviceConfig): object | undefined {
  const celsius = numberOf(state.temperature);
  const humidity = numberOf(state.humidity);
  const contact = flagOf(state.contact);
  if (celsius === undefined && contact === undefined) return undefined;
  return {
    ...(celsius !== undefined && { celsius: Math.round((celsius + calibration.celsius) * 100) / 100 }),
    ...(humidity !== undefined && humidity >= 0 && humidity <= 100 && { humidity }),
    ...(contact !== undefined && { door_open: !contact }),
  };
}

function of({ device }: Spokesman, kind: Said['kind'], reading: Said['reading']): Said {
  return { kind, reading, ...(device !== undefined && { device }) };
}
