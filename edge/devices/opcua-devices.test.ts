import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Receipt } from '../contracts/intake.ts';
import { OpcUaDevices } from './opcua-devices.ts';

const DEVICE: DeviceConfig = {
  ...{ name: 'cabinets', codec: 'opcua', unit: 'fridge-1', calibration: { celsius: 0, weight: 1 } },
  opcua: {
    ...{ endpoint: 'opc.tcp://127.0.0.1:1', interval: 1000, security: 'none' },
    nodes: [{ node: 'i=1', is: 'celsius' }],
  },
};
const NOT_STORED: Receipt = { outcome: 'not-stored', reason: 'the disk is full' };
const ACCEPTED: Receipt = { outcome: 'accepted', accepted: 1, repeated: 0 };

/** A thread of its own that runs this instead of the client. */
function program(text: string): URL {
  return new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${text}`)}`,
  );
}

const frame = (celsius: number): string =>
  `parentPort.postMessage({ is: 'frame', device: 'cabinets', frame: { unit: 'fridge-1', probe: 'air', values: [{ value: ${celsius} }] } });`;

let running: OpcUaDevices | undefined;
afterEach(() => running?.stop());

function started(text: string, receipt: () => Receipt): { troubles: (string | undefined)[]; taken: number[] } {
  const troubles: (string | undefined)[] = [];
  const taken: number[] = [];
  running = new OpcUaDevices({
    devices: [DEVICE],
    hub: 'store-0042',
    dataDir: '/nowhere',
    take: (_device, { bytes }, done) => {
      taken.push(JSON.parse(Buffer.from(bytes).toString()).values[0].value);
      done(receipt());
    },
    trouble: (_device, reason) => troubles.push(reason),
    logger: pino({ level: 'silent' }),
    program: program(text),
    pauses: { restart: 100, longest: 400, tryAgain: 200, stop: 500 },
  });
  void running.start();
  return { troubles, taken };
}

test('a client that failed is started again, each time later, and the device says so', async () => {
  const { troubles, taken } = started(
    `${frame(4)} setTimeout(() => { throw new Error('out of certificates') }, 20)`,
    () => ACCEPTED,
  );
  await waitUntil('three starts', () => taken.length >= 3);
  expect(troubles.slice(0, 2)).toEqual(Array(2).fill('the OPC UA client failed: out of certificates'));
});

test('what could not be stored is tried again until it is, or something newer is known', async () => {
  let isFull = true;
  const text = `${frame(4)} setTimeout(() => { ${frame(5)} }, 700); setInterval(() => {}, 1000)`;
  const { taken } = started(text, () => (isFull ? NOT_STORED : ACCEPTED));
  await waitUntil('the older to be tried again', () => taken.filter((value) => value === 4).length >= 2);
  await waitUntil('the newer to be tried again', () => taken.filter((value) => value === 5).length >= 2);
  const older = taken.filter((value) => value === 4).length;
  isFull = false;
  const tried = taken.length;
  await waitUntil('it to be taken', () => taken.length > tried);
  const settled = taken.length;
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(taken).toHaveLength(settled);
  expect(taken.filter((value) => value === 4)).toHaveLength(older);
});

test('a thread that does not end is ended', async () => {
  const { taken } = started(`${frame(4)} setTimeout(() => { for (;;); }, 20)`, () => ACCEPTED);
  await waitUntil('its frame', () => taken.length === 1);
  const began = performance.now();
  await running?.stop();
  running = undefined;
  expect(performance.now() - began).toBeLessThan(5000);
});
