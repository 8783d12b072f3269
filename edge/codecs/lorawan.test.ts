import { describe, expect, it } from 'vitest';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Understood } from '../contracts/formats.ts';
import { readingSchemas } from '../contracts/readings.ts';
import { chirpstack } from './chirpstack.ts';
import { readMilesight } from './milesight.ts';
import { thingsStack } from './things-stack.ts';

const RECEIVED = Date.parse('2026-11-20T09:15:00Z');

function device(change: Partial<DeviceConfig>): DeviceConfig {
  return { name: 'sensor-1', codec: 'chirpstack', calibration: { celsius: 0, weight: 1 }, ...change };
}

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

const up = (hex: string, change: object = {}) => ({
  deduplicationId: '3ac7e3c4-4401-4b8d-9386-a5c902f9202d',
  time: '2026-11-20T09:14:59.775023242+00:00',
  deviceInfo: {
    tenantId: '52f14cd4-c6f1-4fbd-8f87-4025e1d49242',
    applicationId: '17c82e96-be03-4f38-aef3-f83d48582d97',
    applicationName: 'Shop',
    deviceProfileName: 'Milesight EM300-TH',
    deviceName: 'cold room',
    devEui: '24e124136b501234',
    tags: { floor: 'ground' },
  },
  devAddr: '00189440',
  adr: true,
  dr: 1,
  fCnt: 4,
  fPort: 85,
  confirmed: false,
  data: bytes(hex).toString('base64'),
  rxInfo: [{ gatewayId: '0016c001f153a14c', rssi: -36, snr: 10.5 }],
  ...change,
});

const ID = '3ac7e3c4-4401-4b8d-9386-a5c902f9202d';
const TIME = '2026-11-20T09:14:59.775023242+00:00';

function decoderOf(config: DeviceConfig, format = chirpstack) {
  const decoder = format.open(config);
  return (event: unknown, topic = 'application/1/device/24e124136b501234/event/up') => {
    const decoded = decoder.decode({ bytes: Buffer.from(JSON.stringify(event)), topic, received: RECEIVED });
    if ('then' in decoded) throw new Error('expected an answer at once');
    // Whatever a codec says passes the schemas of the hub's own kinds.
    if (decoded.ok) for (const { kind, reading } of decoded.said) readingSchemas[kind].parse(reading);
    return decoded;
  };
}

function understood(answer: ReturnType<ReturnType<typeof decoderOf>>): Understood {
  if (!answer.ok) throw new Error(`refused: ${answer.reason}`);
  return answer;
}

