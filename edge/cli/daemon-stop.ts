/**
 * How a daemon is told to stop: heard from its first moment on, so that a stop while it still loads is a stop, too. One
 * that cannot end in time (a journal that is being opened or brought up to date, a disk that does not answer) is ended:
 * what it was doing is a transaction, and the next start finds it done or not begun.
 */

/** Before the service manager loses its patience (TimeoutStopSec). */
const LONGEST_STOP_MS = 12_000;

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process as usual. */
export function daemonStop(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    setTimeout(() => process.kill(process.pid, signal), LONGEST_STOP_MS).unref();
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return stop.signal;
}

export function isDaemon(words: readonly string[]): boolean {
  return words.includes('edge') || (words.includes('bridge') && !words.includes('resume'));
}
