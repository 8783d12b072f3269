import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fridges } from '../device-sims/devices/opcua-process.ts';
import { freePort } from '../device-sims/harness/free-port.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

const MANY = { timeoutMs: 40_000, everyMs: 500 };

let folder: string;
let fridges: Fridges;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opcua-store-'));
  const port = await freePort();
  fridges = new Fridges({ port, pki: join(folder, 'server'), units: [{ unit: 'F1', scale: 'fahrenheit' }] });
  store = await makeStore({
    config: {
      devices: [
        {
          name: 'cabinets',
          codec: 'opcua',
          unit: 'fridge-1',
          opcua: {
            endpoint: fridges.endpoint,
            interval: '200ms',
            nodes: [
              { node: 'ns=1;s=F1.Temperature', is: 'celsius' },
              { node: 'ns=1;s=F1.DoorOpen', is: 'door_open' },
            ],
          },
        },
      ],
    },
  });
}, 60_000);

afterAll(async () => {
  await store.stop();
  await fridges.kill();
  await rm(folder, { recursive: true, force: true });
});

async function measured(): Promise<Record<string, unknown>[]> {
  const { stdout } = await store.run(['journal', 'export', '--stream', 'climate']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).data);
}

test('the edge is ready before its OPC UA client is, and journals what a server tells that came later', async () => {
  await store.edge.start();
  const said = () => store.edge.lines.join('\n');
  await waitUntil('the absent server to be named', () => said().includes('no OPC UA server answers at'), MANY);
  expect(said().indexOf('the hub is up')).toBeLessThan(said().indexOf('no OPC UA server answers at'));
  expect(said(), 'what the library prints is no line of the log').not.toContain('NODE-OPCUA-W27');
  await fridges.start();
  fridges.tell('F1', { celsius: 5, door_open: true });
  await waitUntil(
    'a climate event',
    async () => (await measured()).some(({ celsius, door_open }) => celsius === 5 && door_open === true),
    MANY,
  );
  expect((await measured()).at(-1)).toMatchObject({ unit: 'fridge-1', probe: 'air' });
  expect(readdirSync(join(store.dataDir, 'opcua', 'pki'))).toContain('own');
  const { code } = await store.edge.stop();
  expect(code).toBe(0);
}, 120_000);

test('a node map that cannot work keeps the edge from starting, with the node in the message', async () => {
  const nodes = [{ node: 'F1.Temperature', is: 'celsius' }];
  const opcua = { endpoint: fridges.endpoint, nodes };
  await store.configure({ devices: [{ name: 'cabinets', codec: 'opcua', unit: 'fridge-1', opcua }] });
  const { code } = await store.edge.startAndWait();
  expect(code).toBe(78);
  expect(store.edge.lines.join('\n')).toContain('F1.Temperature is no node id');
});
