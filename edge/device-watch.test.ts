import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { maskedCopy } from './codecs/masking.ts';
import { DeviceRegister } from './device-register.ts';
import { deviceConfig } from './device-shop.fixture.ts';
import { DeviceWatch } from './device-watch.ts';
import type { HeardDevice } from './sensing/liveness.ts';

let watch: DeviceWatch | undefined;
afterEach(() => watch?.stop());

const reading = (time?: number, history = false) => ({ subject: 's', identity: undefined, time, body: '{}', history });

function watched(tell: (devices: readonly HeardDevice[]) => Promise<void>, synced = true): DeviceRegister {
  const devices = [deviceConfig('fridge'), deviceConfig('till')];
  const register = new DeviceRegister(devices, maskedCopy);
  watch = new DeviceWatch({ devices, register, synced: () => synced, tell });
  watch.start();
  return register;
}

test('who was heard is told once a second, and again when it could not be taken', async () => {
  const told: (readonly HeardDevice[])[] = [];
  const register = watched(async (devices) => {
    told.push(devices);
    if (told.length === 1) throw new Error('the disk is full');
  });
  const now = Date.now();
  for (let i = 0; i < 100; i += 1) register.seen('fridge', now, { kind: 'shelf', readings: [reading()], counted: 0 });
  register.seen('nobody configured it', now, { kind: 'shelf', readings: [], counted: 0 });
  register.trouble('till', now, 'its cable is out');
  await waitUntil('a second try', async () => told.length === 2, { timeoutMs: 10_000 });
  expect(told).toEqual([[{ device: 'fridge' }], [{ device: 'fridge' }]]);
  register.refused('till', now, 'garbage');
  await waitUntil('the next', async () => told.length === 3, { timeoutMs: 10_000 });
  expect(told[2]).toEqual([{ device: 'till' }]);
});

test('a clock is looked at twice a minute, by what is of now, and only while the hub knows the time', () => {
  const register = watched(async () => undefined);
  const heard = (now: number, ...readings: ReturnType<typeof reading>[]): HeardDevice[] | undefined => {
    register.seen('till', now, { kind: 'sale', readings, counted: 0 });
    return watch?.take();
  };
  expect(heard(1_000_000, reading(1_090_000))).toEqual([{ device: 'till', offset: 90_000 }]);
  expect(heard(1_029_999, reading(1_090_000))).toEqual([{ device: 'till' }]);
  expect(heard(1_030_000, reading(5, true))).toEqual([{ device: 'till' }]);
  expect(heard(1_030_000, reading(1_029_000), reading(5, true))).toEqual([{ device: 'till', offset: -1000 }]);
  watch?.stop();
  const unsynced = watched(async () => undefined, false);
  unsynced.seen('till', 1_000_000, { kind: 'sale', readings: [reading(1)], counted: 0 });
  expect(watch?.take()).toEqual([{ device: 'till' }]);
});
