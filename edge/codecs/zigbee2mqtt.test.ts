import { describe, expect, it } from 'vitest';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Understood } from '../contracts/formats.ts';
import { readingSchemas } from '../contracts/readings.ts';
import { zigbee2mqtt } from './zigbee2mqtt.ts';

function device(change: Partial<DeviceConfig>): DeviceConfig {
  return { name: 'door-3', codec: 'zigbee2mqtt', calibration: { celsius: 0, weight: 1 }, ...change };
}

function decoderOf(config: DeviceConfig) {
  const decoder = zigbee2mqtt.open(config);
  return (state: unknown, topic = 'zigbee2mqtt/door-3') => {
    const bytes = Buffer.from(typeof state === 'string' ? state : JSON.stringify(state));
    const answer = decoder.decode({ bytes, topic, received: 1_795_162_500_000 });
    if ('then' in answer) throw new Error('expected an answer at once');
    if (answer.ok) for (const { kind, reading } of answer.said) readingSchemas[kind].parse(reading);
    return answer;
  };
}

function understood(answer: ReturnType<ReturnType<typeof decoderOf>>): Understood {
  if (!answer.ok) throw new Error(`refused: ${answer.reason}`);
  return answer;
}

describe('a Zigbee device', () => {
  it('at a door says that the unit is open, without a temperature', () => {
    const decode = decoderOf(device({ unit: 'freezer-1', mqtt: { topic: 'zigbee2mqtt/door-3/#' } }));
    expect(understood(decode({ battery: 100, contact: false, linkquality: 128, voltage: 3045 }))).toEqual({
      ok: true,
      said: [
        { kind: 'climate', reading: { unit: 'freezer-1', door_open: true } },
        { kind: 'status', reading: { online: true, battery_percent: 100 } },
      ],
      note: 'link quality 128 of 255',
    });
    expect(understood(decode({ contact: true })).said[0]?.reading.door_open).toBe(false);
    expect(understood(decode({ contact: null, battery: null })).said).toEqual([]);
    expect(understood(decode({ contact: false, battery_low: true, tamper: true })).note).toContain('battery is low');
  });

  it('that measures says climate, corrected, and its own time where the gateway tells it', () => {
    const decode = decoderOf(device({ unit: 'fridge-1', calibration: { celsius: 0.25, weight: 1 } }));
    const last_seen = '2026-11-20T10:15:00+01:00';
    expect(understood(decode({ temperature: 27.34, humidity: 44.72, last_seen })).said).toEqual([
      { kind: 'climate', reading: { time: last_seen, unit: 'fridge-1', celsius: 27.59, humidity: 44.72 } },
    ]);
    expect(understood(decode({ humidity: 44.72 })).said).toEqual([]);
  });

  it('that sees somebody says one person in the zone', () => {
    const decode = decoderOf(device({ zone: 'fitting room 2' }));
    const seen = (state: object) => understood(decode(state)).said.map(({ reading }) => reading);
    expect(seen({ occupancy: true })).toEqual([{ zone: 'fitting room 2', occupancy: 1 }]);
    expect(seen({ presence: false })).toEqual([{ zone: 'fitting room 2', occupancy: 0 }]);
  });

  it('without a place says what is missing', () => {
    const { said, note } = understood(decoderOf(device({}))({ temperature: 4, occupancy: true }));
    expect(said).toEqual([]);
    expect(note).toMatch(/name the `unit`.*name the `zone`/);
  });

  it('is online or off line by the word of the gateway, new or old', () => {
    const decode = decoderOf(device({}));
    const online = (text: string) =>
      understood(decode(text, 'zigbee2mqtt/door-3/availability')).said[0]?.reading.online;
    expect([online('{"state":"online"}'), online('{"state":"offline"}'), online('online'), online('offline')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(decode('{"state":"away"}', 'zigbee2mqtt/door-3/availability').ok).toBe(false);
    expect(decode('x'.repeat(10_000), 'zigbee2mqtt/door-3/availability').ok).toBe(false);
  });

  it('shares an entry with others, which are told apart by their places', () => {
    const topic = 'zigbee2mqtt/#';
    const decode = decoderOf(
      device({ name: 'zigbee', mqtt: { topic }, places: { 'cold room/door': 'freezer-1', hall: 'entrance' } }),
    );
    expect(understood(decode({ contact: false }, 'zigbee2mqtt/cold room/door')).said).toEqual([
      { kind: 'climate', reading: { unit: 'freezer-1', door_open: true }, device: 'zigbee.cold room.door' },
    ]);
    expect(understood(decode({ occupancy: true }, 'zigbee2mqtt/hall')).said).toEqual([
      { kind: 'traffic', reading: { zone: 'entrance', occupancy: 1 }, device: 'zigbee.hall' },
    ]);
    expect(understood(decode('offline', 'zigbee2mqtt/cold room/door/availability')).said).toEqual([
      { kind: 'status', reading: { online: false }, device: 'zigbee.cold room.door' },
    ]);
    expect(understood(decode({ contact: false }, 'zigbee2mqtt/lamp')).note).toBe('lamp is not in `places`');
    expect(understood(decode({ contact: false }, 'zigbee2mqtt/__proto__')).said).toEqual([]);
    expect(understood(decode('[]', 'zigbee2mqtt/bridge/devices')).note).toBe('of the gateway itself');
    expect(understood(decode('{"contact":true}', 'zigbee2mqtt/hall/set')).said).toEqual([]);
    expect(() => zigbee2mqtt.open(device({ mqtt: { topic } }))).toThrow(/name the place of each in `places`/);
    const deeper = decoderOf(
      device({ name: 'zigbee', mqtt: { topic: 'site/zigbee2mqtt/+' }, places: { hall: 'entrance' } }),
    );
    expect(understood(deeper({ occupancy: true }, 'site/zigbee2mqtt/hall')).said).toHaveLength(1);
  });
});
