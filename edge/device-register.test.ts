import { beforeEach, describe, expect, test } from 'vitest';
import { maskedCopy } from './codecs/masking.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import type { AcceptedReading } from './contracts/intake.ts';
import { DeviceRegister, type News } from './device-register.ts';

const NOW = Date.parse('2026-03-02T10:00:00Z');
const calibration = { celsius: 0, weight: 1 };
const READER: DeviceConfig = {
  name: 'reader',
  codec: 'impinj',
  mqtt: { topic: 'impinj/#' },
  zone: 'dock',
  calibration,
};

let register: DeviceRegister;

beforeEach(() => {
  register = new DeviceRegister([READER, { name: 'till-1', codec: 'hub', calibration }], maskedCopy);
});

const reading = (body: object): AcceptedReading => ({
  subject: 's',
  identity: undefined,
  time: undefined,
  body: JSON.stringify(body),
});
const say = (device: string, now: number, readings = 1): void =>
  register.seen(device, now, { kind: 'shelf', readings: Array(readings).fill(reading({ count: 1 })), counted: 0 });
const find = (name: string, now = NOW) => register.list(now).find((device) => device.name === name);

describe('a device', () => {
  test('is listed with its way and place before it said anything', () => {
    expect(find('reader')).toMatchObject({
      ...{
        configured: true,
        codec: 'impinj',
        way: 'mqtt impinj/#',
        place: 'zone dock',
        lastSeen: undefined,
        frames: 0,
      },
    });
  });

  test('that nobody configured is listed when it says something', () => {
    say('shelf-9', NOW, 3);
    expect(find('shelf-9')).toMatchObject({
      ...{ configured: false, codec: 'hub', way: 'in/+/shelf-9', lastSeen: NOW, frames: 1, readings: 3 },
    });
  });

  test('has rates over the last minute', () => {
    for (let second = 0; second < 60; second += 1) say('reader', NOW + second * 1000, 2);
    expect(find('reader', NOW + 60_000)).toMatchObject({ framesPerMinute: 60, readingsPerMinute: 120 });
    expect(find('reader', NOW + 90_000)).toMatchObject({ framesPerMinute: 30 });
    expect(find('reader', NOW + 180_000)).toMatchObject({ framesPerMinute: 0, frames: 60 });
  });

  test('tells its battery, what was wrong with it last, and what is wrong with its way', () => {
    register.seen('reader', NOW, {
      kind: 'status',
      readings: [reading({ online: true, battery_percent: 12 })],
      counted: 0,
    });
    register.refused('reader', NOW + 1, 'not JSON');
    register.trouble('reader', NOW + 2, 'no such port');
    expect(find('reader')).toMatchObject({
      ...{ batteryPercent: 12, online: true, trouble: 'no such port', error: { reason: 'not JSON', at: NOW + 1 } },
    });
    register.trouble('reader', NOW + 3, undefined);
    expect(find('reader')?.trouble).toBeUndefined();
  });

  test('is heard by whoever listens, until they stop', () => {
    const heard: [string, number, News['is']][] = [];
    const stop = register.listen((device, now, news) => void heard.push([device, now, news.is]));
    say('reader', NOW);
    register.refused('till-1', NOW + 1, 'bad');
    register.trouble('reader', NOW + 2, 'away');
    stop();
    say('reader', NOW + 3);
    expect(heard).toEqual([
      ['reader', NOW, 'heard'],
      ['till-1', NOW + 1, 'refused'],
      ['reader', NOW + 2, 'trouble'],
    ]);
  });
});

describe('many names', () => {
  test('of devices do not make it grow, and push out nobody who speaks', () => {
    say('good', NOW);
    for (let i = 0; i < 10_000; i += 1) say(`attacker-${i}`, NOW + 1);
    expect(register.list(NOW)).toHaveLength(2000);
    expect(register.others).toBe(10_000 + 3 - 2000);
    expect(find('good')).toBeDefined();
    expect(find('reader')).toBeDefined();
    // An hour later those that said nothing more make room.
    say('good', NOW + 3_600_000);
    say('newcomer', NOW + 3_700_000);
    expect(find('newcomer')).toBeDefined();
    expect(find('good')).toBeDefined();
    expect(find('reader')).toBeDefined();
    expect(register.list(NOW)).toHaveLength(4);
  });

  test('of strangers neither', () => {
    for (let i = 0; i < 1000; i += 1) register.strangers.came(`t/${i}`, 'c', Buffer.from('x'), NOW);
    expect(register.strangers.list()).toHaveLength(200);
    expect(register.strangers.others).toBe(800);
    register.strangers.came('later', 'c', Buffer.from('x'), NOW + 700_000);
    expect(register.strangers.list()).toHaveLength(200);
    expect(register.strangers.list()[0]?.topic).toBe('later');
  });

  test('the last three frames of a stranger are kept whole, and of all no more than 4 MiB', () => {
    const { strangers } = register;
    const large = Buffer.alloc(60_000, 'x');
    for (let i = 0; i < 5; i += 1)
      strangers.came('a', 'c', Buffer.from(`{"card":"4111111111111111","n":${i}}`), NOW + i * 1000);
    const kept = strangers.frames().flatMap(({ frames }) => frames.map((frame) => Buffer.from(frame).toString()));
    expect(kept.map((text) => text.slice(-5))).toEqual(['"n":2', '"n":3', '"n":4'].map((text) => `${text}}`.slice(-5)));
    expect(kept.join()).not.toContain('4111111111111111');
    for (let i = 0; i < 150; i += 1) strangers.came(`t/${i}`, 'c', large, NOW + 10_000 + i * 100);
    for (const topic of ['shop/presence/7', 'gw/BTtoMQTT/AA']) strangers.came(topic, 'c', large, NOW + 60_000);
    strangers.came('huge', 'c', Buffer.alloc(70_000, 'x'), NOW + 60_000);
    const all = strangers.frames();
    const bytes = all.reduce((sum, { frames }) => sum + frames.reduce((of, { length }) => of + length, 0), 0);
    expect([bytes > 4_000_000, bytes <= 4_194_304]).toEqual([true, true]);
    expect(all.filter(({ topic }) => /presence|BTto|huge/.test(topic))).toEqual([]);
  });
});

