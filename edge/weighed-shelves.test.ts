import { afterAll, beforeAll, expect, it } from 'vitest';
import { COUNTER_SCALE, type ScaleProtocol, SimulatedScale } from '../device-sims/devices/serial/scales.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { SerialCable } from '../device-sims/harness/serial-cable.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';
import { seeded } from '../device-sims/sim/random.ts';

const GTIN = '09521234543213';
const UNIT_G = 1020;
const TARE_G = 350;
const LOOK_MS = 100;

/** A scale at the other end of a cable, in real time. */
class CabledScale {
  readonly cable: SerialCable;
  readonly #scale: SimulatedScale;
  readonly #ticking: NodeJS.Timeout;
  loadG = TARE_G + 5 * UNIT_G;

  constructor(cable: SerialCable, protocol: ScaleProtocol, seed: number) {
    this.cable = cable;
    this.#scale = new SimulatedScale({
      model: { ...COUNTER_SCALE, protocol },
      random: seeded(seed),
      load: () => this.loadG,
      say: (bytes) => void cable.say(bytes).catch(() => undefined),
    });
    cable.hear((bytes) => this.#scale.hear(bytes));
    let at = 0;
    this.#ticking = setInterval(() => {
      at += LOOK_MS;
      this.#scale.advance(at);
    }, LOOK_MS);
  }

  async remove(): Promise<void> {
    clearInterval(this.#ticking);
    await this.cable.remove();
  }
}

const SCALES: readonly { readonly shelf: string; readonly codec: string; readonly protocol: ScaleProtocol }[] = [
  { shelf: 'W-1', codec: 'mt-sics', protocol: 'mt-sics' },
  { shelf: 'W-2', codec: 'toledo-8217', protocol: 'toledo-8217' },
  { shelf: 'W-3', codec: 'scale-stream', protocol: 'cas' },
];

describeWith('socat')('shelves on scales of three makers', () => {
  const scales = new Map<string, CabledScale>();
  let store: Store;

  beforeAll(async () => {
    const devices = [];
    for (const [seed, { shelf, codec, protocol }] of SCALES.entries()) {
      const cable = await SerialCable.make(`scale-${shelf}`);
      await cable.plug();
      scales.set(shelf, new CabledScale(cable, protocol, seed + 1));
      devices.push({ name: `scale-${shelf}`, codec, shelf, serial: { port: cable.hubEnd } });
    }
    const planogram = SCALES.map(({ shelf }) => ({
      ...{ shelf, zone: 'beverages', gtin: GTIN, name: 'Spring water 1 l', capacity: 12, minimum: 4 },
      ...{ unit_weight_g: UNIT_G, tare_g: TARE_G },
    }));
    store = await makeStore({ config: { devices, planogram } });
    await store.edge.start();
  }, 60_000);

  afterAll(async () => {
    await store.stop();
    for (const scale of scales.values()) await scale.remove();
  });

  /** What the journal tells of a shelf: levels, and what is unclear as text. */
  async function told(shelf: string): Promise<unknown[]> {
    const { stdout } = await store.run(['journal', 'export', '--stream', 'shelves']);
    const events = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    return events.flatMap(({ subject, data }) =>
      subject === shelf ? [data.count ?? `unclear, nearest ${data.nearest}`] : [],
    );
  }

  function load(grams: number): void {
    for (const scale of scales.values()) scale.loadG = grams;
  }

  async function tells(last: unknown): Promise<void> {
    for (const { shelf } of SCALES)
      await waitUntil(`${shelf} to be ${last}`, async () => (await told(shelf)).at(-1) === last, {
        everyMs: 300,
        timeoutMs: 60_000,
      });
  }

  it('count items, say what they cannot explain, raise the gap, and journal nothing else', async () => {
    await tells(5);
    load(TARE_G + 6 * UNIT_G + 400);
    await tells('unclear, nearest 6');
    load(TARE_G + 2 * UNIT_G);
    await tells(2);
    const gaps = async (): Promise<string> => {
      const alerts = (await store.get(`${store.httpUrl}/api/alerts`)) as { rule: string; subject: string }[];
      return alerts
        .map(({ rule, subject }) => `${rule} ${subject}`)
        .sort()
        .join();
    };
    const all = SCALES.map(({ shelf }) => `shelf-gap ${shelf}`).join();
    await waitUntil('a gap on each shelf', async () => (await gaps()) === all);
    // After a power cut the level is known already.
    await store.edge.kill();
    load(TARE_G + 3 * UNIT_G);
    await store.edge.start();
    await tells(3);
    for (const { shelf } of SCALES) expect(await told(shelf)).toEqual([5, 'unclear, nearest 6', 2, 3]);
    const letters = await store.run(['dead-letters', 'list', '--json']);
    expect(letters.stdout.trim()).toBe('');
  }, 300_000);
});
