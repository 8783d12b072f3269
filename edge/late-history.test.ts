/** Records that a device kept while it was out of reach: stored with their own time, and nothing else happens. */
import { afterEach, expect, test } from 'vitest';
import type { Format, Said } from './contracts/formats.ts';
import { DeviceShop, deviceConfig } from './device-shop.fixture.ts';
import { WATER } from './writer.fixture.ts';

let shop: DeviceShop;
afterEach(() => shop.close());

const uplink = (hex: string, id: string, time: number): object => ({
  deduplicationId: id,
  time: new Date(time).toISOString(),
  deviceInfo: { devEui: '24e124136b501234', deviceProfileName: 'EM300-TH' },
  data: Buffer.from(hex.replaceAll(' ', ''), 'hex').toString('base64'),
});

const record = (at: number, temperature: number): string => {
  const bytes = Buffer.alloc(9);
  bytes.set([0x20, 0xce]);
  bytes.writeUInt32LE(at / 1000, 2);
  bytes.writeInt16LE(temperature * 10, 6);
  bytes[8] = 100;
  return bytes.toString('hex');
};

test('late records of a LoRaWAN sensor have their own time, and each is stored once however often it comes', () => {
  shop = new DeviceShop([deviceConfig('fridge-sensor', { codec: 'chirpstack', unit: 'fridge-1' })]);
  const { wallMs } = shop.clocks;
  const hour = 3_600_000;
  shop.frame('fridge-sensor', uplink('03672c00', 'a', wallMs));
  const [first, second] = [wallMs - 5 * hour, wallMs - 4 * hour];
  const late = `${record(first, 9.5)}${record(second, 8.1)}`;
  expect(shop.frame('fridge-sensor', uplink(late, 'b', wallMs + 1000))).toMatchObject({ accepted: 2, repeated: 0 });
  // The network sends the uplink again, and the sensor its records within another.
  expect(shop.frame('fridge-sensor', uplink(late, 'b', wallMs + 1000))).toMatchObject({ accepted: 0, repeated: 2 });
  shop.restart();
  const again = uplink(`03672d00 ${record(second, 8.1)}`, 'c', wallMs + 2000);
  expect(shop.frame('fridge-sensor', again)).toMatchObject({ accepted: 1, repeated: 1 });
  const measured = shop.events('retail.climate.measured.v1');
  expect(measured.map(({ time, history, data }) => [time, history, (data as { celsius: number }).celsius])).toEqual([
    [wallMs, false, 4.4],
    [first, true, 9.5],
    [second, true, 8.1],
    [wallMs + 2000, false, 4.5],
  ]);
});

/** Says what stands in the frame. */
const plain: Format = {
  name: 'impinj',
  open: () => ({ decode: ({ bytes }) => ({ ok: true, said: JSON.parse(Buffer.from(bytes).toString()) as Said[] }) }),
};

test('late records alert nobody and change nothing that is known now, even in one frame with what is now', () => {
  shop = new DeviceShop([deviceConfig('gateway', { codec: 'impinj' })], {}, plain);
  const past = shop.clocks.wallMs - 7_200_000;
  const shelf = (count: number, history: boolean, id: string): Said => ({
    kind: 'shelf',
    reading: { id, ...(history && { time: past }), shelf: 'A1-3', gtin: WATER.gtin, count },
    history,
  });
  const traffic = (reading: object, history: boolean): Said => ({
    kind: 'traffic',
    reading: { ...(history && { time: past }), ...reading },
    history,
  });
  const battery = (percent: number, history: boolean): Said => ({
    kind: 'status',
    reading: { ...(history && { time: past }), online: true, battery_percent: percent },
    history,
  });
  shop.frame('gateway', [
    shelf(12, false, 'now'),
    shelf(0, true, 'past'),
    traffic({ line: 'door', total_in: 100 }, false),
    traffic({ line: 'door', total_in: 3 }, true),
    traffic({ zone: 'entrance', occupancy: 4 }, false),
    traffic({ zone: 'entrance', occupancy: 90 }, true),
    battery(80, false),
    battery(3, true),
  ]);
  for (let minute = 0; minute < 10; minute += 1) shop.pass(60_000);
  expect(shop.alerts).toEqual([]);
  // The same again is no news: what is known is what was said of now.
  const before = shop.events().length;
  shop.frame('gateway', [
    shelf(12, false, 'again'),
    traffic({ line: 'door', total_in: 101 }, false),
    traffic({ zone: 'entrance', occupancy: 4 }, false),
    battery(80, false),
  ]);
  expect(shop.events().slice(before)).toMatchObject([
    { type: 'retail.traffic.crossed.v1', data: { line: 'door', in: 1 } },
  ]);
  expect(shop.events().filter(({ history }) => history)).toMatchObject([
    { type: 'retail.shelves.level.v1', time: past, data: { count: 0 } },
    { type: 'retail.traffic.occupancy.v1', time: past, data: { occupancy: 90 } },
    { type: 'retail.devices.seen.v1', time: past, data: { battery_percent: 3 } },
  ]);
});

test('a gateway whose clock is slow does not turn its uplinks into the past, whatever the server says between them', () => {
  shop = new DeviceShop([deviceConfig('fridge-sensor', { codec: 'chirpstack', unit: 'fridge-1' })]);
  const slow = (): number => shop.clocks.wallMs - 600_000;
  const deviceInfo = { devEui: '24e124136b501234' };
  shop.frame('fridge-sensor', uplink('03672c00', 'a', slow()));
  shop.pass(60_000);
  const time = new Date(shop.clocks.wallMs).toISOString();
  shop.frame('fridge-sensor', { deduplicationId: 'b', time, deviceInfo, margin: 9, batteryLevel: 80 });
  shop.pass(60_000);
  shop.frame('fridge-sensor', uplink('03672d00', 'c', slow()));
  const said = shop.events().filter(({ source }) => source === 'fridge-sensor');
  expect(said.map(({ type, history }) => [type, history])).toEqual([
    ['retail.climate.measured.v1', false],
    ['retail.devices.seen.v1', false],
    ['retail.climate.measured.v1', false],
  ]);
});
