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
import { seeded } from '../world/random.ts';
import type { SentFrame } from './cases.ts';

export interface Simulated {
  readonly codec: CodecName;
  readonly as: string;
  /** Keys of the entry that differ from the case's. */
  readonly device?: Readonly<Record<string, unknown>> | undefined;
  readonly frames: () => readonly SentFrame[];
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

export const SIMULATED: readonly Simulated[] = [
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
