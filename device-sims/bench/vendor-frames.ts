/** One usual frame of each format of a vendor, and the device that sends it. */
import type { DeviceConfig } from '../../edge/contracts/devices.ts';
import { csvText, posLogText, type Receipt } from '../devices/till-files.ts';

export interface VendorFrame {
  readonly device: Partial<DeviceConfig> & Pick<DeviceConfig, 'codec'>;
  readonly topic?: string;
  /** JSON, text or bytes. */
  readonly content: unknown;
}

const EPC = '3074257BF7194E4000001A85';
const TIME = '2026-11-20T09:14:59.775Z';
/** Battery, temperature and humidity of an EM300-TH. */
const MILESIGHT = Buffer.from('01755C03673401046865', 'hex').toString('base64');

const receipt: Receipt = {
  workstation: '3',
  number: '1276',
  businessDay: '2026-11-20',
  began: '2026-11-20T09:15:00',
  items: Array.from({ length: 5 }, () => ({ code: '9521234543213', quantity: '2', unitPrice: '1.29' })),
};

const crossing = (track: number) => ({
  framenumber: 4_137_403 + track,
  time: 1_795_166_100_000 + track,
  tracked_objects: [{ track_id: track, type: 'PERSON', position: [-0.04, 0.07, 1.73], attributes: {} }],
  events: [
    {
      category: 'SCENE',
      type: 'LINE_CROSS_FORWARD',
      attributes: { track_id: track, sequence_number: 0, geometry_id: 2, geometry_name: 'Line 0' },
    },
  ],
});

const utc = { utcFrom: '2026-11-20T09:14:00Z', utcTo: '2026-11-20T09:15:00Z' };
const tracked = { id: '1795166099.475377-mxklsc', camera: 'aisle', frame_time: 1_795_166_100.83, label: 'person' };

export const VENDOR_FRAMES: readonly VendorFrame[] = [
  {
    device: { codec: 'impinj' },
    content: {
      timestamp: '2026-03-01T10:00:00.123456789Z',
      eventType: 'tagInventory',
      tagInventoryEvent: { epc: 'MHQle_cZTkAAABqF', antennaPort: 2, peakRssiCdbm: -5400, frequency: 866_900 },
    },
  },
  {
    device: { codec: 'zebra' },
    content: {
      type: 'SIMPLE',
      timestamp: '2026-03-01T10:00:00.123+0000',
      data: { MAC: 'C4:7D:CC:00:00:01', antenna: 1, eventNum: 42, format: 'epc', idHex: EPC, peakRssi: -57, reads: 3 },
    },
  },
  {
    device: { codec: 'chirpstack', model: 'em300-th', unit: 'fridge-1' },
    topic: 'application/1/device/24e124136b501234/event/up',
    content: {
      deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
      time: TIME,
      deviceInfo: { devEui: '24e124136b501234', deviceName: 'cold room', deviceProfileName: 'EM300-TH', tags: {} },
      fCnt: 4,
      fPort: 85,
      data: MILESIGHT,
      rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -36, snr: 10.5 }],
    },
  },
  {
    device: { codec: 'things-stack', model: 'em300-th', unit: 'fridge-1' },
    topic: 'v3/shop@tenant/devices/cold-room/up',
    content: {
      end_device_ids: { device_id: 'cold-room', dev_eui: '24E124136B501234' },
      correlation_ids: ['gs:uplink:01'],
      received_at: TIME,
      uplink_message: { f_port: 85, f_cnt: 4, frm_payload: MILESIGHT, received_at: TIME, rx_metadata: [{ rssi: -36 }] },
    },
  },
  {
    device: { codec: 'zigbee2mqtt', unit: 'fridge-1' },
    topic: 'zigbee2mqtt/fridge-1',
    content: { temperature: 4.34, humidity: 44.72, battery: 90, linkquality: 128 },
  },
  {
    device: { codec: 'xovis', line: 'door', model: 'live' },
    content: { live_data: { package_info: { id: 150 }, frames: [crossing(1), crossing(2)] } },
  },
  {
    device: { codec: 'axis', line: 'door' },
    content: {
      ...{ apiName: 'Axis Retail Data', apiVersion: '0.4', sensor: { serial: 'B8A44F000001', name: 'Exit south' } },
      data: {
        ...utc,
        measurements: [
          {
            ...{ kind: 'people-counts', ...utc },
            items: [
              { direction: 'in', count: 1, adults: 0 },
              { direction: 'out', count: 2, adults: 0 },
            ],
          },
        ],
      },
    },
  },
  {
    device: { codec: 'ble-gateway', zone: 'beverages' },
    content: Array.from({ length: 20 }, (_, minor) => ({
      ...{ timestamp: TIME, type: 'iBeacon', mac: 'C3000025EF6A', rssi: -65, battery: 0 },
      ...{ ibeaconUuid: 'E2C56DB5DFFB48D2B060D0F5A71096E0', ibeaconMajor: 1, ibeaconMinor: minor },
    })),
  },
  {
    device: { codec: 'frigate', places: { a1_3: 'A1-3' } },
    topic: 'frigate/a1_3/shelf_empty',
    content: '1',
  },
  {
    device: { codec: 'frigate', places: { drinks: 'beverages' } },
    topic: 'frigate/events',
    content: {
      type: 'update',
      before: { ...tracked, current_zones: ['drinks'], score: 0.7, box: [424, 500, 536, 712] },
      after: { ...tracked, current_zones: [], score: 0.8, box: [424, 500, 536, 712] },
    },
  },
  {
    device: {
      codec: 'mapping',
      unit: 'fridge-7',
      mapping: { climate: 'payload.metrics[name = "Temperature"].{ "unit": $$.device.unit, "celsius": value }' },
    },
    content: { timestamp: 1_795_166_100_000, metrics: [{ name: 'Temperature', value: 4.5 }, { name: 'Pressure' }] },
  },
  { device: { codec: 'poslog', timezone: 'Europe/Berlin' }, content: posLogText([receipt]) },
  {
    device: {
      codec: 'csv',
      timezone: 'Europe/Berlin',
      mapping: {
        ...{ till: 'Kasse', transaction: 'Bon', business_day: 'Tag', time: 'Zeit', gtin: 'EAN', quantity: 'Menge' },
        ...{ amount: 'Preis', discount: 'Rabatt', kind: 'Art', currency: '=EUR' },
      },
    },
    content: csvText([receipt]),
  },
  { device: { codec: 'mt-sics', shelf: 'A1-3' }, content: 'S S     100.00 g' },
  { device: { codec: 'scanner' }, content: ']d2010952123454321317301231' },
  {
    device: { codec: 'm100' },
    content: Buffer.from('BB02220011C9340030751FEB705C5904E3D50D703A76EF7E', 'hex'),
  },
];
