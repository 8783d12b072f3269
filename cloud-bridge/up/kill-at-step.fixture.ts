/**
 * A bridge process that kills itself (-9) right after a protocol step:
 * `node kill-at-step.fixture.js <config as JSON> [step] [how many times the step is survived]`.
 * Without a step it is an ordinary bridge.
 */
import { runBridge } from '../main.ts';

const [config = '', step, survived = '0'] = process.argv.slice(2);
let left = Number(survived);

await runBridge(JSON.parse(config), new AbortController().signal, {
  transactionTimeout: 5_000,
  observe: (completed) => {
    if (completed !== step) return;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
    left -= 1;
  },
});