describe('the bytes of a Milesight sensor', () => {
  it('are read by the published table', () => {
    expect(readMilesight(bytes('01755C 03673401 046865'), 'em300-th')).toMatchObject({
      battery: 92,
      celsius: 30.8,
      humidity: 50.5,
    });
    expect(readMilesight(bytes('01755C 03670101 04824408 050001'), 'em400-tld')).toMatchObject({
      battery: 92,
      celsius: 25.7,
      distance: 2116,
      tilted: true,
    });
    expect(readMilesight(bytes('017564 0367f800 04820101 050000'), 'em400-tld')).toMatchObject({
      battery: 100,
      celsius: 24.8,
      distance: 257,
      tilted: false,
    });
    expect(readMilesight(bytes('0367f6ff'), 'em300-th')).toMatchObject({ celsius: -1 });
  });

  it('hold alarms, which are readings too, and are named', () => {
    expect(readMilesight(bytes('8367220101'), 'em300-th')).toMatchObject({
      celsius: 29,
      notes: ['its own temperature alarm: raised'],
    });
    expect(readMilesight(bytes('8482330700'), 'em400-tld')).toMatchObject({
      distance: 1843,
      notes: ['its own distance alarm: over'],
    });
  });

  it('hold the four lines of a VS133 and the line of a VS121, whose totals have sixteen bits', () => {
    const totals =
      '03D248000000 04D2C8000000 06D200000000 07D200000000 09D200000000 0AD200000000 0CD2B4140000 0DD28D1A0000';
    const read = readMilesight(bytes(`${totals} 0FE302100709 10E40109101121`), 'vs133');
    if (typeof read === 'string') throw new Error(read);
    expect(read.lines.get(1)).toEqual({ totalIn: 72, totalOut: 200, wrapsAt: 2 ** 32 });
    expect(read.lines.get(4)).toEqual({ totalIn: 5300, totalOut: 6797, wrapsAt: 2 ** 32 });
    expect(read.regions).toEqual([2, 16, 7, 9]);
    const small = readMilesight(bytes('04c9030800a1 06cd05 05cc02000100 0dccfeff0300'), 'vs121');
    if (typeof small === 'string') throw new Error(small);
    expect(small.persons).toBe(3);
    expect(small.lines.get(1)).toEqual({ in: 2, out: 1, totalIn: 65_534, totalOut: 3, wrapsAt: 65_536 });
  });

  it('that say what the device is are passed over, and what cannot be measured is not said', () => {
    const about = 'ff0bff ff0101 ff166329c42503920003 ff090100 ff0a0101 ff0f00';
    expect(readMilesight(bytes(`${about} 0175ff 036710ff7f 0468ff`.replace('10ff7f', 'ff7f')), 'em300-th')).toEqual({
      lines: new Map(),
      past: [],
      notes: [
        'it was switched on',
        'the thermometer says 3276.7 C, which it cannot measure',
        'the humidity sensor says more than 100 %',
      ],
    });
    expect(readMilesight(bytes('0482fdff'), 'em400-tld')).not.toHaveProperty('distance');
  });

  it('of an item that no table has are left alone, and cut short they are refused', () => {
    expect(readMilesight(bytes('01755C 77770102'), undefined)).toMatchObject({
      battery: 92,
      notes: ['item 77 77 is not known: the last 4 bytes of the uplink are left alone'],
    });
    expect(readMilesight(bytes('7777'), undefined)).toContain('item 77 77 is none of');
    expect(readMilesight(bytes('01755C 0367f8'), undefined)).toContain('in the middle of item 03 67');
    expect(readMilesight(bytes('01755C 03'), undefined)).toContain('in the middle of an item');
    // Other models keep other records under the same number.
    expect(readMilesight(bytes('20CE 56991a63 1001 5d'), 'vs133')).toContain('20 CE');
  });
});

