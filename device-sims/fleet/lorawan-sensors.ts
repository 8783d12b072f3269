/**
 * LoRaWAN sensors behind a network server: thermometers in fridges (EM300-TH by ChirpStack) and distance meters above
 * shelves (EM400-TLD by The Things Stack). Payloads are the vendor's type-length-value records, little-endian:
 * 01 75 battery %, 03 67 temperature 0.1 C, 04 68 humidity 0.5 %, 04 82 distance mm, 05 00 position.
 */
import type { Shelf } from '../sim/floor.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

interface SensorPlan {
  readonly name: string;
  /** 16 hex digits. */
  readonly eui: string;
  readonly everyMs: number;
}

export interface ThermometerPlan extends SensorPlan {
  readonly unit: string;
}

export interface DepthPlan extends SensorPlan {
  readonly shelf: Shelf;
  /** Distance to the goods of a full shelf and to the back of an empty one. */
  readonly fullMm: number;
  readonly emptyMm: number;
}

const BATTERY = [0x01, 0x75, 92];

function int16(value: number): [number, number] {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16LE(value);
  return [bytes[0] ?? 0, bytes[1] ?? 0];
}

export function openThermometer(plan: ThermometerPlan, parts: DeviceParts): SimDevice {
  const { name, eui, unit } = plan;
  const { world, links, random, clock } = parts;
  const topic = `application/2f0c/device/${eui}/event/up`;
  return uplinks(plan, parts, {
    entry: { name, codec: 'chirpstack', model: 'em300-th', mqtt: { topic }, unit },
    send(now, count) {
      const tenths = Math.round((world.celsius(unit) + random.noise(0.05)) * 10);
      const payload = Buffer.from([...BATTERY, 0x03, 0x67, ...int16(tenths), 0x04, 0x68, 101]);
      const event = {
        deduplicationId: `${eui}-${clock(now)}-${count}`,
        time: new Date(clock(now)).toISOString(),
        deviceInfo: { applicationId: '2f0c', devEui: eui, deviceName: name, deviceProfileName: 'EM300-TH', tags: {} },
        ...{ devAddr: '00bd182c', adr: true, dr: 5, fCnt: count, fPort: 85, confirmed: false },
        data: payload.toString('base64'),
        rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -57, snr: 10 }],
      };
      return links.publish('network-server', topic, JSON.stringify(event));
    },
  });
}

export function openDepthSensor(plan: DepthPlan, parts: DeviceParts): SimDevice {
  const { name, eui, shelf, fullMm, emptyMm } = plan;
  const { world, links, random, clock } = parts;
  const topic = `v3/shop@ttn/devices/${name}/up`;
  let session = '';
  return uplinks(plan, parts, {
    entry: {
      ...{ name, codec: 'things-stack', model: 'em400-tld', mqtt: { topic }, shelf: shelf.shelf },
      calibration: { full_mm: fullMm, empty_mm: emptyMm },
    },
    send(now, count) {
      // It joins with its first uplink, and counts from 1 in each session.
      if (count === 1) session = `${eui}-${clock(now)}`;
      const fill = Math.min(1, world.countOn(shelf.shelf) / shelf.capacity);
      const mm = Math.round(emptyMm - fill * (emptyMm - fullMm) + random.noise(2));
      const payload = Buffer.from([...BATTERY, 0x04, 0x82, ...int16(Math.max(0, mm)), 0x05, 0x00, 0x00]);
      const received_at = new Date(clock(now)).toISOString();
      const event = {
        end_device_ids: { device_id: name, application_ids: { application_id: 'shop' }, dev_eui: eui },
        correlation_ids: [`as:up:${eui}:${count}`],
        received_at,
        uplink_message: {
          ...{ session_key_id: session, f_port: 85, f_cnt: count, received_at },
          frm_payload: payload.toString('base64'),
          rx_metadata: [{ gateway_ids: { gateway_id: 'shop-gateway' }, rssi: -61 }],
        },
      };
      return links.publish('network-server', topic, JSON.stringify(event));
    },
  });
}

/** At its beat, and once at the end: the last word of a sensor is how things stood when the shop was left. */
function uplinks(
  { name, everyMs }: SensorPlan,
  { world }: DeviceParts,
  { entry, send }: { readonly entry: object; send(now: number, count: number): Promise<void> },
): SimDevice {
  const said = new Said();
  let sent = Number.NEGATIVE_INFINITY;
  let count = 0;
  const uplink = (now: number): void => {
    sent = now;
    count += 1;
    said.add(send(now, count));
  };
  return {
    name,
    entry: { ...entry },
    start: async () => undefined,
    look(now) {
      if (now - sent >= everyMs) uplink(now);
    },
    settled: () => said.settled(),
    async stop() {
      uplink(world.now);
      await said.settled();
    },
  };
}
