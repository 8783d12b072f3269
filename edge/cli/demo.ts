/** `demo`: starts the simulated shop as a process of its own, hands it every stop signal and takes its exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { HubError } from '../contracts/errors.ts';
import { inRange, wholeNumber } from './settings.ts';

interface DemoOptions {
  readonly offline?: boolean;
  readonly minutes: number;
  readonly seed?: number;
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('the whole thing on simulated devices, with a real local Kafka')
    .option('--offline', 'without Kafka: the bridge buffers')
    .option('--minutes <n>', 'how long', inRange(0.5, 120), 2)
    .option('--seed <n>', 'another day in the same shop', wholeNumber(0, 2 ** 32 - 1))
    .addHelpText('after', '\nExamples:\n  store-hub demo\n  store-hub demo --offline --minutes 10')
    .action(demo);
}

async function demo(options: DemoOptions): Promise<void> {
  const script = fileURLToPath(new URL('../../device-sims/demo/main.js', import.meta.url));
  if (!existsSync(script)) throw new HubError('NOT_FOUND', `${script} is missing: the demo needs the built program`);
  const { minutes, seed, offline } = options;
  const args = [
    script,
    ...['--minutes', String(minutes)],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
    ...(offline ? ['--offline'] : []),
  ];
  // A group of its own: Ctrl-C reaches this process only, which hands it on once. The pipe on stdin ends with us.
  const child = spawn(process.execPath, args, { detached: true, stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin?.on('error', () => undefined);
  const handOn = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handOn);
  try {
    const [code, signal]: (number | string | null)[] = await once(child, 'exit');
    process.exitCode = typeof code === 'number' ? code : signal === 'SIGINT' ? 130 : 1;
  } finally {
    for (const signal of signals) process.off(signal, handOn);
    child.stdin?.destroy();
  }
}
