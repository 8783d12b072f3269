/** The end of the demo: what the journal holds, what head office holds, and what `store-hub verify` says of it. */
import { z } from 'zod';
import { waitUntil } from '../harness/wait-until.ts';
import type { Cast } from './cast.ts';
import type { HeadOffice } from './head-office.ts';
import { bufferOf } from './outage.ts';
import { type JournalEvent, judgeHeadOffice, judgeStore, parseExport } from './score.ts';
import { SETTLE_MS, type Stage } from './stage.ts';

export interface Proof {
  readonly journal: readonly JournalEvent[];
  /** What `store-hub verify` said; absent without Kafka. */
  readonly verified: boolean | undefined;
  /** What is not as it must be, one sentence each. */
  readonly faults: readonly string[];
}

const verifySchema = z.looseObject({ ok: z.boolean(), hubs: z.array(z.unknown()) });

/** Undefined when verify found everything complete, else what it said. */
async function verify({ store }: Stage, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout, stderr } = await store.run(['verify', '--hub', store.hub, '--json'], { signal });
  signal.throwIfAborted();
  if (code !== 0) return stdout.trim() || stderr.trim();
  const { ok, hubs } = verifySchema.parse(JSON.parse(stdout));
  return ok && hubs.length > 0 ? undefined : stdout.trim();
}

async function exported({ store }: Stage, signal: AbortSignal): Promise<JournalEvent[]> {
  const { code, stdout, stderr } = await store.run(['journal', 'export'], { signal });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`store-hub journal export ended with ${code}: ${stderr}`);
  return parseExport(stdout);
}

async function readByHeadOffice(
  office: HeadOffice,
  journal: readonly JournalEvent[],
  signal: AbortSignal,
): Promise<string[]> {
  const arrived = () => office.failure !== undefined || journal.every(({ id }) => office.records.has(id));
  // What is missing after that is named by the judgement.
  await waitUntil('head office to have read it', arrived, { timeoutMs: 10_000, signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (office.failure) return [`head office's reader ended: ${office.failure.message}`];
  return judgeHeadOffice(journal, office.records, office.repeated);
}

export async function prove(stage: Stage, cast: Cast, signal: AbortSignal): Promise<Proof> {
  const { ledger, tally, watch, office } = cast;
  const buffered = async () => (await bufferOf(stage.store)).events;
  if (office) {
    const empty = async () => (await buffered()) === 0;
    await waitUntil('the buffer to be empty', empty, { timeoutMs: 30_000, signal });
  }
  const journal = await exported(stage, signal);
  const faults = judgeStore({ ledger, tally, alerts: watch.alerts, journal, settleMs: SETTLE_MS });
  if (!office) {
    const events = await buffered();
    if (events !== journal.length) faults.push(`the buffer holds ${events} events, the journal ${journal.length}`);
    return { journal, verified: undefined, faults };
  }
  faults.push(...(await readByHeadOffice(office, journal, signal)));
  const refusal = await verify(stage, signal);
  if (refusal !== undefined) faults.push(`store-hub verify: ${refusal}`);
  return { journal, verified: refusal === undefined, faults };
}
