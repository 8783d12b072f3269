/**
 * ChirpStack v4, its JSON events by MQTT or HTTP (the protobuf messages of `integration.proto` in their JSON mapping,
 * where a field that is zero, false or empty may be left out):
 *
 *   application/<id>/device/<eui>/event/<event>
 *   up      { deduplicationId, time, deviceInfo { deviceProfileName, devEui, tags {} }, fCnt, fPort, data, object }
 *           data: base64 of the payload; object: what a decoder of the server made of it
 *   status  { deduplicationId, time, deviceInfo, margin, externalPowerSource, batteryLevelUnavailable, batteryLevel }
 *           batteryLevel: percent
 *   join    { deduplicationId, time, deviceInfo, devAddr }
 *   log     { level, code, description }
 *   ack, txack, location, integration: not used
 *
 * A push by HTTP names its event in the address only, so it is told by its fields. deduplicationId is the reading's id.
 * The model comes from the configuration, else from the tag `model`, else from the name of the device profile.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, Format, Frame, NotUnderstood, Understood } from '../contracts/formats.ts';
import { type Fields, fieldsOf, numberOf, parsedFrame, textOf } from './json-frame.ts';
import { payloadOf, UplinkReader } from './lorawan.ts';

const EXPECTED = 'a JSON event of ChirpStack v4';
const OTHERS = ['ack', 'txack', 'location', 'integration'];

export const chirpstack: Format = {
  name: 'chirpstack',
  open(device: DeviceConfig): Decoder {
    const reader = new UplinkReader(device);
    let only: string | undefined;
    return {
      decode(frame: Frame): Understood | NotUnderstood {
        const parsed = parsedFrame(frame.bytes, EXPECTED);
        if (!parsed.ok) return parsed;
        const event = fieldsOf(parsed.value) ?? {};
        if (textOf(event.applicationID) !== undefined)
          return { ok: false, reason: 'this is the JSON of ChirpStack v3: expected version 4' };
        const info = fieldsOf(event.deviceInfo) ?? {};
        const eui = textOf(info.devEui);
        only ??= eui;
        if (eui !== undefined && eui !== only)
          return { ok: false, reason: 'another device comes by this topic, too: give each an entry of its own' };
        switch (eventOf(frame.topic, event)) {
          case 'up':
            return readUp(event, info, reader);
          case 'status':
            return readStatus(event);
          case 'join':
            return { ok: true, said: [status(event, {})], note: 'it joined the network' };
          case 'log':
            return { ok: true, said: [], note: logNote(event) };
          case 'other':
            return { ok: true, said: [], note: 'an event of the network server that tells of no reading' };
          default:
            return { ok: false, reason: `no event of ChirpStack: expected ${EXPECTED}, such as up, status or join` };
        }
      },
    };
  },
};

function eventOf(topic: string | undefined, event: Fields): string | undefined {
  const named = topic?.slice(topic.lastIndexOf('/') + 1);
  if (named !== undefined && ['up', 'status', 'join', 'log'].includes(named)) return named;
  if (named !== undefined && OTHERS.includes(named)) return 'other';
  const has = (...keys: string[]): boolean => keys.some((key) => Object.hasOwn(event, key));
  if (has('data', 'fCnt', 'fPort', 'rxInfo')) return 'up';
  if (has('batteryLevel', 'margin', 'externalPowerSource', 'batteryLevelUnavailable')) return 'status';
  if (has('level', 'code')) return 'log';
  if (has('devAddr')) return 'join';
  return has('deviceInfo') ? 'other' : undefined;
}

function readUp(event: Fields, info: Fields, reader: UplinkReader): Understood | NotUnderstood {
  const data = textOf(event.data);
  const payload = data === undefined ? undefined : payloadOf(data);
  if (data !== undefined && payload === undefined)
    return { ok: false, reason: 'expected base64 of at most 1024 bytes in `data`', pointers: ['/data'] };
  const named = [textOf(fieldsOf(info.tags)?.model), textOf(info.deviceProfileName)];
  return reader.read({
    ...common(event),
    payload,
    named: named.filter((name) => name !== undefined),
    decoded: fieldsOf(event.object) ?? {},
  });
}

function readStatus(event: Fields): Understood {
  // The protocol's lowest level is above zero: one that is left out was not measured.
  const level = numberOf(event.batteryLevel);
  const isKnown = level !== undefined && level >= 0 && level <= 100 && event.batteryLevelUnavailable !== true;
  const battery = isKnown && event.externalPowerSource !== true && { battery_percent: Math.round(level * 10) / 10 };
  const margin = numberOf(event.margin);
  const note = margin === undefined ? {} : { note: `signal ${margin} dB above what is needed` };
  return { ok: true, said: [status(event, battery || {})], ...note };
}

function status(event: Fields, more: object) {
  const { id } = common(event);
  // Without its time, which is the server's: that of an uplink is the gateway's, and the one must not make the other old.
  return { kind: 'status' as const, reading: { ...(id !== undefined && { id }), online: true, ...more } };
}

function common(event: Fields): { id: string | undefined; time: string | undefined } {
  return { id: textOf(event.deduplicationId)?.slice(0, 100), time: textOf(event.time) };
}

function logNote(event: Fields): string {
  const parts = ['level', 'code', 'description'].map((key) => textOf(event[key])).filter((text) => text !== undefined);
  return `the network server says: ${parts.join(' ')}`.slice(0, 300);
}
