/**
 * Free TCP ports on loopback, below the range that the kernel hands to outgoing connections: a port from that range
 * may be taken by somebody's client while a killed server is away, and then the server cannot come back.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const LOWEST = 15_000;
const HIGHEST = 32_000;

export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

/** One free port. It is not held: start what needs it soon, and try again when somebody else was faster. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST}`);
}

/** The wanted port when nobody has it, else another free one. */
export async function portNear(wanted: number): Promise<number> {
  return (await isFree(wanted)) ? wanted : freePort();
}
