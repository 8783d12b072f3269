/**
 * Zebra fixed readers (FX7500, FX9600, ATR7000), IoT Connector: tag data and management events by MQTT or HTTP post.
 *
 *   frame := object object*                       concatenated without anything between them, or an array
 *   object := {"type": mode, "timestamp", "data": tag}            tag data
 *           | {"component", "eventNum", "eventType" | "type", "timestamp", "data": {...}}
 *             heartbeats, errors, warnings, GPIs
 *   heartbeat data := {"radio_control"?: {"radioActivity"?: active | inactive, "radioConnection"?: state,
 *                                         "antennas"?: {port: state}, ...}, ...}
 *       state         connected | disconnected, of all ports of the reader, used or not
 *   error data     := {"message"}: of an antenna, too, but in words that change, so it is noted
 *   mode := SIMPLE | INVENTORY | PORTAL | CONVEYOR | DIRECTIONALITY | CUSTOM
 *   tag  := {idHex, format?: epc, antenna?, antennaName?, peakRssi?, reads?, ...}
 *       idHex     EPC memory as hex; peakRssi: dBm; reads: sightings since the last report
 *
 * Times are as `2026-03-01T10:00:00.123+0000`, without a colon; a sighting counts by receipt, so they are left alone.
 * Of the device: `antennas` (number -> zone), or `places` (antennaName -> zone), or `zone`. A tag's direction is noted.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { type JsonObject, jsonObjects, numberIn, objectIn, textIn } from './json-objects.ts';
import { Notes } from './notes.ts';

export const zebra: Format = {
  name: 'zebra',
  open: (device) => ({ decode: (frame) => decode(frame, device) }),
};

/** Of the largest reader with its hub. */
const MOST_PORTS = 128;
const MODES = new Set(['SIMPLE', 'INVENTORY', 'PORTAL', 'CONVEYOR', 'DIRECTIONALITY', 'CUSTOM']);

function decode({ bytes }: Frame, device: DeviceConfig): Understood | NotUnderstood {
  const objects = jsonObjects(bytes);
  if (typeof objects === 'string') return { ok: false, reason: objects };
  const said: Said[] = [];
  const notes = new Notes();
  for (const [index, object] of objects.entries()) {
    const wrong = read(object, device, said, notes);
    if (wrong !== undefined) return { ok: false, reason: `object ${index + 1}: ${wrong}` };
  }
  return { ok: true, said, note: notes.text };
}

/** Returns what is wrong with it. */
function read(object: JsonObject, device: DeviceConfig, said: Said[], notes: Notes): string | undefined {
  const type = textIn(object, 'type') ?? textIn(object, 'eventType');
  const data = objectIn(object, 'data');
  const isTag = data !== undefined && (textIn(data, 'idHex') !== undefined || MODES.has(type?.toUpperCase() ?? ''));
  if (isTag) return readTag(data, type ?? 'tag', device, said, notes);
  if (type === undefined) return 'neither tag data nor an event: is it the IoT Connector of a Zebra reader?';
  if (type.toLowerCase() === 'heartbeat') {
    const control = objectIn(data ?? {}, 'radio_control') ?? objectIn(object, 'radio_control') ?? {};
    const inventory = runs(control);
    const antennas = antennasOf(control);
    said.push({
      kind: 'status',
      reading: {
        online: true,
        ...(inventory !== undefined && { inventory }),
        ...(antennas !== undefined && { antennas }),
      },
    });
    notes.add(inventory === false ? 'heartbeat, inventory idle' : 'heartbeat');
    return undefined;
  }
  notes.add([type, ...detailOf(data)].join(' '));
  return undefined;
}

function readTag(tag: JsonObject, type: string, device: DeviceConfig, said: Said[], notes: Notes): string | undefined {
  // Tags that nobody wrote to are about; what was read with them counts.
  if (tag.idHex === '') {
    notes.add('a tag without an EPC');
    return undefined;
  }
  const hex = textIn(tag, 'idHex');
  if (hex === undefined || !/^([0-9A-Fa-f]{2}){1,62}$/.test(hex)) return 'tag data without an idHex in hex';
  const antenna = numberIn(tag, 'antenna');
  const rssi = numberIn(tag, 'peakRssi');
  const reads = numberIn(tag, 'reads');
  const name = textIn(tag, 'antennaName');
  const zone = name === undefined ? undefined : device.places?.[name];
  said.push({
    kind: 'rfid',
    reading: {
      epc: hex.toUpperCase(),
      ...(antenna !== undefined && { antenna }),
      ...(zone !== undefined && { zone }),
      ...(rssi !== undefined && { rssi_dbm: rssi }),
      // A report of none since the last is a report all the same.
      ...(reads !== undefined && reads >= 1 && { count: reads }),
    },
  });
  if (type.toUpperCase() === 'DIRECTIONALITY')
    notes.add(`direction ${textIn(tag, 'direction') ?? textIn(tag, 'state') ?? 'unknown'}`);
  return undefined;
}

/** Whether the heartbeat says that the radio reads tags; undefined: it does not say. */
function runs(control: JsonObject): boolean | undefined {
  if (textIn(control, 'radioConnection')?.toLowerCase() === 'disconnected') return false;
  const activity = textIn(control, 'radioActivity');
  return activity === undefined ? undefined : activity.toLowerCase() === 'active';
}

/** Which ports have an antenna; undefined: it does not say. */
function antennasOf(control: JsonObject): Record<string, boolean> | undefined {
  const told = Object.entries(objectIn(control, 'antennas') ?? {}).flatMap(([port, state]) => {
    const word = typeof state === 'string' ? state.toLowerCase() : '';
    const isKnown = /^\d{1,3}$/.test(port) && (word === 'connected' || word === 'disconnected');
    return isKnown ? [[port, word === 'connected'] as const] : [];
  });
  return told.length === 0 ? undefined : Object.fromEntries(told.slice(0, MOST_PORTS));
}

/** Words of an event that tell an installer more. */
function detailOf(data: JsonObject | undefined): string[] {
  if (data === undefined) return [];
  return ['message', 'state', 'pin', 'antenna'].flatMap((field) => {
    const value = data[field];
    return typeof value === 'string' || typeof value === 'number' ? [`${field} ${value}`] : [];
  });
}
