import { beforeEach, describe, expect, it, test } from 'vitest';
import type { Format } from '../contracts/formats.ts';
import { bleGatewayFormat } from './ble-gateway.ts';
import { decoded, opened, RECEIVED, saidBy } from './format.fixture.ts';

let bleGateway: Format;
beforeEach(() => {
  bleGateway = bleGatewayFormat();
});

const UUID = 'e2c56db5dffb48d2b060d0f5a71096e0';
const SHOPPER = `${UUID}:1:7`;
const TROLLEY = '00112233445566778899:aabbccddeeff';
const ENTRY = {
  push: true,
  zone: 'beverages',
  places: { [TROLLEY]: 'trolley-4', 'E2C56DB5-DFFB-48D2-B060-D0F5A71096E0:9:9': 'ladder' },
};

const gateway = { timestamp: '2026-02-09T00:13:53.668Z', type: 'Gateway', mac: 'AC233FC03641', gatewayFree: 89 };
/** As Minew gateways decode an iBeacon. */
const minew = (minor: number, more: object = {}) => ({
  timestamp: '2026-02-09T00:13:53.667Z',
  type: 'iBeacon',
  mac: 'C3000025EF6A',
  bleName: '',
  ibeaconUuid: UUID.toUpperCase(),
  ibeaconMajor: 1,
  ibeaconMinor: minor,
  rssi: -65,
  ibeaconTxPower: -59,
  battery: 0,
  ...more,
});
/** As OpenMQTTGateway documents it. */
const theengs = {
  id: '60:87:57:4C:9B:C2',
  mac_type: 1,
  rssi: -78,
  distance: 7.85288,
  brand: 'GENERIC',
  model: 'iBeacon',
  model_id: 'IBEACON',
  mfid: '4c00',
  uuid: '1de4b189115e45f6b44e509352269977',
  major: 0,
  minor: 0,
  txpower: -66,
};
const raw = (rawData: string, mac = 'AC233FA03208') => ({ type: 'Unknown', mac, rssi: -60, rawData });
const IBEACON_HEX = `0201061AFF4C000215${UUID}00010007C5`;
const UID_HEX = '0201060303AAFE1516AAFE00E7' + '00112233445566778899AABBCCDDEEFF';
const TLM_HEX = '0201060303AAFE1116AAFE20000B54' + '15000000000100000200';

const presence = (shopper: string) => ({ kind: 'presence', reading: { zone: 'beverages', shopper, present: true } });

describe('the beacon of a shopper', () => {
  it.each([
    ['a Minew gateway', [gateway, minew(7)], SHOPPER],
    ['OpenMQTTGateway', theengs, '1de4b189115e45f6b44e509352269977:0:0'],
    ['a raw advertisement', [raw(IBEACON_HEX)], SHOPPER],
    ['manufacturer data', { id: 'x', rssi: -60, manufacturerdata: `4c000215${UUID}00010007c5` }, SHOPPER],
    ['an Eddystone UID', [raw(UID_HEX.replace('AABBCCDDEEFF', '000000000001'))], '00112233445566778899:000000000001'],
  ])('is a presence in the zone of the gateway: %s', async (_, frame, shopper) => {
    expect(await saidBy(opened(bleGateway, ENTRY), frame)).toEqual([presence(shopper)]);
  });

  it('is said again after ten seconds, not each time it is heard', async () => {
    const decoder = opened(bleGateway, ENTRY);
    const at = async (ms: number) => (await saidBy(decoder, [minew(7)], { received: RECEIVED + ms })).length;
    expect(await at(0)).toBe(1);
    expect(await at(1000)).toBe(0);
    expect(await at(9999)).toBe(0);
    expect(await at(10_000)).toBe(1);
    // The hub's clock was set back.
    expect(await at(-3_600_000)).toBe(1);
  });

  it('does not count when it is weaker than the calibration says', async () => {
    const near = opened(bleGateway, { ...ENTRY, calibration: { rssi_dbm: -70 } });
    expect(await saidBy(near, [minew(1, { rssi: -71 }), minew(2, { rssi: -70 })])).toHaveLength(1);
  });

  it('is told by nothing in notes and reasons', async () => {
    const decoder = opened(bleGateway, ENTRY);
    expect(bleGateway.personal).toBe(true);
    const answers = [
      await decoded(decoder, [minew(7)]),
      await decoded(decoder, [minew(7), 5]),
      await decoded(decoder, `{"uuid":"${UUID}`),
    ];
    const words = answers.map((answer) => (answer.ok ? answer.note : answer.reason)).join();
    expect(words).not.toMatch(/e2c56db5|C300/i);
  });
});

