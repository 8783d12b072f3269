import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../harness/wait-until.ts';
import { Pace } from './pace.ts';

const HOUR = 3_600_000;
const SPEED = 1_000;

let pace: Pace | undefined;

afterEach(async () => {
  await pace?.stop();
});

/** A shop of one hour in which only time passes. */
function shop(underWay = () => 0, endsAt = HOUR) {
  const world = {
    now: 0,
    endsAt,
    advance(to: number) {
      world.now = Math.min(to, endsAt);
    },
  };
  const looks: number[] = [];
  const { signal } = new AbortController();
  const made = new Pace({ world, speed: SPEED, underWay, look: (now) => looks.push(now), signal });
  pace = made;
  return { world, looks, pace: made };
}

test('time passes so many times as fast as life, devices look every five seconds, and it ends', async () => {
  const { world, looks, pace } = shop(undefined, 600_000);
  const begun = performance.now();
  pace.start();
  await pace.until(300_000);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(290);
  await pace.until(HOUR);
  expect(world.now).toBe(600_000);
  expect(looks.every((at, n) => at - (looks[n - 1] ?? 0) <= 5_000)).toBe(true);
});

test('the shop stands still as long as the hub has much to take, and does not make up for it', async () => {
  let underWay = 0;
  const { world, pace } = shop(() => underWay);
  pace.start();
  await pace.until(50_000);
  underWay = 1_000;
  await sleep(150);
  const stood = world.now;
  await sleep(300);
  expect(world.now).toBe(stood);
  underWay = 0;
  const began = performance.now();
  await waitUntil('time to pass', () => world.now > stood, { everyMs: 5 });
  // Not the third of a second that was lost.
  expect(world.now - stood).toBeLessThanOrEqual((performance.now() - began + 150) * SPEED);
});

test('a moment of the hub is led back to what the shop showed then, over a time in which it stood still', async () => {
  let underWay = 0;
  const { world, pace } = shop(() => underWay);
  pace.start();
  await pace.until(100_000);
  const [early, shown] = [Date.now(), world.now];
  underWay = 1_000;
  await sleep(300);
  const late = Date.now();
  expect(Math.abs(pace.simulated(early) - shown)).toBeLessThan(150_000);
  underWay = 0;
  await pace.until(world.now + 200_000);
  // While it stood, hardly any time of the shop passed.
  expect(pace.simulated(late) - pace.simulated(early)).toBeLessThan(200_000);
  expect(pace.clock(world.now)).toBeLessThanOrEqual(Date.now());
});
