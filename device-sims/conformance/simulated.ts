/**
 * What the simulator's encoders make of the facts of a case: the hub must read them as it reads the frames of the case.
 * One row an encoder; `as` names the case of the codec (cases/).
 */
import type { CodecName } from '../../edge/contracts/devices.ts';
import { m100Tag } from '../devices/serial/m100-bytes.ts';
import { COUNTER_SCALE, type ScaleModel, SimulatedScale } from '../devices/serial/scales.ts';
import { scanBytes } from '../devices/serial/scanner-bytes.ts';
import { thingmagicTag } from '../devices/serial/thingmagic-bytes.ts';
import { csvText, posLogText } from '../devices/till-files.ts';
import { seeded } from '../sim/random.ts';
import { eddystoneTlm, eddystoneUid, minewReport, openMqttReport } from '../vendors/beacons.ts';
import { frigateEvent } from '../vendors/frigate.ts';
import { em300Th, em400Tld, vs121, vs133 } from '../vendors/milesight.ts';
import { chirpstackTopic, chirpstackUp, thingsStackTopic, thingsStackUp } from '../vendors/network-servers.ts';
import { axisPush, xovisPush } from '../vendors/people-counters.ts';
import { flatState, sparkplugData } from '../vendors/plain-sensors.ts';
import { impinjReport, impinjRunning, zebraHeartbeat, zebraReport } from '../vendors/rfid-reports.ts';
import { contactState } from '../vendors/zigbee2mqtt.ts';
import type { SentFrame } from './cases.ts';

export interface Simulated {
  readonly codec: CodecName;
  readonly as: string;
  /** Keys of the entry that differ from the case's. */
  readonly device?: Readonly<Record<string, unknown>> | undefined;
  readonly frames: () => readonly SentFrame[] | Promise<readonly SentFrame[]>;
  /** It cannot be told the time. */
  readonly ownTime?: boolean;
}

const sent = (bytes: string | Uint8Array, topic?: string): readonly SentFrame[] => [
  { bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, topic },
];

/** What a scale tells twice, with so many grams at rest on it; without noise. */
function weighed(grams: number, protocol: ScaleModel['protocol'], more: Partial<ScaleModel> = {}) {
  return (): readonly SentFrame[] => {
    const frames: SentFrame[] = [];
    const model = { ...COUNTER_SCALE, capacityG: 60_000, noiseG: 0, driftG: 0, protocol, ...more };
    const say = (bytes: Buffer): void => void frames.push({ bytes });
    const scale = new SimulatedScale({ model, random: seeded(1), load: () => grams, say });
    for (const at of [0, 1000]) {
      scale.advance(at);
      scale.hear(Buffer.from(protocol === 'mt-sics' ? 'SI\r\n' : 'W'));
    }
    return frames;
  };
}

const WATER = '9521234543213';
const GS = '\u001d';
const SALE = { businessDay: '2016-08-22', began: '2016-08-22T15:21:49.399+01:00' };

const EPC = '3074257BF7194E4000001A85';
const AT = Date.parse('2026-11-20T09:15:45.582Z');
const NODE = { eui: '24e124136b501234', device: 'dev1', profile: 'EM300-TH', session: 1_795_162_545_582 };
const APP = 'e2c56db5dffb48d2b060d0f5a71096e0';

const chirpstack = (payload: Buffer, time: string): readonly SentFrame[] =>
  sent(chirpstackUp({ ...NODE, count: 4, time: Date.parse(time), payload }), chirpstackTopic(NODE.eui));
const thingsStack = (payload: Buffer, count = 1): readonly SentFrame[] =>
  sent(thingsStackUp({ ...NODE, count, time: AT, payload }), thingsStackTopic(NODE.device));
const UP = '2022-07-18T09:34:15.775Z';

const beacon = (minor: number, rssi: number) => ({
  ...{ address: 'AC233F8C7CEE', rssi, is: { uuid: APP, major: 0, minor } },
});
const tag = (is: Buffer) => sent(minewReport([{ address: 'AC233FA03208', rssi: -60, is }]));

