/**
 * The thread of all OPC UA servers. The library is large, takes seconds to load, and does its cryptography where it
 * runs: here it holds up nobody. Started by opcua-devices.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { OpcuaSource } from '../contracts/devices.ts';
import type { OpcUaFrame, OpcUaGroup } from '../contracts/opcua.ts';
import { loadOpcUa } from './opcua-library.ts';
import { OpcUaSession } from './opcua-session.ts';

export interface OpcUaThreadOptions {
  readonly hub: string;
  readonly pki: string;
  readonly servers: readonly {
    readonly device: string;
    readonly source: OpcuaSource;
    readonly groups: readonly OpcUaGroup[];
  }[];
}

export type FromOpcUa =
  | { readonly is: 'frame'; readonly device: string; readonly frame: OpcUaFrame }
  | { readonly is: 'trouble'; readonly device: string; readonly reason: string | undefined };

const port = parentPort;
if (!port) throw new Error('opcua-thread runs as a worker thread');

const send = (message: FromOpcUa): void => port.postMessage(message);
const { hub, pki, servers } = workerData as OpcUaThreadOptions;
const library = loadOpcUa();
const sessions = servers.map(
  ({ device, source, groups }) =>
    new OpcUaSession({
      library,
      source,
      groups,
      pki,
      hub,
      give: (frame) => send({ is: 'frame', device, frame }),
      trouble: (reason) => send({ is: 'trouble', device, reason }),
    }),
);
for (const session of sessions) session.start();
port.once('message', () => {
  // What does not end in time is ended with the thread.
  void Promise.allSettled(sessions.map((session) => session.stop())).then(() => port.close());
});
