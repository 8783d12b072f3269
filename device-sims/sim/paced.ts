/**
 * `run --speed`: the shop lives so many times as fast as life, but never further than the hub has taken what its devices
 * said, and no faster than this machine can. Where it stood still or fell behind, its clock goes on from another instant,
 * which is noted for the score.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../fleet/attached.ts';
import type { World } from './world.ts';

/** The hub's clock showed this when the shop's showed that, and the shop's went on; epoch ms. */
export interface WentOn {
  readonly hub: number;
  readonly simulated: number;
}

export interface Paced {
  /** Times as fast as life. */
  readonly asked: number;
  readonly reached: number;
  /** For the hub. */
  readonly waitedSeconds: number;
  readonly wentOn: readonly WentOn[];
}

const TICK_MS = 50;
/** Devices look at the world between two steps. Simulated ms. */
const STEP_MS = 5_000;
/** Signals are heard, and what was said leaves, at least so often. */
const LONGEST_TURN_MS = 100;
/** With devices, what is late by more than this is not made up for. */
const LATE_MS = 250;

/** The world goes on from where it is to its end, or until `stop`. The fleet was started; it is not stopped here. */
export async function livePaced(
  { world, fleet, speed }: { world: World; fleet?: Fleet | undefined; speed: number },
  stop: AbortSignal,
  show: () => void,
): Promise<Paced> {
  const from = world.now;
  const begun = performance.now();
  const wentOn: WentOn[] = [];
  let waited = 0;
  let start = { at: begun, simulated: from };
  const late = (): number => performance.now() - start.at - (world.now - start.simulated) / speed;
  while (world.now < world.endsAt && !stop.aborted) {
    const turn = performance.now();
    const target = Math.min(world.endsAt, Math.floor(start.simulated + (turn - start.at) * speed));
    // With devices steps are short.
    while (world.now < target && !fleet?.isFull && performance.now() - turn < LONGEST_TURN_MS) {
      world.advance(fleet ? Math.min(target, world.now + STEP_MS) : target);
      fleet?.look(world.now);
    }
    show();
    await sleep(world.now < target ? 0 : TICK_MS, undefined, { signal: stop }).catch(() => undefined);
    if (fleet?.isFull) {
      const since = performance.now();
      await fleet.drained(stop);
      waited += performance.now() - since;
    }
    // Without devices nobody is overrun by what is made up for.
    if (fleet === undefined || late() <= LATE_MS) continue;
    start = { at: performance.now(), simulated: world.now };
    const on = { hub: Date.now(), simulated: world.now };
    wentOn.push(on);
    fleet.began(on.hub, on.simulated);
  }
  const passed = performance.now() - begun;
  // In less nothing can be told.
  const reached = passed < LATE_MS ? speed : (world.now - from) / passed;
  return { asked: speed, reached, waitedSeconds: waited / 1000, wentOn };
}

/** Of what was asked: what is this near is not worth a word. */
const NEAR = 0.95;

/** For people; nothing where it went as fast as it was asked to. */
export function pacedRows({ asked, reached, waitedSeconds }: Paced): readonly (readonly [string, string])[] {
  if (reached >= NEAR * asked) return [];
  const why =
    waitedSeconds >= 1
      ? `it waited ${Math.round(waitedSeconds)} s for the hub to take what was said`
      : 'this machine does no more';
  return [['the shop lived', `${reached.toFixed(reached < 10 ? 1 : 0)} times as fast as life, not ${asked}: ${why}`]];
}
