/**
 * The generator as a program of its own, so that it never shares a thread with what it measures:
 * `node main.js --port 1883 --run a1 [--host H] [--connections 8] [--window 20] [--count N | --seconds N] [--rate N]
 * [--shoppers N]`: one sale of a hundred names one of N shoppers.
 * Prints one line of JSON, and one with `{"second": acknowledged}` for each second before it with `--progress`.
 */
import { parseArgs } from 'node:util';
import { runLoad } from './generator.ts';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '1883' },
    run: { type: 'string', default: `r${Date.now().toString(36)}` },
    connections: { type: 'string', default: '8' },
    window: { type: 'string', default: '20' },
    count: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    shoppers: { type: 'string' },
    progress: { type: 'boolean', default: false },
  },
});

const optional = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

const result = await runLoad({
  host: values.host,
  port: Number(values.port),
  run: values.run,
  connections: Number(values.connections),
  window: Number(values.window),
  count: optional(values.count),
  seconds: optional(values.seconds) ?? (values.count === undefined ? 10 : undefined),
  rate: optional(values.rate),
  shoppers: optional(values.shoppers),
  each: values.progress ? (acknowledged) => console.log(JSON.stringify({ second: acknowledged })) : undefined,
});
console.log(JSON.stringify(result));
if (result.failures.length > 0) process.exitCode = 1;
