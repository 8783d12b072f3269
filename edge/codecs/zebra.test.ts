import { describe, expect, it } from 'vitest';
import { decoderOf, reader, readingsOf } from './reader.fixture.ts';

const EPC = '3074257BF7194E4000001A85';
const TAG = {
  type: 'SIMPLE',
  timestamp: '2026-03-01T10:00:00.123+0000',
  data: {
    ...{ MAC: 'C4:7D:CC:00:00:01', antenna: 1, eventNum: 42, format: 'epc', idHex: EPC, peakRssi: -57, reads: 3 },
  },
};
const SIGHTING = { kind: 'rfid', epc: EPC, antenna: 1, rssi_dbm: -57, count: 3 };
const HEARTBEAT = {
  component: 'RG',
  eventNum: 7,
  eventType: 'heartbeat',
  timestamp: '2026-03-01T10:00:00.123+0000',
  data: { radio_control: { radioActivity: 'active', status: 'running', totalTagReads: 12 } },
};

const decode = decoderOf(reader('zebra'));

function tag(fields: object, type = 'SIMPLE') {
  return { ...TAG, type, data: { ...TAG.data, ...fields } };
}

describe('a sighting', () => {
  it.each(['SIMPLE', 'INVENTORY', 'PORTAL', 'CONVEYOR', 'CUSTOM'])('is read in mode %s', (mode) => {
    expect(readingsOf(decode(tag({}, mode)))).toEqual([SIGHTING]);
  });

  it('of a reader that tells directions is one, and the direction is noted', () => {
    const told = decode(tag({ direction: 'IN' }, 'DIRECTIONALITY'));
    expect(readingsOf(told)).toEqual([SIGHTING]);
    expect(told).toMatchObject({ note: 'direction IN' });
  });

  it('is told from others that follow it directly, whatever their strings hold', () => {
    const odd = tag({ userDefined: 'a}{"b\\"}{' });
    const text = [TAG, odd, tag({ antenna: 2 })].map((one) => JSON.stringify(one)).join('');
    expect(text).toContain('}{');
    expect(readingsOf(decode(text))).toEqual([SIGHTING, SIGHTING, { ...SIGHTING, antenna: 2 }]);
    expect(readingsOf(decode([TAG, odd]))).toEqual([SIGHTING, SIGHTING]);
  });

  it('of a tag that nobody wrote to is left out, not the others that were read with it', () => {
    const told = decode([tag({ idHex: '' }), TAG]);
    expect(readingsOf(told)).toEqual([SIGHTING]);
    expect(told).toMatchObject({ note: 'a tag without an EPC' });
  });

  it('by an antenna with a name is where the configuration says', () => {
    const named = decoderOf(reader('zebra', { places: { DOCK: 'dock' } }));
    expect(readingsOf(named(tag({ antennaName: 'DOCK' })))).toEqual([{ ...SIGHTING, zone: 'dock' }]);
  });

  it('without metadata, or with a count of none, is one all the same', () => {
    const bare = { type: 'SIMPLE', data: { idHex: EPC.toLowerCase(), reads: 0 } };
    expect(readingsOf(decode(bare))).toEqual([{ kind: 'rfid', epc: EPC }]);
  });
});

describe('the reader of itself', () => {
  it('a heartbeat says whether it reads tags', () => {
    expect(readingsOf(decode(HEARTBEAT))).toEqual([{ kind: 'status', online: true, inventory: true }]);
    const idle = { ...HEARTBEAT, data: { radio_control: { radioActivity: 'inactive' } } };
    expect(readingsOf(decode(idle))).toEqual([{ kind: 'status', online: true, inventory: false }]);
    expect(readingsOf(decode({ ...HEARTBEAT, data: {} }))).toEqual([{ kind: 'status', online: true }]);
    const away = {
      ...HEARTBEAT,
      data: { radio_control: { radioActivity: 'active', radioConnection: 'disconnected' } },
    };
    expect(readingsOf(decode(away))).toEqual([{ kind: 'status', online: true, inventory: false }]);
  });

  it('a heartbeat says which ports have an antenna; what is no word on one is left out', () => {
    const antennas = { 1: 'connected', 2: 'disconnected', 3: 'Connected', 4: 'unknown', 5: true, x: 'connected' };
    const told = decode({
      ...HEARTBEAT,
      eventType: undefined,
      type: 'heartbeat',
      data: { radio_control: { antennas } },
    });
    expect(readingsOf(told)).toEqual([{ kind: 'status', online: true, antennas: { 1: true, 2: false, 3: true } }]);
  });

  it('errors, warnings and inputs are noted', () => {
    const told = decode([
      { eventType: 'warning', timestamp: TAG.timestamp, data: { message: 'CPU \u001b[2J over 90 %' } },
      { type: 'gpi', data: { pin: 1, state: 'HIGH' } },
    ]);
    expect(told).toEqual({ ok: true, said: [], note: 'warning message CPU ?[2J over 90 %; gpi state HIGH pin 1' });
  });
});

it.each([
  ['', 'empty'],
  [`${JSON.stringify(TAG)}{`, 'cut off'],
  [`${JSON.stringify(TAG)}x`, 'not valid JSON near character'],
  ['{"a":1,}{}', 'not valid JSON near character 0'],
  [{ hello: 1 }, 'object 1: neither tag data nor an event'],
  [tag({ idHex: 'xyz' }), 'object 1: tag data without an idHex'],
  [tag({ idHex: undefined }), 'without an idHex'],
])('%j is refused with a reason', (frame, reason) => {
  expect(decode(frame)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
});
