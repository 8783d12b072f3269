/**
 * LoRaWAN sensors behind a network server: thermometers in fridges (EM300-TH by ChirpStack), distance meters above
 * shelves (EM400-TLD) and people counters (VS133) by The Things Stack. Payloads are the vendor's type-length-value
 * records, little-endian: 01 75 battery %, 03 67 temperature 0.1 C, 04 68 humidity 0.5 %, 04 82 distance mm,
 * 05 00 position, 03 D2 and 04 D2 persons in and out since it was switched on.
 */
import type { Shelf } from '../sim/floor.ts';
import { type CounterPlan, type Counts, counting } from './people-counters.ts';
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

function uint32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return [...bytes];
}

export function openThermometer(plan: ThermometerPlan, parts: DeviceParts): SimDevice {
  const { name, eui, unit } = plan;
  const { world, links, random, clock } = parts;
  const topic = `application/2f0c/device/${eui}/event/up`;
  return uplinks(plan, parts, {
    entry: { name, codec: 'chirpstack', model: 'em300-th', mqtt: { topic }, unit },
    send(now, { boot, count }) {
      const tenths = Math.round((world.celsius(unit) + random.noise(0.05)) * 10);
      const payload = Buffer.from([...BATTERY, 0x03, 0x67, ...int16(tenths), 0x04, 0x68, 101]);
      const event = {
        deduplicationId: `${eui}-${boot}-${count}`,
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
  const { name, shelf, fullMm, emptyMm } = plan;
  const { world, links, random, clock } = parts;
  const topic = `v3/shop@ttn/devices/${name}/up`;
  return uplinks(plan, parts, {
    entry: {
      ...{ name, codec: 'things-stack', model: 'em400-tld', mqtt: { topic }, shelf: shelf.shelf },
      calibration: { full_mm: fullMm, empty_mm: emptyMm },
    },
    send(now, frame) {
      const fill = Math.min(1, world.countOn(shelf.shelf) / shelf.capacity);
      const mm = Math.round(emptyMm - fill * (emptyMm - fullMm) + random.noise(2));
      const payload = Buffer.from([...BATTERY, 0x04, 0x82, ...int16(Math.max(0, mm)), 0x05, 0x00, 0x00]);
      return links.publish('network-server', topic, thingsStackUplink(plan, frame, payload, clock(now)));
    },
  });
}

export function openLoraCounter(plan: SensorPlan & CounterPlan, parts: DeviceParts): SimDevice {
  const { name, line } = plan;
  const { links, clock } = parts;
  const topic = `v3/shop@ttn/devices/${name}/up`;
  const totals: Counts = { in: 0, out: 0 };
  const device = uplinks(plan, parts, {
    entry: { name, codec: 'things-stack', model: 'vs133', mqtt: { topic }, line },
    send(now, frame) {
      const payload = Buffer.from([0x03, 0xd2, ...uint32(totals.in), 0x04, 0xd2, ...uint32(totals.out)]);
      return links.publish('network-server', topic, thingsStackUplink(plan, frame, payload, clock(now)));
    },
  });
  return {
    ...device,
    async start() {
      counting(plan, parts, totals);
      // The first total only sets the mark that the hub counts from.
      device.look(parts.world.now);
      await device.settled();
    },
    reboot() {
      device.reboot?.();
      totals.in = 0;
      totals.out = 0;
    },
  };
}

/** Frames are counted from 1 in each session. */
interface FrameNumber {
  /** When it joined, epoch ms of its own clock. */
  readonly boot: number;
  readonly count: number;
}

function thingsStackUplink({ name, eui }: SensorPlan, { boot, count }: FrameNumber, payload: Buffer, time: number) {
  const received_at = new Date(time).toISOString();
  return JSON.stringify({
    end_device_ids: { device_id: name, application_ids: { application_id: 'shop' }, dev_eui: eui },
    correlation_ids: [`as:up:${eui}:${boot}:${count}`],
    received_at,
    uplink_message: {
      ...{ session_key_id: `${eui}-${boot}`, f_port: 85, f_cnt: count, received_at },
      frm_payload: payload.toString('base64'),
      rx_metadata: [{ gateway_ids: { gateway_id: 'shop-gateway' }, rssi: -61 }],
    },
  });
}

/** At its beat, and once at the end: the last word of a sensor is how things stood when the shop was left. */
function uplinks(
  { name, everyMs }: SensorPlan,
  { world, clock }: DeviceParts,
  { entry, send }: { readonly entry: object; send(now: number, frame: FrameNumber): Promise<void> },
): SimDevice {
  const said = new Said();
  let sent = Number.NEGATIVE_INFINITY;
  let boot = 0;
  let count = 0;
  const uplink = (now: number): void => {
    sent = now;
    count += 1;
    // It joins with its first uplink.
    if (count === 1) boot = clock(now);
    said.add(send(now, { boot, count }));
  };
  return {
    name,
    entry: { ...entry },
    start: async () => undefined,
    reboot() {
      count = 0;
    },
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
