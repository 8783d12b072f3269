/** A hub with devices on serial lines: a scanner and two RFID readers, unplugged, rebooted and killed. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { m100Reader, thingmagicReader } from '../device-sims/devices/serial/readers.ts';
import { scanBytes } from '../device-sims/devices/serial/scanner-bytes.ts';
import { describeWith } from '../device-sims/harness/need-tools.ts';
import { SerialCable } from '../device-sims/harness/serial-cable.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

interface Scan {
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly data: { readonly code: string; readonly gtin?: string; readonly lot?: string; readonly zone?: string };
}

describeWith('socat')('a hub with devices on serial lines', () => {
  let store: Store;
  const cables: Record<'scanner' | 'gate' | 'desk', SerialCable> = {} as never;

  beforeAll(async () => {
    cables.scanner = await SerialCable.make('scanner');
    cables.gate = await SerialCable.make('gate');
    cables.desk = await SerialCable.make('desk');
    for (const cable of Object.values(cables)) await cable.plug();
    const port = (cable: SerialCable, baud: number) => ({ port: cable.hubEnd, baud });
    store = await makeStore({
      config: {
        devices: [
          { name: 'scanner-1', codec: 'scanner', serial: port(cables.scanner, 9600), zone: 'back-room' },
          {
            name: 'gate-1',
            codec: 'thingmagic',
            serial: port(cables.gate, 115_200),
            antennas: { 1: 'floor', 2: 'dock' },
          },
          { name: 'desk-1', codec: 'm100', serial: port(cables.desk, 115_200), zone: 'floor' },
        ],
      },
    });
  });

  afterAll(async () => {
    await store?.stop();
    for (const cable of Object.values(cables)) await cable.remove();
  });

  async function scans(): Promise<Scan[]> {
    const { stdout } = await store.run(['journal', 'export', '--stream', 'items']);
    const events = stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Scan);
    return events.filter(({ type }) => type === 'retail.items.scanned.v1');
  }

  async function sightings(device: string): Promise<number> {
    const text = await (await fetch(`${store.httpUrl}/metrics`)).text();
    return Number(new RegExp(`^store_hub_[a-z_]*rfid[a-z_]*\\{.*"${device}".*\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  }

  /** What is said to a hub before is lost, as it is with real lines. */
  async function startEdge(): Promise<void> {
    const opened = (): number => store.edge.lines.filter((line) => line.includes('a serial line is open')).length;
    const before = opened();
    await store.edge.start();
    await waitUntil('the lines to be open', () => opened() === before + 3);
  }

  const scan = (text: string, aim?: string): Promise<void> =>
    cables.scanner.say(scanBytes(text, { end: '\r', ...(aim !== undefined && { aim }) }));

  it('journals each scan, tells the readers to read, and counts what they see', { timeout: 60_000 }, async () => {
    const gate = thingmagicReader(cables.gate, [1, 2]);
    const desk = m100Reader(cables.desk);
    gate.attach();
    desk.attach();
    await startEdge();
    await scan('010952123454321310L-7', 'd2');
    await scan('010952123454321310L-7', 'd2');
    await scan('9521234543214', 'E0');
    await waitUntil('both scans', async () => (await scans()).length === 2);
    expect((await scans())[0]).toMatchObject({
      source: '/store-0042/scanner-1',
      subject: '09521234543213',
      data: { code: '(01)09521234543213(10)L-7', gtin: '09521234543213', lot: 'L-7', zone: 'back-room' },
    });
    // What is scanned may be anything: a payment card's number is masked before it is written.
    await scan('5555555555554444', 'Q1');
    await waitUntil('the third scan', async () => (await scans()).length === 3);
    expect((await scans())[2]?.data.code).toBe('555555******4444');
    await scan('5555555555554444', 'E0');
    const refused = async (): Promise<string[]> => {
      const { stdout } = await store.run(['dead-letters', 'list', '--json']);
      return stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { id: string }).id);
    };
    await waitUntil('the card that is no product', async () => (await refused()).length === 2);
    const raw = await Promise.all((await refused()).map((id) => store.run(['dead-letters', 'show', id, '--raw'])));
    expect(raw.map(({ stdout }) => stdout.trim()).sort()).toEqual([']E0\t555555******4444', ']E0\t9521234543214']);
    const letters = await store.run(['dead-letters', 'list']);
    expect(letters.stdout).toContain('wrong check digit, expected 3');

    await waitUntil('the readers to be told to read', () => gate.reading && desk.reading);
    const epc = '3074257BF7194E4000001A85';
    for (let i = 0; i < 5; i += 1) await gate.see({ epc, rssi: -60, antenna: 2 });
    await desk.see({ epc, rssi: -50 });
    await waitUntil(
      'the sightings',
      async () => (await sightings('gate-1')) === 5 && (await sightings('desk-1')) === 1,
    );
  });

  it('goes on after a replug under another number and after kill -9, and others do not notice', {
    timeout: 90_000,
  }, async () => {
    const before = (await scans()).length;
    await cables.scanner.pull();
    await waitUntil('a word about it', () => store.edge.lines.some((line) => line.includes('the line is down')));
    const gate = thingmagicReader(cables.gate, [1, 2]);
    gate.attach();
    gate.losePower();
    await cables.scanner.plug();
    const since = performance.now();
    await waitUntil('it to be taken back', () => store.edge.lines.some((line) => line.includes('it works again')));
    expect(performance.now() - since).toBeLessThan(5000);
    await scan('4006381333931', 'E0');
    await waitUntil('the scan', async () => (await scans()).length === before + 1);
    await waitUntil('the reader that lost its power to be told again', () => gate.reading, { timeoutMs: 30_000 });

    await store.edge.kill();
    await startEdge();
    await scan('96385074', 'E4');
    await waitUntil('the scan after kill -9', async () => (await scans()).at(-1)?.data.code === '96385074');
    expect((await scans()).length).toBe(before + 2);
    expect((await store.edge.stop()).code).toBe(0);
  });
});