describe('an uplink', () => {
  it('becomes the climate of the unit, corrected, and the battery of the device', () => {
    const decode = decoderOf(device({ unit: 'fridge-1', calibration: { celsius: -0.5, weight: 1 } }));
    expect(understood(decode(up('01755C 03673401 046865'))).said).toEqual([
      { kind: 'climate', reading: { id: ID, time: TIME, unit: 'fridge-1', celsius: 30.3, humidity: 50.5 } },
      { kind: 'status', reading: { id: ID, time: TIME, online: true, battery_percent: 92 } },
    ]);
  });

  it('holds records of the past, each with its own time and the same id whenever it is sent', () => {
    const decode = decoderOf(device({ unit: 'fridge-1', model: 'em300-th' }));
    const past = {
      kind: 'climate',
      reading: { id: 'past-1662687574', time: 1_662_687_574_000, unit: 'fridge-1', celsius: 27.2, humidity: 46.5 },
      history: true,
    };
    expect(understood(decode(up('20CE 56991a63 1001 5d'))).said).toEqual([past]);
    const again = up('03673401 20CE 56991a63 1001 5d', { deduplicationId: 'another' });
    expect(understood(decode(again)).said).toContainEqual(past);
  });

  it('of a distance sensor says how full the shelf is, unless it is tilted', () => {
    const calibration = { celsius: 0, weight: 1, full_mm: 200, empty_mm: 1000 };
    const config = device({ model: 'em400-tld', shelf: 'A1-3', calibration });
    const decode = decoderOf(config);
    const fill = (mm: number): unknown => {
      const raw = Buffer.alloc(4);
      raw.set([0x04, 0x82]);
      raw.writeInt16LE(mm, 2);
      return understood(decode(up(raw.toString('hex')))).said[0]?.reading.fill;
    };
    expect([fill(200), fill(600), fill(1000), fill(5000), fill(10), fill(333)]).toEqual([1, 0.5, 0, 0, 1, 0.834]);
    const tilted = understood(decode(up('04824408 050001')));
    expect(tilted.said).toEqual([]);
    expect(tilted.note).toContain('tilted');
    const unplaced = understood(decoderOf(device({ model: 'em400-tld' }))(up('04824408 0367f800')));
    expect(unplaced.said).toEqual([]);
    expect(unplaced.note).toContain('2116 mm');
    expect(unplaced.note).toContain('name the `unit`');
  });

  it('of a people counter says totals where it has them, never what it counted beside them', () => {
    const decode = decoderOf(device({ model: 'vs133', line: 'door', places: { 4: 'back door', 'region-2': 'dairy' } }));
    const traffic = (hex: string) => understood(decode(up(hex))).said.map(({ reading }) => reading);
    expect(traffic('05CC02000100')).toEqual([{ id: `${ID}/line-1`, time: TIME, line: 'door', in: 2, out: 1 }]);
    expect(traffic('03D248000000 04D2C8000000 05CC02000100 0CD2B4140000 0DD28D1A0000')).toEqual([
      { id: `${ID}/line-1`, time: TIME, line: 'door', total_in: 72, total_out: 200, wraps_at: 2 ** 32 },
      { id: `${ID}/line-4`, time: TIME, line: 'back door', total_in: 5300, total_out: 6797, wraps_at: 2 ** 32 },
    ]);
    expect(traffic('05CC02000100')).toEqual([]);
    expect(traffic('0FE302100709')).toEqual([{ id: `${ID}/region-2`, time: TIME, zone: 'dairy', occupancy: 16 }]);
    expect(understood(decode(up('06D205000000'))).note).toContain('its line 2');
  });

  it('of a VS121 says persons in its area, and totals that wrap', () => {
    const decode = decoderOf(device({ model: 'vs121', line: 'door', zone: 'entrance' }));
    expect(understood(decode(up('04c9030800a1 0dccfeff0300'))).said.map(({ reading }) => reading)).toEqual([
      { id: `${ID}/line-1`, time: TIME, line: 'door', total_in: 65_534, total_out: 3, wraps_at: 65_536 },
      { id: `${ID}/area`, time: TIME, zone: 'entrance', occupancy: 3 },
    ]);
  });

  it('of another sensor is read by what the network server decoded, or is refused with what to do', () => {
    const decode = decoderOf(device({ unit: 'fridge-1' }));
    const other = { deviceInfo: { deviceProfileName: 'Dragino LHT65', devEui: '1' } };
    const theirs = understood(decode(up('cbf60b0d037601', { ...other, object: { temperature: 4.5, battery: 80 } })));
    expect(theirs.said.map(({ kind, reading }) => [kind, reading.celsius ?? reading.battery_percent])).toEqual([
      ['climate', 4.5],
      ['status', 80],
    ]);
    expect(theirs.note).toContain('network server');
    // With a decoder of its own, the hub does not listen to another.
    const own = understood(decode(up('03673401', { deviceInfo: { devEui: '1' }, object: { temperature: 99 } })));
    expect(own.said).toMatchObject([{ reading: { celsius: 30.8 } }]);
    const refused = decode(up('cbf60b0d037601', { ...other, object: { TempC_SHT: 4.5 } }));
    expect(refused).toMatchObject({ ok: false });
    expect(!refused.ok && refused.reason).toMatch(/set `model` to em300-th.* codec mapping/);
  });
});

