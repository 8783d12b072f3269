/** The demo: an afternoon of the simulated supermarket, its hub, and head office's Kafka behind a link that is cut on the way. */
import { messageOf } from '../../edge/contracts/errors.ts';
import { cleanup } from './cleanup.ts';
import { narrator } from './narrator.ts';
import { type DemoOptions, parseOptions, USAGE } from './options.ts';
import { perform } from './performance.ts';

/** Aborts on Ctrl-C, on a request to stop, and when whoever started the demo is gone. */
function stopSignal(): { signal: AbortSignal; exitCode: () => number } {
  const stop = new AbortController();
  let code = 130;
  const on = (signal: NodeJS.Signals, exit: number): void => {
    process.on(signal, () => {
      code = exit;
      stop.abort(new Error('stopped'));
    });
  };
  on('SIGINT', 130);
  on('SIGTERM', 143);
  on('SIGHUP', 129);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop.abort(new Error('stopped'));
  }, 1_000).unref();
  return { signal: stop.signal, exitCode: () => code };
}

async function main(): Promise<number> {
  let options: DemoOptions | undefined;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}\n`);
    return 2;
  }
  if (!options) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const voice = narrator((line) => process.stdout.write(`${line}\n`), colours);
  // A reader such as `head` may have left: go on and clean up.
  process.stdout.on('error', () => undefined);
  const undo = cleanup();
  const { signal, exitCode } = stopSignal();
  let code: number;
  try {
    const faults = await perform(options, { narrator: voice, cleanup: undo, signal });
    for (const fault of faults) voice.say('fault', fault);
    code = faults.length > 0 ? 1 : 0;
  } catch (error) {
    code = signal.aborted ? exitCode() : 1;
    if (signal.aborted) voice.say('setup', 'stopping everything');
    else voice.say('fault', messageOf(error));
  }
  for (const fault of await undo.run()) {
    voice.say('fault', `cleaning up: ${fault}`);
    code ||= 1;
  }
  return code;
}

process.exitCode = await main();
// Everything is undone; a socket that a library still holds must not keep the program.
setTimeout(() => process.exit(), 2_000).unref();
