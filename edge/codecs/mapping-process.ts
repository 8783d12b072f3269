/**
 * The process in which JSONata is evaluated, one frame at a time, for all mapped devices. An expression may loop or grow
 * without end: who started this process kills it then (mapping-pool.ts). Nothing here can be relied on to answer. It is
 * no thread, because one that runs out of memory takes its whole process with it.
 */
import { isUtf8 } from 'node:buffer';
import { Worker } from 'node:worker_threads';
import jsonata from 'jsonata';
import type { DevicePlace } from '../contracts/devices.ts';
import { nestsDeeperThan } from './nesting.ts';

/** What an expression may know of its device. */
export type MappedDevice = DevicePlace & { readonly name: string; readonly model?: string | undefined };

export type ToMapping =
  | {
      readonly is: 'learn';
      readonly lane: number;
      readonly device: MappedDevice;
      /** Kind of reading and expression. */
      readonly expressions: readonly (readonly [kind: string, expression: string])[];
    }
  | { readonly is: 'forget'; readonly lane: number }
  | {
      readonly is: 'map';
      readonly lane: number;
      readonly bytes: Uint8Array;
      readonly topic: string | undefined;
      readonly received: number;
    };

export type FromMapping =
  | { readonly is: 'ready' }
  /** Kind and JSON text of what the expression gave. */
  | { readonly is: 'mapped'; readonly results: readonly (readonly [kind: string, json: string])[] }
  | {
      readonly is: 'failed';
      readonly kind: string;
      readonly code: string;
      readonly position: number | undefined;
      readonly message: string;
    };

const DEEPEST = 64;
const LARGEST_RESULT = 1_048_576;
/** Of calls within calls, and of what an expression may gather. */
const LIMITS = { stack: 500, sequence: 100_000 };

interface Lane {
  readonly device: MappedDevice;
  readonly expressions: readonly (readonly [kind: string, expression: string])[];
  /** By kind, from their first use on. */
  readonly compiled: Map<string, jsonata.Expression>;
}

const lanes = new Map<number, Lane>();
const NOBODY: Lane = { device: { name: '' }, expressions: [], compiled: new Map() };

/** In a thread of its own: where an expression loops, nothing else would notice that nobody waits for it any more. */
const WATCH = `
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, 1000);
`;
new Worker(WATCH, { eval: true, name: 'watch' }).unref();

process.on('message', async (message: ToMapping) => {
  if (message.is === 'learn') {
    lanes.set(message.lane, { device: message.device, expressions: message.expressions, compiled: new Map() });
  } else if (message.is === 'forget') lanes.delete(message.lane);
  else send(await map(message));
});
send({ is: 'ready' });

function send(message: FromMapping): void {
  process.send?.(message);
}

async function map({ lane, bytes, topic, received }: Extract<ToMapping, { is: 'map' }>): Promise<FromMapping> {
  const { device, expressions, compiled } = lanes.get(lane) ?? NOBODY;
  const results: (readonly [string, string])[] = [];
  let at = '';
  try {
    const input = { payload: payloadOf(bytes), topic, device, received };
    for (const [kind, text] of expressions) {
      at = kind;
      const expression = compiled.get(kind) ?? jsonata(text, LIMITS);
      compiled.set(kind, expression);
      const json = jsonOf(await expression.evaluate(input));
      if (json === undefined) continue;
      if (json.length > LARGEST_RESULT)
        return { is: 'failed', kind, code: '', position: undefined, message: 'it gives more than 1 MiB' };
      results.push([kind, json]);
    }
    return { is: 'mapped', results };
  } catch (thrown) {
    const { code = '', position, message = String(thrown) } = thrown as Partial<jsonata.JsonataError>;
    return { is: 'failed', kind: at, code, position, message };
  }
}

/** Undefined: nothing. Throws where the value is no JSON. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    throw new Error('it gives what is no JSON, such as a function');
  }
}

/** JSON if it is, else text; bytes that are no text are hex. */
function payloadOf(bytes: Uint8Array): unknown {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) return buffer.toString('hex');
  const text = buffer.toString('utf8');
  if (nestsDeeperThan(DEEPEST, buffer)) return text;
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    return text;
  }
}
