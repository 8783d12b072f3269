/**
 * `run --rate`: the shop lives as fast as it must so that its devices say so many readings a second, and no faster than
 * the hub acknowledges. A load that looks like the shop: the same devices in the same proportions, with its mornings and
 * its rushes, only that a day takes seconds. What is said of the hub is measured here: how long a PUBACK took, and how
 * much of the time everybody waited for it.
 */
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../fleet/attached.ts';
import type { Meter } from '../fleet/links.ts';
import { Latencies } from '../load/latencies.ts';
import type { World } from './world.ts';

export interface Load {
  /** Readings a second. */
  readonly wanted: number;
  readonly reached: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly seconds: number;
  /** So many times as fast as life the shop lived. */
  readonly speed: number;
  /** Milliseconds from a publish to its PUBACK. */
  readonly p50: number;
  readonly p99: number;
  /** Share of the time in which the hub had all that it may have unacknowledged. */
  readonly waited: number;
}

const STEP_MS = 5_000;
/** At night, when nobody says anything. */
const LONGEST_STEP_MS = 60_000;
/** What was not sent in time is not made up for beyond this. */
const BURST_S = 0.1;
const PAUSE_MS = 2;
/** The two clocks are set to each other so often. */
const SETTING_MS = 250;

/** Counts readings and times PUBACKs. */
export class LoadMeter implements Meter {
  readonly latencies = new Latencies();
  sent = 0;
  acknowledged = 0;

  said(payload: Buffer): void {
    this.sent += readingsIn(payload);
  }

  heard(payload: Buffer, ms: number | undefined): void {
    this.acknowledged += readingsIn(payload);
    if (ms !== undefined) this.latencies.add(ms * 1000);
  }
}

/** The world goes on from where it is to its end, or until `stop`. The fleet was started; it is stopped here. */
export async function drive(
  { world, fleet, meter, rate }: { world: World; fleet: Fleet; meter: LoadMeter; rate: number },
  stop: AbortSignal,
  show: () => void,
): Promise<Load> {
  const from = world.now;
  const begun = performance.now();
  // A second's worth: who needs longer than that to acknowledge gets no more.
  const most = Math.max(10, rate);
  let credit = 0;
  let last = begun;
  let step = STEP_MS;
  let waited = 0;
  let set = { at: begun, simulated: from };
  fleet.began(Date.now(), from);
  while (world.now < world.endsAt && !stop.aborted) {
    const now = performance.now();
    credit = Math.min(rate * BURST_S, credit + (rate * (now - last)) / 1000);
    last = now;
    if (now - set.at >= SETTING_MS) {
      const speed = Math.max(1, (world.now - set.simulated) / (now - set.at));
      fleet.began(Date.now(), world.now, speed);
      set = { at: now, simulated: world.now };
      show();
    }
    if (fleet.onTheirWay >= most) {
      await sleep(PAUSE_MS);
      waited += performance.now() - now;
    } else if (credit <= 0) await sleep(PAUSE_MS);
    else {
      const before = meter.sent;
      world.advance(world.now + step);
      fleet.look(world.now);
      // What was said leaves in between.
      await breathe();
      credit -= meter.sent - before;
      step = meter.sent === before ? Math.min(LONGEST_STEP_MS, step * 2) : STEP_MS;
    }
  }
  const speed = (world.now - from) / (performance.now() - begun);
  await fleet.stop(stop);
  const seconds = (performance.now() - begun) / 1000;
  const { sent, acknowledged, latencies } = meter;
  const { p50, p99 } = latencies.summary();
  return {
    ...{ wanted: rate, reached: acknowledged / seconds, sent, acknowledged, seconds, speed, p50, p99 },
    waited: waited / 1000 / seconds,
  };
}

/** For people. */
export function loadRows(load: Load): readonly (readonly [string, string])[] {
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  return [
    ['readings a second', `${whole(load.reached)} of ${whole(load.wanted)} wanted`],
    ['readings sent', whole(load.sent)],
    ['readings acknowledged', `${whole(load.acknowledged)} in ${load.seconds.toFixed(1)} s`],
    ['PUBACK', `p50 ${load.p50.toFixed(1)} ms, p99 ${load.p99.toFixed(1)} ms`],
    ['waited for the hub', `${(load.waited * 100).toFixed(0)} % of the time`],
    ['the shop lived', `${whole(load.speed)} times as fast as life`],
  ];
}

const [QUOTE, ESCAPE] = [0x22, 0x5c];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Objects of a list, or one behind the other; whatever else it is, it is one. */
export function readingsIn(payload: Uint8Array): number {
  const base = payload[0] === OPEN_LIST ? 1 : 0;
  let depth = 0;
  let count = 0;
  let isText = false;
  for (let at = 0; at < payload.length; at += 1) {
    const byte = payload[at];
    if (isText) {
      if (byte === ESCAPE) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === OPEN || byte === OPEN_LIST) {
      if (byte === OPEN && depth === base) count += 1;
      depth += 1;
    } else if (byte === CLOSE || byte === CLOSE_LIST) depth -= 1;
  }
  return Math.max(1, count);
}
