import { describe, expect, it } from 'vitest';
import { decoderOf, reader, readingsOf } from './reader.fixture.ts';

const TAG = {
  timestamp: '2026-03-01T10:00:00.123456789Z',
  hostname: 'impinj-14-2b-3c',
  eventType: 'tagInventory',
  tagInventoryEvent: {
    ...{ epc: 'MHQle_cZTkAAABqF', antennaPort: 2, peakRssiCdbm: -5400, frequency: 866_900, transmitPowerCdbm: 3000 },
  },
};
const EPC = '3074257BF7194E4000001A85';
const SIGHTING = { kind: 'rfid', epc: EPC, antenna: 2, rssi_dbm: -54 };

const decode = decoderOf(reader('impinj'));

function tag(fields: object) {
  return { ...TAG, tagInventoryEvent: { ...TAG.tagInventoryEvent, ...fields } };
}

describe('a sighting', () => {
  it.each([
    ['standard base64', { epc: 'MHQle/cZTkAAABqF' }],
    ['hex beside it', { epcHex: EPC.toLowerCase() }],
    ['hex alone', { epc: undefined, epcHex: EPC }],
  ])('by %s', (_, fields) => {
    expect(readingsOf(decode(tag(fields)))).toEqual([SIGHTING]);
  });

  it('of a webhook comes in an array, of the stream one a line', () => {
    const second = tag({ antennaPort: 3 });
    const both = [SIGHTING, { ...SIGHTING, antenna: 3 }];
    expect(readingsOf(decode([TAG, second]))).toEqual(both);
    expect(readingsOf(decode(`${JSON.stringify(TAG)}\r\n${JSON.stringify(second)}\r\n`))).toEqual(both);
  });

  it('without signal strength or port is one all the same', () => {
    const bare = tag({ antennaPort: undefined, peakRssiCdbm: undefined });
    expect(readingsOf(decode(bare))).toEqual([{ kind: 'rfid', epc: EPC }]);
  });

  it('by an antenna with a name is where the configuration says', () => {
    const named = decoderOf(reader('impinj', { places: { 'Dock door': 'dock' } }));
    expect(readingsOf(named(tag({ antennaName: 'Dock door' })))).toEqual([{ ...SIGHTING, zone: 'dock' }]);
    expect(readingsOf(named(tag({ antennaName: 'elsewhere' })))).toEqual([SIGHTING]);
  });

  it('of a tag that nobody wrote to is left out, not the others that were read with it', () => {
    const told = decode([tag({ epc: '' }), TAG]);
    expect(readingsOf(told)).toEqual([SIGHTING]);
    expect(told).toMatchObject({ note: 'a tag without an EPC' });
  });

  it('of early firmware has no eventType', () => {
    expect(readingsOf(decode({ ...TAG, eventType: undefined }))).toEqual([SIGHTING]);
  });
});

describe('the reader of itself', () => {
  it.each([
    ['inventoryStatus', { inventoryStatus: 'running' }, { inventory: true, text: 'inventory running' }],
    ['inventoryStatus', { inventoryStatus: 'idle' }, { inventory: false, text: 'inventory idle' }],
    ['antennaDisconnected', { antennaPort: 4 }, { text: 'antenna 4 disconnected', antennas: { 4: false } }],
    ['antennaConnected', { antennaPort: 4 }, { text: 'antenna 4 connected', antennas: { 4: true } }],
    ['antennaConnected', { antennaPort: -1 }, { text: 'antenna ? connected' }],
  ])('%s %o', (eventType, detail, said) => {
    const told = decode({ timestamp: TAG.timestamp, eventType, [`${eventType}Event`]: detail });
    expect(readingsOf(told)).toEqual([{ kind: 'status', online: true, ...said }]);
    expect(told).toMatchObject({ note: said.text });
  });

  it('other events are noted, and make no reading', () => {
    const told = decode([{ eventType: 'overflow', overflowEvent: {} }, { eventType: 'overflow' }, TAG]);
    expect(readingsOf(told)).toEqual([SIGHTING]);
    expect(told).toMatchObject({ note: 'overflow (2 times)' });
  });
});

it.each([
  ['', 'empty'],
  ['not json', 'not valid JSON near character 0'],
  [Buffer.from([0xff, 0xfe]), 'not valid UTF-8'],
  ['[1]', 'number 1 is no JSON object'],
  ['[]', '0 JSON objects'],
  [{ hello: 1 }, 'event 1: no eventType'],
  [tag({ epc: '!!' }), 'event 1: tagInventoryEvent without an epc'],
  [tag({ epc: undefined }), 'without an epc'],
  [JSON.stringify(TAG).slice(0, -2), 'cut off'],
  [`${'['.repeat(100)}${']'.repeat(100)}`, 'nested deeper'],
])('%j is refused with a reason', (frame, reason) => {
  expect(decode(frame)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
