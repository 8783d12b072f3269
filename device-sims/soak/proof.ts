/** The end of a soak: everything acknowledged, everything drained, and proved to be at head office exactly once. */
import { z } from 'zod';
import { runCommand } from '../bench/store.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { Devices } from './devices.ts';
import { lostBetween, lostLines, unsent } from './faults-table.ts';
import { bufferedEvents, type Stage } from './stage.ts';

const DRAIN_MS = 1_200_000;
const READ_MS = 120_000;

const counts = z.looseObject({ gaps: z.number(), duplicates: z.number(), dropped: z.number() });
const report = z.looseObject({
  ok: z.boolean(),
  hubs: z.array(z.looseObject({ streams: z.record(z.string(), counts) })),
});

export interface Verified {
  readonly ok: boolean;
  readonly gaps: number;
  readonly duplicates: number;
  readonly dropped: number;
}

export interface Proof {
  readonly sent: number;
  readonly acknowledged: number;
  readonly arrived: number;
  readonly lost: number;
  readonly twice: number;
  readonly late: number;
  readonly unsent: number;
  readonly dropped: number;
  readonly incarnations: number;
  readonly events: number;
  readonly drainedIn: number;
  readonly verified: Verified | undefined;
  /** What is not as it must be, one sentence each. */
  readonly faults: readonly string[];
}

export async function prove(stage: Stage, all: readonly Devices[], say: (text: string) => void): Promise<Proof> {
  const { office, store } = stage;
  const faults: string[] = [];
  say('the devices send nothing new and wait for their last acknowledgements');
  const finals = await Promise.all(
    all.map(async (devices, index) => ({
      run: devices.run,
      line: await (index === 0 ? devices.finish() : devices.done()),
    })),
  );
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
  const sent = finals.reduce((total, { line }) => total + sum(line.sent), 0);
  const acknowledged = finals.reduce((total, { line }) => total + sum(line.acknowledged), 0);
  if (acknowledged < sent) faults.push(`${sent - acknowledged} readings were never acknowledged`);
  const begun = performance.now();
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      faults.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const empty = async () => (await bufferedEvents(store)) === 0;
  await attempt('the drain', () => waitUntil('the buffer to drain', empty, { timeoutMs: DRAIN_MS, everyMs: 200 }));
  const drainedIn = (performance.now() - begun) / 1000;
  say(`drained in ${drainedIn.toFixed(1)} s; head office reads to the end`);
  const lost = (): number =>
    finals.reduce((total, { run, line }) => total + lostBetween(office.ledger, run, [], line.acknowledged), 0);
  // What is missing after that is told below.
  await waitUntil('', () => lost() === 0, { timeoutMs: READ_MS, everyMs: 500 }).catch(() => undefined);
  const { arrived, again, late } = office.ledger.totals();
  const extra = finals.reduce((total, { run, line }) => total + unsent(office.ledger, run, line.sent), 0);
  const missing = lost();
  if (missing > 0) faults.push(`${missing} acknowledged readings are not at head office`);
  faults.push(...finals.flatMap(({ run, line }) => lostLines(office.ledger, run, line.acknowledged)).slice(0, 20));
  if (again > 0) faults.push(`${again} readings are at head office twice`);
  if (extra > 0) faults.push(`${extra} readings are at head office that nobody sent`);
  if (office.dropped > 0) faults.push(`${office.dropped} drop records: events were given up on purpose`);
  faults.push(...office.faults);
  if (office.faultCount > office.faults.length) faults.push(`and ${office.faultCount} such sentences in all`);
  say('store-hub verify reads everything again');
  let verified: Verified | undefined;
  await attempt('store-hub verify', async () => {
    verified = totals(await runCommand(store, 'verify', '--hub', store.hub, '--json'));
    const { ok, gaps, duplicates, dropped } = verified;
    if (!ok || gaps + duplicates + dropped > 0) throw new Error(JSON.stringify(verified));
  });
  for (const daemon of [stage.bridge, stage.edge]) {
    faults.push(...daemon.unasked);
    const { code, signal } = await daemon.end('SIGTERM');
    if (code !== 0) faults.push(`a daemon ended with ${signal ?? `code ${code}`} after SIGTERM`);
  }
  return {
    sent,
    acknowledged,
    arrived,
    lost: missing,
    twice: again,
    late,
    unsent: extra,
    dropped: office.dropped,
    incarnations: office.incarnations,
    events: office.events,
    drainedIn,
    verified,
    faults,
  };
}

function totals(text: string): Verified {
  const { ok, hubs } = report.parse(JSON.parse(text));
  const streams = hubs.flatMap((hub) => Object.values(hub.streams));
  const sum = (key: 'gaps' | 'duplicates' | 'dropped') => streams.reduce((total, stream) => total + stream[key], 0);
  return { ok, gaps: sum('gaps'), duplicates: sum('duplicates'), dropped: sum('dropped') };
}
