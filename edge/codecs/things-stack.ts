/**
 * The Things Stack v3, its JSON by MQTT (`v3/<app>@<tenant>/devices/<dev>/<event>`) or as a webhook. A field that is
 * zero, false or empty is left out, so a missing f_cnt is 0.
 *
 *   up    { end_device_ids { device_id, dev_eui }, received_at, uplink_message { session_key_id, f_port, f_cnt,
 *           frm_payload, decoded_payload {}, received_at, version_ids { brand_id, model_id },
 *           last_battery_percentage { value } } }
 *           frm_payload: base64; decoded_payload: what a formatter of the network made of it
 *   join  { end_device_ids, received_at, join_accept {} }
 *   down/.., service/data, location/..: not used
 *
 * A frame counter counts within a session, so the id of a reading is session and counter. The model comes from the
 * configuration, else from the device repository's model_id.
 */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Decoder, Format, Frame, NotUnderstood, Understood } from '../contracts/formats.ts';
import { type Fields, fieldsOf, numberOf, parsedFrame, textOf } from './json-frame.ts';
import { payloadOf, UplinkReader } from './lorawan.ts';

export const thingsStack: Format = {
  name: 'things-stack',
  open(device: DeviceConfig): Decoder {
    const reader = new UplinkReader(device);
    let only: string | undefined;
    return {
      decode(frame: Frame): Understood | NotUnderstood {
        const parsed = parsedFrame(frame.bytes, 'a JSON message of The Things Stack');
        if (!parsed.ok) return parsed;
        const event = fieldsOf(parsed.value) ?? {};
        const name = textOf(fieldsOf(event.end_device_ids)?.device_id);
        if (name === undefined)
          return {
            ok: false,
            reason: 'no message of The Things Stack: expected end_device_ids',
            pointers: ['/end_device_ids'],
          };
        only ??= name;
        if (name !== only)
          return { ok: false, reason: 'another device comes by this topic, too: give each an entry of its own' };
        const up = fieldsOf(event.uplink_message);
        if (up !== undefined) return readUp(event, up, reader);
        if (fieldsOf(event.join_accept) !== undefined) {
          return { ok: true, said: [{ kind: 'status', reading: { online: true } }], note: 'it joined the network' };
        }
        return { ok: true, said: [], note: 'a message of the network that tells of no reading' };
      },
    };
  },
};

function readUp(event: Fields, up: Fields, reader: UplinkReader): Understood | NotUnderstood {
  const text = textOf(up.frm_payload);
  const payload = text === undefined ? undefined : payloadOf(text);
  if (text !== undefined && payload === undefined)
    return {
      ok: false,
      reason: 'expected base64 of at most 1024 bytes in `frm_payload`',
      pointers: ['/uplink_message/frm_payload'],
    };
  const time = textOf(up.received_at) ?? textOf(event.received_at);
  const session = textOf(up.session_key_id) ?? time;
  const model = textOf(fieldsOf(up.version_ids)?.model_id);
  return reader.read({
    id: session === undefined ? undefined : `${session.slice(0, 64)}-${numberOf(up.f_cnt) ?? 0}`,
    time,
    payload,
    named: model === undefined ? [] : [model],
    decoded: fieldsOf(up.decoded_payload) ?? {},
  });
}