describe('a beacon that two gateways hear', () => {
  const GATEWAYS = ['beverages', 'household'];

  /** Which of them say it is with them, of sightings [gateway, dBm, ms]. */
  async function saying(...sightings: readonly (readonly [gateway: number, rssi: number, ms: number])[]) {
    const decoders = GATEWAYS.map((zone) => opened(bleGateway, { push: true, zone }));
    const zones: unknown[] = [];
    for (const [gateway, rssi, ms] of sightings) {
      const decoder = decoders[gateway];
      if (decoder === undefined) throw new Error('no such gateway');
      const said = await saidBy(decoder, [minew(7, { rssi })], { received: RECEIVED + ms });
      zones.push(...said.map(({ reading }) => reading.zone));
    }
    for (const decoder of decoders) decoder.close?.();
    return zones;
  }

  it('stays with the one that hears it best, however often the other hears it', async () => {
    const both = Array.from({ length: 20 }, (_, i) => [i % 2, i % 2 === 0 ? -60 : -64, i * 3000] as const);
    expect(new Set(await saying(...both))).toEqual(new Set(['beverages']));
  });

  it('goes over to one that hears it clearly better, or when the first hears it no more', async () => {
    expect(await saying([0, -70, 0], [1, -60, 1000])).toEqual(['beverages', 'household']);
    expect(await saying([0, -60, 0], [1, -80, 14_000], [1, -80, 16_000])).toEqual(['beverages', 'household']);
    // The clock was set back.
    expect(await saying([0, -60, 0], [1, -80, -60_000])).toEqual(['beverages', 'household']);
  });
});

describe('the beacon of an asset', () => {
  it('is a status of a device of that name, and its battery is told by the frame that names nobody', async () => {
    const decoder = opened(bleGateway, ENTRY);
    const at = async (report: object, ms: number) => await saidBy(decoder, [report], { received: RECEIVED + ms });
    const status = (more: object = {}) => [
      { kind: 'status', device: 'trolley-4', reading: { online: true, text: 'in beverages', ...more } },
    ];
    // Nobody knows yet whose battery this is.
    expect(await at(raw(TLM_HEX), 0)).toEqual([]);
    expect(await at(raw(UID_HEX), 0)).toEqual(status());
    expect(await at(raw(TLM_HEX, 'AC0000000001'), 0)).toEqual([]);
    // 2.9 V of 3.0 V to 2.0 V
    expect(await at(raw(TLM_HEX), 0)).toEqual(status({ battery_percent: 90 }));
    expect(await at(raw(TLM_HEX), 0)).toEqual([]);
    expect(await at(raw(UID_HEX), 10_000)).toEqual(status({ battery_percent: 90 }));
  });

  it('is named in the configuration as it is printed on beacons, with hyphens and in upper case', async () => {
    const said = await saidBy(opened(bleGateway, ENTRY), [minew(9, { ibeaconMajor: 9, battery: 88 })]);
    expect(said).toMatchObject([{ kind: 'status', device: 'ladder', reading: { battery_percent: 88 } }]);
  });
});

test('advertisements of anything else say nothing: other companies, URLs, identifiers that change', async () => {
  const others = [
    raw('0201060303E1FF0D16E1FFA10264000832A03F23AC'),
    raw('1EFF060001092000351A0F7A6A0A330B5CC7A2C1BE09A1C536C259B583CA30'),
    raw('0201060303AAFE0F16AAFE10E702676F6F676C6507'),
    raw('0201060303AAFE0D16AAFE30E70011223344556677'),
    raw(''),
    raw('1EFF4C000215'),
    { type: 'S1', mac: 'AC233FA018E3', rssi: -54, battery: 100, temperature: 26.69, humidity: 65.14 },
  ];
  expect(await saidBy(opened(bleGateway, ENTRY), [gateway, ...others])).toEqual([]);
});

test('however many beacons pass by, only the newest few thousand are remembered', async () => {
  const decoder = opened(bleGateway, ENTRY);
  const many = (from: number) => Array.from({ length: 1000 }, (_, i) => minew(from + i));
  for (let from = 0; from < 20_000; from += 1000) expect(await saidBy(decoder, many(from))).toHaveLength(1000);
  expect(await saidBy(decoder, many(19_000))).toEqual([]);
  // Forgotten, so it is said anew.
  expect(await saidBy(decoder, [minew(0)])).toHaveLength(1);
  expect(await decoded(decoder, Array(1001).fill(gateway))).toMatchObject({ ok: false });
});

test('an entry that names no zone, or something that is no beacon, is refused at start', () => {
  expect(() => opened(bleGateway, { push: true })).toThrow('zone: ble-gateway needs the zone');
  expect(() => opened(bleGateway, { ...ENTRY, places: { AC233FA03208: 'x' } })).toThrow(
    'places.AC233FA03208: expected',
  );
  expect(() => opened(bleGateway, { ...ENTRY, places: { [TROLLEY]: 'a/b' } })).toThrow('without / + and #');
});
