/** People counters, beacons and cameras before a real writer: what becomes of what they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DeviceShop, deviceConfig } from './device-shop.fixture.ts';
import { LOCATION_OFFER } from './writer.fixture.ts';

let shop: DeviceShop;
afterEach(() => shop.close());

const dataOf = (type: string) => shop.events(type).map(({ data }) => data);

test('a crossing that a Xovis sensor sends again, before and after a restart, is one crossing', () => {
  shop = new DeviceShop([deviceConfig('door-x', { codec: 'xovis', line: 'door' })]);
  const frame = (track: number, type: string) => ({
    framenumber: 7,
    time: shop.clocks.wallMs,
    tracked_objects: [{ track_id: track, type }],
    events: [{ type: 'LINE_CROSS_FORWARD', attributes: { track_id: track, geometry_id: 2, geometry_name: 'Line 0' } }],
  });
  const push = { live_data: { package_info: { id: 150 }, frames: [frame(1, 'PERSON'), frame(2, 'GROUP')] } };
  expect(shop.frame('door-x', push)).toMatchObject({ accepted: 1, repeated: 0 });
  expect(shop.frame('door-x', push)).toMatchObject({ accepted: 0, repeated: 1 });
  shop.restart();
  expect(shop.frame('door-x', push)).toMatchObject({ accepted: 0, repeated: 1 });
  expect(dataOf('retail.traffic.crossed.v1')).toMatchObject([{ line: 'door', in: 1, out: 0 }]);
});

test('running totals of an Axis counter become the persons between them, over midnight and a restart', () => {
  shop = new DeviceShop([deviceConfig('axis', { codec: 'axis', line: 'south' })]);
  const total = (entered: number, left: number) =>
    shop.frame('axis', { serial: 's', name: 'n', timestamp: '20261120101500', in: entered, out: left });
  total(10, 4);
  total(12, 4);
  shop.restart();
  total(12, 9);
  total(12, 9);
  expect(dataOf('retail.traffic.crossed.v1')).toMatchObject([
    { line: 'south', in: 2, out: 0 },
    { line: 'south', in: 0, out: 5 },
  ]);
});

test('a beacon is a shopper in the zone of the gateway that hears it best, and only with consent', () => {
  const gateway = (name: string, zone: string) => deviceConfig(name, { codec: 'ble-gateway', zone });
  shop = new DeviceShop([gateway('gw-1', 'beverages'), gateway('gw-2', 'household')]);
  const uuid = 'E2C56DB5DFFB48D2B060D0F5A71096E0';
  const beacon = `${uuid.toLowerCase()}:1:7`;
  const hear = (rssi: number) => [
    { type: 'iBeacon', mac: 'C3000025EF6A', ibeaconUuid: uuid, ibeaconMajor: 1, ibeaconMinor: 7, rssi },
  ];

  expect(shop.frame('gw-1', hear(-60))).toMatchObject({ outcome: 'accepted' });
  expect(shop.events()).not.toContainEqual(expect.objectContaining({ type: 'retail.shoppers.present.v1' }));
  const shown = shop.register.frames('gw-1', shop.clocks.wallMs) ?? [];
  expect(shown).toHaveLength(1);
  expect(JSON.stringify(shown)).not.toMatch(/e2c56db5|C3000025/i);

  shop.says('consent', 'app', { shopper: beacon, granted: true, scope: 'offers' });
  shop.pass(10_000);
  shop.frame('gw-1', hear(-60));
  shop.pass(10_000);
  shop.frame('gw-1', hear(-60));
  shop.frame('gw-2', hear(-62));
  shop.frame('gw-2', hear(-50));
  shop.pass(LOCATION_OFFER.absent_after + 60_000);
  expect(dataOf('retail.shoppers.present.v1')).toMatchObject([
    { zone: 'beverages', present: true },
    { zone: 'beverages', present: false, inferred: true },
    { zone: 'household', present: true },
    { zone: 'household', present: false, inferred: true },
  ]);
  const files = readdirSync(shop.folder).filter((file) => file.startsWith('journal.db'));
  const journal = Buffer.concat(files.map((file) => readFileSync(join(shop.folder, file))));
  expect(journal.includes(beacon)).toBe(false);
  expect(journal.toString('latin1')).not.toMatch(/E2C56DB5|C3000025EF6A/i);
});

test('what a camera sees at a shelf is told when it comes and when it goes, also over a restart', () => {
  shop = new DeviceShop([deviceConfig('nvr', { codec: 'frigate', places: { a1_3: 'A1-3' } })]);
  const see = (type: string, frame_time: number) => {
    const after = { id: '1.2-x', label: 'shelf_empty', frame_time, score: 0.8, current_zones: ['a1_3'] };
    shop.frame('nvr', { type, before: after, after }, 'frigate/events');
  };
  const seconds = shop.clocks.wallMs / 1000;
  see('new', seconds);
  see('update', seconds + 1);
  shop.restart();
  shop.frame('nvr', '1', 'frigate/a1_3/shelf_empty');
  see('end', seconds + 2);
  expect(dataOf('retail.shelves.observed.v1')).toEqual([
    { shelf: 'A1-3', label: 'shelf_empty', present: true, count: 1, confidence: 0.8 },
    { shelf: 'A1-3', label: 'shelf_empty', present: false, count: 0, confidence: 0.8 },
  ]);
});