test('frames and refusals are counted by codec; what one device says for another is one frame', () => {
  const heard = { kind: 'status' as const, readings: [], counted: 1 };
  register.seen('reader', NOW, heard);
  register.seen('reader', NOW, { ...heard, more: true });
  register.seen('reader.tag-1', NOW, { ...heard, through: 'reader' });
  register.refused('reader', NOW, 'no');
  register.seen('shelf-1', NOW, heard);
  expect(Object.fromEntries(register.tallies)).toEqual({
    impinj: { frames: 2, refused: 1 },
    hub: { frames: 1, refused: 0 },
  });
});

describe('frames', () => {
  const frame = (text: string, received = NOW) => ({ bytes: Buffer.from(text), received, topic: 'impinj/events' });

  test('are shown masked and cut, raw beside decoded', () => {
    const text = `{"shopper":"anna","card":"4111111111111111","rest":"${'x'.repeat(6000)}"}`;
    const said = [{ kind: 'sale' as const, reading: { till: '1', shopper: 'anna' } }];
    register.showFrame('reader', frame(text), { said, note: 'a note' }, false);
    const [shown] = register.frames('reader', NOW) ?? [];
    const raw = Buffer.from(shown?.raw ?? []).toString();
    expect(raw.length).toBe(4096);
    expect(shown?.size).toBe(text.length);
    expect(raw + shown?.decoded.join()).not.toMatch(/anna|4111111111111111/);
    expect(shown).toMatchObject({ number: 1, topic: 'impinj/events', note: 'a note' });
    expect(shown?.decoded[0]).toContain('"till":"1"');
  });

  test('are the last twenty, no more than five of a second, and those after a number', () => {
    for (let second = 0; second < 30; second += 1)
      for (let i = 0; i < 10; i += 1) register.showFrame('reader', frame('x', NOW + second * 1000), {}, false);
    const shown = register.frames('reader', NOW) ?? [];
    expect(shown.map(({ number }) => number)).toEqual(Array.from({ length: 20 }, (_, i) => 131 + i));
    expect(register.frames('reader', NOW, 148)).toHaveLength(2);
  });

  test('of two thousand devices stay within a bound', () => {
    const devices = Array.from({ length: 2000 }, (_, i) => ({ ...READER, name: `d${i}` }));
    const many = new DeviceRegister(devices, (bytes) => bytes);
    for (const { name } of devices)
      for (let second = 0; second < 20; second += 1)
        many.showFrame(name, frame('x'.repeat(5000), NOW + second * 1000), {}, false);
    let bytes = 0;
    for (const { name } of devices) for (const { raw } of many.frames(name, NOW) ?? []) bytes += raw?.length ?? 0;
    expect(bytes).toBeLessThan(8_388_608 + 2000 * 4096);
  });

  test("of the hub's own JSON are kept while somebody watches, never those of persons", () => {
    const bytes = Buffer.from('{"count":1}');
    const one = { readings: [reading({ count: 1 })], counted: 0, bytes };
    register.seen('till-1', NOW, { kind: 'shelf', ...one });
    expect(register.frames('till-1', NOW)).toEqual([]);
    register.seen('till-1', NOW, { kind: 'shelf', ...one });
    register.seen('till-1', NOW, { kind: 'presence', ...one });
    register.refused('till-1', NOW, 'not JSON', Buffer.from('nonsense'));
    expect(register.frames('till-1', NOW)).toMatchObject([
      { decoded: ['shelf {"count":1}'] },
      { decoded: [], reason: 'not JSON' },
    ]);
    register.seen('till-1', NOW + 61_000, { kind: 'shelf', ...one });
    expect(register.frames('till-1', NOW + 61_000)).toHaveLength(2);
    expect(register.frames('nobody', NOW)).toBeUndefined();
  });
});
