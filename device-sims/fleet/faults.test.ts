import { describe, expect, it } from 'vitest';
import { deviceSchema } from '../../config/devices.ts';
import { formatOf } from '../../edge/codecs/all-formats.fixture.ts';
import { posLogText } from '../devices/till-files.ts';
import { streams } from '../sim/streams.ts';
import { NO_FAULTS, parseFaults, WORDS } from './faults.ts';
import { damaged } from './links.ts';

describe('faults on request', () => {
  it('are read from one text', () => {
    expect(parseFaults('resend:5')).toEqual({ ...NO_FAULTS, resend: 0.05 });
    expect(parseFaults('garbage:1, skew:-180,silence:0.1,reboot,flood')).toEqual({
      ...NO_FAULTS,
      ...{ garbage: 0.01, skewMs: -180_000, silence: 0.1, reboot: true, flood: true },
    });
    expect(parseFaults('twice:10,blind:0.5,unplug:1,wifi:0.25')).toEqual({
      ...NO_FAULTS,
      ...{ twice: 0.1, blind: 0.5, unplug: 1, wifi: 0.25 },
    });
  });

  it('are each said in the help', () => {
    for (const [word] of WORDS) {
      const [name = '', value] = word.split(':');
      const given = value === undefined ? name : `${name}:${value === 'SHARE' ? '0.5' : '5'}`;
      expect(parseFaults(given)).not.toEqual(NO_FAULTS);
    }
    expect(WORDS.length).toBe(Object.keys(NO_FAULTS).length);
  });

  it.each([
    ['', /no fault "".*resend, garbage, twice, skew, silence, blind, unplug, wifi, reboot, flood/],
    ['resned:5', /no fault "resned"/],
    ['toString', /no fault "toString"/],
    ['resend', /resend needs a percentage from 0 to 100, such as resend:5/],
    ['resend:101', /percentage/],
    ['garbage:-1', /percentage/],
    ['garbage:1:2', /too many colons/],
    ['skew:a', /skew needs whole seconds/],
    ['skew:99999', /up to 86400/],
    ['silence:1.5', /share from 0 to 1/],
    ['silence:', /share from 0 to 1/],
    ['wifi:2', /wifi needs a share/],
    ['blind', /blind needs a share/],
    ['reboot:yes', /reboot takes no value/],
    ['resend:5,resend:6', /resend is there twice/],
    ['flood,', /no fault ""/],
  ])('%j is refused with what is wrong', (text, message) => {
    expect(() => parseFaults(text)).toThrow(message);
  });
});

describe('a damaged copy', () => {
  const random = streams(1)('damage');
  const receipt = {
    ...{ workstation: 't', number: '1', businessDay: '2026-03-05', began: '2026-03-05T10:00:00' },
    items: [{ code: '9521234543213', quantity: '1', unitPrice: '1.00' }],
  };
  it.each([
    ['zebra', '{"type":"SIMPLE","data":{"idHex":"3074257bf7194e4000001a85"}}'.repeat(3), { mqtt: { topic: 'z/1' } }],
    ['zigbee2mqtt', '{"contact":true,"battery":97}', { mqtt: { topic: 'zigbee2mqtt/a' }, unit: 'u' }],
    ['ble-gateway', '[{"type":"Gateway","mac":"AC233FC00001"}]', { mqtt: { topic: 'g/1' }, zone: 'z' }],
    ['poslog', posLogText([receipt, { ...receipt, number: '2' }]), { folder: { path: '/tmp/x' } }],
  ])('of %s is never understood', async (codec, text, way) => {
    const config = deviceSchema.parse({ name: 'd', codec, ...way });
    const format = formatOf(config.codec);
    for (let time = 0; time < 2000; time += 1) {
      const bytes = damaged(Buffer.from(text), random);
      const reader = format?.file?.(config);
      if (reader !== undefined) {
        const read = [reader.push(bytes), reader.end()];
        expect(read.some((records) => 'reason' in records)).toBe(true);
        continue;
      }
      const decoder = format?.open(config);
      const read = await decoder?.decode({ bytes, received: 0, topic: 'x/1' });
      decoder?.close?.();
      expect(read?.ok).toBe(false);
    }
  });
});
