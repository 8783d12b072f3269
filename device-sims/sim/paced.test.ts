import { expect, it } from 'vitest';
import { newTally } from '../fleet/sim-device.ts';
import { simulatedClock } from '../score/run-clock.ts';
import { loadWorld } from './load-world.ts';
import { livePaced, pacedRows } from './paced.ts';
import { openWorld } from './world.ts';

it('stands still while the hub has enough to take, makes nothing up for it, and says so', async () => {
  const speed = 3600;
  const world = openWorld({ file: loadWorld('pharmacy'), seed: 7, from: '2026-03-05', days: 1 });
  world.advance(world.now + 8 * 3_600_000);
  const from = world.now;
  const hubBegan = Date.now();
  const stop = new AbortController();
  const held: { readonly until: number; readonly at: number }[] = [];
  let looks = 0;
  const fleet = {
    ...{ tally: newTally(), strikes: [], onTheirWay: 0, start: async () => undefined },
    began: () => undefined,
    look() {
      looks += 1;
    },
    // Full after some looks, for a second.
    get isFull() {
      return looks >= 100 && held.length === 0;
    },
    async drained() {
      const at = world.now;
      await new Promise((go) => setTimeout(go, 1_000));
      held.push({ until: Date.now(), at });
      setTimeout(() => stop.abort(), 800);
    },
    ...{ stop: async () => undefined, abandon: async () => undefined },
  };
  const paced = await livePaced({ world, fleet, speed }, stop.signal, () => undefined);
  const passed = Date.now() - hubBegan;
  const [hold] = held;
  expect(held.length).toBe(1);
  expect(paced.waitedSeconds).toBeGreaterThan(0.9);
  // At 3600 a second of waiting would be an hour: it is not made up for.
  expect(world.now - from).toBeLessThanOrEqual((passed - 1_000 + 50) * speed);
  expect(paced.reached).toBeLessThan(0.7 * speed);
  expect(pacedRows(paced)).toEqual([
    ['the shop lived', expect.stringMatching(/^\d+ times as fast as life, not 3600: it waited 1 s for the hub/)],
  ]);
  // The score's clock stood still as well, and goes on from where the shop did.
  const iso = (ms: number): string => new Date(ms).toISOString();
  const simulated = simulatedClock({
    ...{ hub_began: iso(hubBegan), simulated_began: iso(from), speed },
    went_on: paced.wentOn.map((on) => ({ hub: iso(on.hub), simulated: iso(on.simulated) })),
  });
  expect(Math.abs(simulated((hold?.until ?? 0) - 300) - (hold?.at ?? 0))).toBeLessThan(0.3 * 1_000 * speed);
  for (const { hub, simulated: shown } of paced.wentOn) expect(simulated(hub)).toBe(shown);
});

it('says nothing of its pace where it was as fast as it was asked to be', () => {
  expect(pacedRows({ asked: 60, reached: 59.7, waitedSeconds: 0, wentOn: [] })).toEqual([]);
  expect(pacedRows({ asked: 9000, reached: 4000, waitedSeconds: 0, wentOn: [] })).toEqual([
    ['the shop lived', '4000 times as fast as life, not 9000: this machine does no more'],
  ]);
});
