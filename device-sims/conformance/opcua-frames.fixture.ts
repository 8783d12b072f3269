/** What the hub's own OPC UA client hears of the simulator's server, node-opcua's: a real connection to a process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceConfig } from '../../edge/contracts/devices.ts';
import { type OpcUaFrame, opcUaGroups } from '../../edge/contracts/opcua.ts';
import { loadOpcUa } from '../../edge/devices/opcua-library.ts';
import { OpcUaSession } from '../../edge/devices/opcua-session.ts';
import type { FridgeState } from '../devices/opcua-fridges.ts';
import { Fridges } from '../devices/opcua-process.ts';
import { freePort } from '../harness/free-port.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { SentFrame } from './cases.ts';

const FIELDS = [
  ['celsius', 'Temperature'],
  ['humidity', 'Humidity'],
  ['door_open', 'DoorOpen'],
  ['defrost', 'Defrost'],
] as const;

/** The first frame that has every value of a unit, which is in this state. */
export async function heardOfServer(state: FridgeState): Promise<readonly SentFrame[]> {
  const folder = mkdtempSync(join(tmpdir(), 'opcua-conformance-'));
  const server = new Fridges({
    port: await freePort(),
    pki: join(folder, 'server'),
    units: [{ unit: 'C', scale: 'fahrenheit', type: 'Double' }],
  });
  const heard: OpcUaFrame[] = [];
  const nodes = FIELDS.map(([is, name]) => ({ node: `ns=1;s=C.${name}`, is }));
  const source = { endpoint: server.endpoint, nodes, interval: 100, security: 'none' } as const;
  const device: DeviceConfig = {
    ...{ name: 'dev', codec: 'opcua', unit: 'fridge-1', opcua: source },
    calibration: { celsius: 0, weight: 1 },
  };
  const session = new OpcUaSession({
    ...{ library: loadOpcUa(), source, groups: opcUaGroups(device).groups, hub: 'store-0042' },
    pki: join(folder, 'hub'),
    trouble: () => undefined,
    give: (frame) => heard.push(frame),
  });
  const isWhole = ({ values }: OpcUaFrame): boolean =>
    values.length === FIELDS.length && values.every(({ is, value }) => is === 'celsius' || value === state[is]);
  try {
    await server.start();
    server.tell('C', state);
    session.start();
    await waitUntil('a frame of all values', () => heard.some(isWhole), { timeoutMs: 60_000 });
  } finally {
    await session.stop();
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  return heard.filter(isWhole).map((frame) => ({ bytes: Buffer.from(JSON.stringify(frame)) }));
}
