/**
 * One day of the simulated supermarket (2,500 shoppers, 8,000 articles) without devices, its ledger written to a file:
 * how long it takes, and that the same seed gives the same bytes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import type { BenchContext, Measurement } from './context.ts';
import { median, type Outcome } from './report.ts';

const PROGRAM = fileURLToPath(new URL('../sim/main.js', import.meta.url));
const EVENTS = 60_000;

export const simDay: Measurement = {
  name: 'sim-day',
  about: 'a day of the simulated supermarket without devices, and the same ledger twice',
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const seconds: number[] = [];
  const hashes = new Set<string>();
  let events = 0;
  let bytes = 0;
  for (let round = 0; round < (context.quick ? 2 : 5); round += 1) {
    const ledger = join(context.folder, `sim-day-${round}.jsonl`);
    const begun = performance.now();
    const args = [PROGRAM, 'run', '--world', 'supermarket', '--seed', '7', '--ledger', ledger];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`the simulated day ended with ${code}`);
    seconds.push((performance.now() - begun) / 1000);
    const hash = createHash('sha256');
    await pipeline(createReadStream(ledger), hash);
    hashes.add(hash.digest('hex'));
    if (round > 0) continue;
    bytes = statSync(ledger).size;
    for await (const _ of createInterface({ input: createReadStream(ledger) })) events += 1;
  }
  if (hashes.size !== 1) throw new Error(`the same seed gave ${hashes.size} different ledgers`);
  if (events < EVENTS) throw new Error(`the day had ${events} events only, not ${EVENTS}`);
  const whole = median(seconds);
  return {
    name: simDay.name,
    lines: [
      { what: 'simulated supermarket day', unit: 's', measured: whole, atLeast: { value: 60 }, wanted: { value: 10 } },
      { what: 'its ledger, records written', unit: '/s', measured: events / whole },
    ],
    raw: { seconds, events, bytes, hash: [...hashes] },
    remarks: [],
  };
}
