import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_FAULTS } from '../fleet/faults.ts';
import { configOf } from '../fleet/fleet.ts';
import { newTally } from '../fleet/sim-device.ts';
import { makeStore, type Store } from '../harness/store.ts';
import { drive, LoadMeter, loadRows, readingsIn } from './drive.ts';
import { loadWorld } from './load-world.ts';
import { run } from './run.ts';
import { openWorld } from './world.ts';

describe('a load by rate', () => {
  const file = loadWorld('pharmacy');
  let store: Store | undefined;
  beforeAll(async () => {
    store = await makeStore({ config: configOf({ file, speed: 60 }) });
    await store.edge.start();
  });
  afterAll(() => store?.stop());

  it('is no faster than it was asked for, leaves nothing unacknowledged, and says what speed that was', async () => {
    const rate = 500;
    const address = { mqtt: store?.mqttUrl ?? '', http: store?.httpUrl ?? '' };
    const { finished, load, said, tally } = await run(
      { file, seed: 7, from: '2026-03-05', days: 1, until: 10 * 60, rate, hub: { address, faults: NO_FAULTS } },
      { show: () => undefined },
      new AbortController().signal,
    );
    expect(finished).toBe(true);
    if (load === undefined) throw new Error('no load was measured');
    expect(load.sent).toBeGreaterThan(rate);
    expect(load.acknowledged).toBe(load.sent);
    expect(said?.acknowledged).toBe(said?.sent);
    // The first look at all shelves comes at once, whatever the rate.
    expect(load.seconds).toBeGreaterThan((load.sent - 4 * rate) / rate);
    expect(load.p50).toBeGreaterThan(0);
    expect(load.p99).toBeGreaterThanOrEqual(load.p50);
    expect(load.speed).toBeGreaterThan(60);
    expect(Object.fromEntries(loadRows(load))['readings a second']).toMatch(/^\d+ of 500 wanted$/);
    const sales = Object.fromEntries(tally.rows()).sales;
    const { stdout } = (await store?.run(['journal', 'export'])) ?? { stdout: '' };
    expect(stdout.split('\n').filter((line) => line.includes('retail.sales.sold.v1')).length).toBe(sales);
  }, 60_000);
});

it('waits for a slow hub: no more than a second of it is on its way', async () => {
  const rate = 400;
  const world = openWorld({ file: loadWorld('pharmacy'), seed: 7, from: '2026-03-05', days: 1, until: 11 * 60 });
  world.advance(world.now + 8 * 3_600_000);
  const meter = new LoadMeter();
  const frame = Buffer.from('{}');
  const waiting: number[] = [];
  let most = 0;
  const acknowledge = (): void => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) meter.heard(frame, performance.now() - one);
  };
  const fleet = {
    ...{
      tally: newTally(),
      strikes: [],
      began: () => undefined,
      start: async () => undefined,
      isFull: false,
      drained: async () => undefined,
      abandon: async () => undefined,
    },
    get onTheirWay() {
      return waiting.length;
    },
    // A reading at each look; no answer comes before the end.
    look() {
      meter.said(frame);
      waiting.push(performance.now());
      most = Math.max(most, waiting.length);
    },
    stop: async () => acknowledge(),
  };
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 3_000);
  const load = await drive({ world, fleet, meter, rate }, stop.signal, () => undefined);
  expect(most).toBe(rate);
  expect(load.sent).toBe(rate);
  expect(load.waited).toBeGreaterThan(0.2);
}, 30_000);

it('readings are counted as the hub counts them: objects of a list, or one behind the other', () => {
  const count = (text: string): number => readingsIn(Buffer.from(text));
  expect(count('{"a":{"b":[{},{}]}}')).toBe(1);
  expect(count('[{"a":"}{"},{"b":{"c":1}},{}]')).toBe(3);
  expect(count('{"a":1}{"b":"\\"}{"}')).toBe(2);
  expect(count('till;number\n1;2')).toBe(1);
  expect(count('')).toBe(1);
});