const shelfEmpty = (type: 'new' | 'end', time: number) => {
  const object = { id: 'a', camera: 'aisle', label: 'shelf_empty', score: 0.7890625, time, since: time };
  return sent(frigateEvent(type, { ...object, zones: ['a1_3'] }), 'frigate/events');
};

export const SIMULATED: readonly Simulated[] = [
  {
    ...{ codec: 'impinj', as: 'a sighting, its EPC in base64url' },
    frames: () => sent(impinjReport('reader', AT, [{ epc: EPC, rssi: -54, antenna: 2 }])),
  },
  { codec: 'impinj', as: 'that the reader is at work', frames: () => sent(impinjRunning('reader', AT)) },
  {
    ...{ codec: 'zebra', as: 'several in one message, one directly behind the other' },
    frames: () => {
      const other = `${EPC.slice(0, -1)}6`;
      const reads = [
        { epc: EPC, rssi: -57, antenna: 1 },
        { epc: other, rssi: -61, antenna: 1 },
      ];
      return sent(zebraReport(AT, 42, reads));
    },
  },
  { codec: 'zebra', as: 'a heartbeat', frames: () => sent(zebraHeartbeat(AT, 7)) },
  {
    ...{ codec: 'chirpstack', as: 'the climate that an EM300-TH tells' },
    frames: () => chirpstack(em300Th({ battery: 92, celsius: 30.8, humidity: 50.5 }), UP),
  },
  {
    ...{ codec: 'chirpstack', as: 'totals of a VS121, which have sixteen bits' },
    frames: () => chirpstack(vs121({ in: 65_536 + 65_534, out: 3 }, { in: 5, out: 1 }), UP),
  },
  {
    ...{ codec: 'things-stack', as: 'the climate that an EM300-TH tells' },
    frames: () => thingsStack(em300Th({ battery: 92, celsius: 30.8, humidity: 50.5 })),
  },
  {
    ...{ codec: 'things-stack', as: 'the first frame of a session, whose counter is zero and so left out' },
    frames: () => thingsStack(em300Th({ celsius: 0 }), 0),
  },
  {
    ...{ codec: 'things-stack', as: 'an EM400-TLD above a shelf' },
    frames: () => thingsStack(em400Tld({ battery: 100, celsius: 26.7, mm: 315 })),
  },
  {
    ...{ codec: 'things-stack', as: 'who crossed the line of a VS133' },
    frames: () => thingsStack(vs133({ in: 72, out: 200 })),
  },
  {
    ...{ codec: 'zigbee2mqtt', as: 'the whole state of a contact, with its battery and when it was heard' },
    frames: () => {
      const time = Date.parse('2026-11-20T09:14:58.123Z');
      return sent(contactState({ contact: false, time, linkquality: 128 }), 'zigbee2mqtt/door-3');
    },
  },
  {
    ...{ codec: 'xovis', as: 'the counts of two minutes, of which one was empty' },
    frames: () => {
      const [from, to] = [1_645_792_860_000, 1_645_792_920_000];
      return sent(xovisPush({ line: 'Line 0', from, to, in: 1, out: 0, push: 28 }));
    },
  },
  {
    ...{ codec: 'axis', as: 'the running totals, whose time has no zone' },
    frames: () => sent(axisPush({ name: 'Exit south', time: AT, in: 12, out: 318 })),
  },
  {
    ...{ codec: 'ble-gateway', as: 'two beacons of one app beside a Minew gateway' },
    frames: () => sent(minewReport([beacon(0, -38), beacon(1, -34)])),
  },
  {
    ...{ codec: 'ble-gateway', as: 'a beacon beside an OpenMQTTGateway' },
    frames: () => {
      const is = { uuid: '1de4b189115e45f6b44e509352269977', major: 0, minor: 0 };
      return sent(openMqttReport({ address: '6087574C9BC2', rssi: -78, is }));
    },
  },
  {
    ...{ codec: 'ble-gateway', as: 'the tag of a trolley, and then its battery' },
    frames: () => [...tag(eddystoneUid('00112233445566778899', 'aabbccddeeff')), ...tag(eddystoneTlm(2900, 21, 51))],
  },
  {
    ...{ codec: 'frigate', as: 'a shelf that a model of the shop calls empty, and then no more' },
    frames: () => [...shelfEmpty('new', 1_607_123_961_838), ...shelfEmpty('end', 1_607_123_990_500)],
  },
  {
    ...{ codec: 'mapping', as: 'flat JSON in tenths of a degree, the device named by its topic' },
    frames: () => sent(flatState({ celsius: 4.5, humidity: 61, battery: 80, time: AT }), 'sensors/fridge-2/state'),
  },
  {
    ...{ codec: 'mapping', as: 'a node of Sparkplug, its metrics as JSON' },
    frames: () => {
      const metrics = [
        { name: 'Temperature', alias: 3, value: 4.5 },
        { name: 'Pressure', alias: 4, value: 2 },
      ];
      return sent(sparkplugData(7, 1_795_166_100_000, metrics));
    },
  },
  {
    ...{ codec: 'csv', as: 'an export with a day and a clock, in another encoding' },
    device: {
      mapping: {
        ...{ till: 'Kasse', transaction: 'Bon', business_day: 'Tag', time: 'Zeit', gtin: 'EAN', quantity: 'Menge' },
        ...{ amount: 'Preis', discount: 'Rabatt', kind: 'Art', currency: '=EUR' },
      },
    },
    frames: () => {
      const items = [{ code: WATER, quantity: '1', unitPrice: '1.29', name: 'süß' }];
      return sent(
        csvText([{ workstation: '3', number: '7', businessDay: '2026-11-20', began: '2026-11-20 09:15:00', items }]),
      );
    },
  },
  {
    ...{ codec: 'poslog', as: "a receipt of version 6 with the vendor's own elements" },
    frames: () => {
      const items = [{ code: WATER, quantity: '1', unitPrice: '2.59', off: '0.50' }];
      const receipt = { workstation: '140', number: '451', ...SALE, items };
      return sent(posLogText([receipt], { currency: 'GBP', version: '6.0', prefix: 'arts' }));
    },
  },
  {
    ...{ codec: 'scanner', as: 'a GS1 DataMatrix with product, expiry, lot and serial number' },
    frames: () => sent(scanBytes(`01095212345432131710010110123ABC${GS}211234567890`, { aim: 'd2', end: '\r\n' })),
  },
  {
    ...{ codec: 'mt-sics', as: 'a steady weight, told twice' },
    frames: weighed(100, 'mt-sics', { unit: 'g', step: 0.01, decimals: 2 }),
  },
  { codec: 'toledo-8217', as: 'a weight, told twice', frames: weighed(1250, 'toledo-8217') },
  {
    ...{ codec: 'toledo-8217', as: 'what an eight-bit port hears of a line with even parity' },
    frames: weighed(1250, 'toledo-8217', { parity: true }),
  },
  {
    ...{ codec: 'scale-stream', as: 'an indicator of A&D' },
    frames: weighed(12_340, 'a-and-d', { step: 0.01, decimals: 2 }),
  },
  { codec: 'scale-stream', as: 'an indicator of Dini Argeo', frames: weighed(500, 'dini') },
  {
    ...{ codec: 'scale-stream', as: 'a scale of CAS, by its string of 22 bytes' },
    frames: weighed(13_500, 'cas', { step: 0.1, decimals: 1 }),
  },
  {
    ...{ codec: 'thingmagic', as: 'a tag, told while it reads' },
    frames: () =>
      sent(thingmagicTag({ epc: '000000000000000000001545', rssi: -60, antenna: 1, reads: 1, flags: 0x01ff })),
  },
  {
    ...{ codec: 'm100', as: 'a tag as the manual shows it' },
    frames: () => sent(m100Tag({ epc: '30751FEB705C5904E3D50D70', rssi: -55 })),
  },
];
