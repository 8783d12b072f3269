/**
 * Impinj R700 (and R720), IoT device interface: its own MQTT client, webhooks, and the HTTP stream.
 *
 *   frame  := event | '[' event (',' event)* ']' | event (newline event)*
 *   event  := {"timestamp", "hostname"?, "eventType", "<eventType>Event": {...}}
 *   tagInventoryEvent          := {epc | epcHex, antennaPort?, antennaName?, peakRssiCdbm?, ...}
 *       epc           base64url or base64 of the EPC memory; epcHex: the same as hex, when the reader is told to
 *       peakRssiCdbm  hundredths of a dBm
 *   inventoryStatusEvent       := {inventoryStatus: running | idle | armed ...}
 *   antennaConnectedEvent, antennaDisconnectedEvent := {antennaPort}      told once, when it changes
 *
 * A sighting counts by receipt: the reader's nanoseconds are left alone. Of the device: `antennas` (port -> zone), or
 * `places` (antennaName -> zone), or `zone`. Everything else that it sends is noted and makes no reading.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Format, Frame, NotUnderstood, Said, Understood } from '../contracts/formats.ts';
import { type JsonObject, jsonObjects, numberIn, objectIn, textIn } from './json-objects.ts';
import { Notes } from './notes.ts';

export const impinj: Format = {
  name: 'impinj',
  open: (device) => ({ decode: (frame) => decode(frame, device) }),
};

function decode({ bytes }: Frame, device: DeviceConfig): Understood | NotUnderstood {
  const events = jsonObjects(bytes);
  if (typeof events === 'string') return { ok: false, reason: events };
  const said: Said[] = [];
  const notes = new Notes();
  for (const [index, event] of events.entries()) {
    const wrong = read(event, device, said, notes);
    if (wrong !== undefined) return { ok: false, reason: `event ${index + 1}: ${wrong}` };
  }
  return { ok: true, said, note: notes.text };
}

/** Returns what is wrong with it. */
function read(event: JsonObject, device: DeviceConfig, said: Said[], notes: Notes): string | undefined {
  const type = textIn(event, 'eventType') ?? typeByField(event);
  if (type === undefined) return 'no eventType: is it the IoT device interface of an Impinj reader?';
  const detail = objectIn(event, `${type}Event`) ?? {};
  if (type === 'tagInventory') {
    // Tags that nobody wrote to are about; what was read with them counts.
    if (detail.epc === '' && (detail.epcHex ?? '') === '') {
      notes.add('a tag without an EPC');
      return undefined;
    }
    const epc = epcOf(detail);
    if (epc === undefined) return 'tagInventoryEvent without an epc in base64 or an epcHex in hex';
    const rssi = numberIn(detail, 'peakRssiCdbm');
    const antenna = numberIn(detail, 'antennaPort');
    const name = textIn(detail, 'antennaName');
    const zone = name === undefined ? undefined : device.places?.[name];
    said.push({
      kind: 'rfid',
      reading: {
        epc,
        ...(antenna !== undefined && { antenna }),
        ...(zone !== undefined && { zone }),
        ...(rssi !== undefined && { rssi_dbm: rssi / 100 }),
      },
    });
    return undefined;
  }
  if (type === 'inventoryStatus') {
    const status = textIn(detail, 'inventoryStatus') ?? textIn(detail, 'status') ?? 'unknown';
    const text = `inventory ${status}`.slice(0, 100);
    said.push({ kind: 'status', reading: { online: true, inventory: status === 'running', text } });
    notes.add(text);
  } else if (type === 'antennaConnected' || type === 'antennaDisconnected') {
    const port = antennaIn(detail);
    const connected = type === 'antennaConnected';
    const text = `antenna ${port ?? '?'} ${connected ? 'connected' : 'disconnected'}`;
    const antennas = port === undefined ? {} : { antennas: { [port]: connected } };
    said.push({ kind: 'status', reading: { online: true, text, ...antennas } });
    notes.add(text);
  } else notes.add(type);
  return undefined;
}

/** Nothing that the hub's own reading would refuse: the rest of the frame counts. */
function antennaIn(detail: JsonObject): number | undefined {
  const port = numberIn(detail, 'antennaPort');
  return port !== undefined && Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined;
}

/** Early firmware sends no eventType; the field of the event tells it. */
function typeByField(event: JsonObject): string | undefined {
  const field = Object.keys(event).find((key) => key.endsWith('Event') && objectIn(event, key) !== undefined);
  return field?.slice(0, -'Event'.length);
}

/** Hex digits. */
function epcOf(detail: JsonObject): string | undefined {
  const hex = textIn(detail, 'epcHex');
  if (hex !== undefined && /^([0-9A-Fa-f]{2}){1,62}$/.test(hex)) return hex.toUpperCase();
  const text = textIn(detail, 'epc');
  if (text === undefined || !/^[A-Za-z0-9+/_-]{2,84}={0,2}$/.test(text)) return undefined;
  // Node takes both alphabets.
  return Buffer.from(text, 'base64').toString('hex').toUpperCase();
}
