import { expect, it } from 'vitest';
import { loadWorld } from '../sim/load-world.ts';
import { streams } from '../sim/streams.ts';
import { openWorld } from '../sim/world.ts';
import { openFleet } from './fleet.ts';
import { newTally } from './sim-device.ts';

/** Ids of what shelf gateways and LoRaWAN sensors say first, in a run that begins at this hour of the hub's clock. */
async function idsOf(began: number): Promise<string[]> {
  const world = openWorld({ file: loadWorld('pharmacy'), seed: 7, from: '2026-03-05', days: 1, coverage: 100 });
  const ids: string[] = [];
  const take = (payload: string | Uint8Array): void => {
    if (!/^[{[]/.test(String(payload))) return;
    const said = JSON.parse(String(payload)) as Record<string, unknown>;
    const up = said.uplink_message as { session_key_id: string; f_cnt?: number } | undefined;
    if (typeof said.deduplicationId === 'string') ids.push(said.deduplicationId);
    else if (up !== undefined) ids.push(`${up.session_key_id}/${up.f_cnt ?? 0}`);
    else if (Array.isArray(said)) for (const { id } of said as { id?: string }[]) if (id !== undefined) ids.push(id);
  };
  const links = {
    publish: async (_: string, __: string, payload: string | Uint8Array) => take(payload),
    post: async () => undefined,
    leave: async () => undefined,
  };
  const from = world.now;
  const clock = (now: number): number => began + (now - from);
  const parts = { linksOf: () => links, clockOf: () => clock };
  const devices = openFleet({ world, of: streams(7), tally: newTally(), ...parts });
  for (const device of devices) await device.start();
  for (const device of devices) device.look(world.now);
  for (const device of devices) await device.settled();
  return ids;
}

it('a second run of the same world is no repeat of the first: what counts from 1 again says when it began', async () => {
  const [first, second] = [await idsOf(1_800_000_000_000), await idsOf(1_800_000_060_000)];
  expect(first.length).toBeGreaterThan(50);
  expect(new Set(first).size).toBe(first.length);
  expect(first.filter((id) => second.includes(id))).toEqual([]);
});