describe('ChirpStack', () => {
  it('tells the battery by its status event, and that a device joined', () => {
    const decode = decoderOf(device({}));
    const { deduplicationId, time, deviceInfo } = up('');
    const status = { deduplicationId, time, deviceInfo, margin: 10, batteryLevel: 75.59055 };
    expect(understood(decode(status, 'application/1/device/2/event/status')).said).toEqual([
      { kind: 'status', reading: { id: ID, online: true, battery_percent: 75.6 } },
    ]);
    const powered = { ...status, batteryLevel: 0, externalPowerSource: true };
    expect(understood(decode(powered, 'application/1/device/2/event/status')).said[0]?.reading).not.toHaveProperty(
      'battery_percent',
    );
    const join = { deduplicationId, time, deviceInfo, devAddr: '00189440' };
    expect(understood(decode(join, 'application/1/device/2/event/join'))).toMatchObject({
      said: [{ kind: 'status', reading: { online: true } }],
      note: 'it joined the network',
    });
    const log = { level: 'ERROR', code: 'UPLINK_CODEC', description: 'exec timeout' };
    expect(understood(decode(log, 'application/1/device/2/event/log')).note).toContain('UPLINK_CODEC exec timeout');
    for (const event of ['ack', 'txack', 'location', 'integration'])
      expect(understood(decode({ deviceInfo }, `application/1/device/2/event/${event}`)).said).toEqual([]);
  });

  it('by HTTP, where the address names the event, is told by its fields', () => {
    const decoder = chirpstack.open(device({ unit: 'fridge-1' }));
    const pushed = (event: unknown) =>
      decoder.decode({ bytes: Buffer.from(JSON.stringify(event)), received: RECEIVED }) as Understood;
    const { deviceInfo } = up('');
    expect(pushed(up('03673401')).said[0]?.kind).toBe('climate');
    expect(pushed({ deviceInfo, margin: 7, batteryLevel: 50 }).said[0]?.reading.battery_percent).toBe(50);
    expect(pushed({ deviceInfo, devAddr: '1' }).note).toBe('it joined the network');
    expect(pushed({}).ok).toBe(false);
  });

  it('refuses version 3, a second device, and what is no JSON object, each with what was expected', () => {
    const decode = decoderOf(device({ unit: 'fridge-1' }));
    const reason = (event: unknown, topic?: string): string => {
      const answer = decode(event, topic);
      return answer.ok ? '' : answer.reason;
    };
    expect(reason({ applicationID: '123', devEUI: 'AgICAgICAgI=' })).toContain('version 4');
    understood(decode(up('03673401')));
    expect(reason(up('03673401', { deviceInfo: { devEui: 'ffff' } }))).toContain('an entry of its own');
    expect(reason(up('7777'))).toContain('another model than em300-th');
    expect(reason(up('', { data: '***' }))).toContain('base64');
    expect(reason(up('', { data: 'A'.repeat(4000) }))).toContain('base64');
    expect(reason([1], 'x')).toContain('ChirpStack');
    expect(understood(decode(up('', { data: undefined }))).note).toBe('an uplink without a payload');
  });
});

describe('The Things Stack', () => {
  const message = (hex: string, change: object = {}) => ({
    end_device_ids: {
      device_id: 'dev1',
      application_ids: { application_id: 'app1' },
      dev_eui: '0004A30B001C0530',
    },
    correlation_ids: ['as:up:01E0WZGT6Y7657CPFPE5WEYDSQ'],
    received_at: '2026-11-20T09:15:45.787Z',
    uplink_message: {
      session_key_id: 'AXBSH1Pk6Z0G166asdfghj==',
      f_port: 85,
      f_cnt: 12,
      frm_payload: bytes(hex).toString('base64'),
      received_at: '2026-11-20T09:15:45.582Z',
      ...change,
    },
  });

  it('is read alike; a counter that is left out is zero, and id is session and counter', () => {
    const decode = decoderOf(device({ unit: 'fridge-1', model: 'em300-th' }), thingsStack);
    expect(understood(decode(message('03670000 046865'))).said).toEqual([
      {
        kind: 'climate',
        reading: {
          id: 'AXBSH1Pk6Z0G166asdfghj==-12',
          time: '2026-11-20T09:15:45.582Z',
          unit: 'fridge-1',
          celsius: 0,
          humidity: 50.5,
        },
      },
    ]);
    const first = understood(decode(message('03670000', { f_cnt: undefined })));
    expect(first.said[0]?.reading.id).toBe('AXBSH1Pk6Z0G166asdfghj==-0');
    expect(understood(decode(message('', { frm_payload: undefined }))).note).toBe('an uplink without a payload');
  });

  it('names the model by the device repository, and says when a device joined', () => {
    const decode = decoderOf(device({ unit: 'fridge-1' }), thingsStack);
    const past = message('20CE 56991a63 1001 5d', { version_ids: { brand_id: 'milesight-iot', model_id: 'em300-th' } });
    expect(understood(decode(past)).said).toMatchObject([{ history: true }]);
    const join = { end_device_ids: { device_id: 'dev1' }, received_at: '2026-11-20T09:15:45Z', join_accept: {} };
    expect(understood(decode(join)).note).toBe('it joined the network');
    expect(understood(decode({ end_device_ids: { device_id: 'dev1' }, service_data: {} })).said).toEqual([]);
    expect(decode({ end_device_ids: { device_id: 'dev2' }, join_accept: {} }).ok).toBe(false);
    expect(decode({}).ok).toBe(false);
  });
});
