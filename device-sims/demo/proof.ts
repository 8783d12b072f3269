/** The end of the demo: what the journal holds, what head office holds, and what `store-hub verify` says of it. */
import { z } from 'zod';
import { waitUntil } from '../harness/wait-until.ts';
import { HubStory, parseEvent } from '../score/hub-story.ts';
import { scoreOf } from '../score/score.ts';
import type { Score } from '../score/score-file.ts';
import type { Cast } from './cast.ts';
import type { HeadOffice } from './head-office.ts';
import { judgeOffers, type OfferScore } from './offer-score.ts';
import { bufferOf } from './outage.ts';
import { type JournalEvent, judgeHeadOffice, judgeShop, parseExport } from './score.ts';
import type { Stage } from './stage.ts';
import { judgeTraces } from './traces.ts';

export interface Verified {
  readonly ok: boolean;
  readonly gaps: number;
  readonly duplicates: number;
  /** Its own output, for when it is not ok. */
  readonly text: string;
}

export interface Proof {
  readonly journal: readonly JournalEvent[];
  readonly score: Score;
  readonly offers: OfferScore;
  /** Places where somebody is named who must not be. */
  readonly traces: readonly string[];
  /** What `store-hub verify` found; absent without Kafka. */
  readonly verified: Verified | undefined;
  /** What is not as it must be, one sentence each. */
  readonly faults: readonly string[];
}

const countsSchema = z.looseObject({ gaps: z.number(), duplicates: z.number() });
const verifySchema = z.looseObject({
  ok: z.boolean(),
  hubs: z.array(z.looseObject({ streams: z.record(z.string(), countsSchema) })),
});

async function verify({ store }: Stage, signal: AbortSignal): Promise<Verified> {
  const { code, stdout, stderr } = await store.run(['verify', '--hub', store.hub, '--json'], { signal });
  signal.throwIfAborted();
  const text = stdout.trim() || stderr.trim();
  // Without a report, as when Kafka cannot be reached, there is nothing to count.
  if (stdout.trim() === '') return { ok: false, gaps: 0, duplicates: 0, text };
  const { ok, hubs } = verifySchema.parse(JSON.parse(stdout));
  const streams = hubs.flatMap((hub) => Object.values(hub.streams));
  const sum = (key: 'gaps' | 'duplicates') => streams.reduce((total, stream) => total + stream[key], 0);
  const clean = sum('gaps') === 0 && sum('duplicates') === 0;
  return {
    ok: code === 0 && ok && streams.length > 0 && clean,
    gaps: sum('gaps'),
    duplicates: sum('duplicates'),
    text,
  };
}

/** A command of the hub to its end; what it printed. */
async function printed({ store }: Stage, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await store.run(args, { signal });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`store-hub ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
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

/** The same clock for both: what the hub said, at the shop's time. */
function scored(cast: Cast, exported: string): Score {
  const hub = new HubStory(cast.pace.simulated);
  for (const line of exported.split('\n')) if (line !== '') hub.take(parseEvent(line));
  return scoreOf(cast.afternoon.truth, hub);
}

export async function prove(stage: Stage, cast: Cast, signal: AbortSignal): Promise<Proof> {
  const { afternoon, campaigns, equipment, app, baskets } = cast;
  const { office } = stage;
  const buffered = async () => (await bufferOf(stage.store)).events;
  if (office) {
    const empty = async () => (await buffered()) === 0;
    await waitUntil('the buffer to be empty', empty, { timeoutMs: 30_000, signal });
  }
  const before = await buffered();
  const exported = await printed(stage, ['journal', 'export'], signal);
  const journal = parseExport(exported);
  const score = scored(cast, exported);
  const faults = judgeShop(score, equipment.tally);
  const { answers } = equipment;
  const { shelvesBy } = afternoon.world.floor;
  const shelves = new Map(
    [...shelvesBy].map(
      ([
        name,
        {
          zone,
          product: { gtin },
        },
      ]) => [name, { zone, gtin }],
    ),
  );
  const offers = judgeOffers({ campaigns, answers, shown: app.shown, baskets, journal, shelves });
  const { dataDir, edge, bridge } = stage.store;
  const consented = new Set([...answers].flatMap(([name, isGranted]) => (isGranted ? [name] : [])));
  const traces = await judgeTraces(consented, dataDir, [...edge.lines, ...bridge.lines]);
  faults.push(...offers.faults, ...traces);
  const found = { journal, score, offers, traces, faults };
  if (!office) {
    // The hub still notes that lines are unplugged.
    const after = await buffered();
    if (journal.length < before || journal.length > after)
      faults.push(`the buffer holds ${before} to ${after} events, the journal ${journal.length}`);
    return { ...found, verified: undefined };
  }
  faults.push(...(await readByHeadOffice(office, journal, signal)));
  const verified = await verify(stage, signal);
  if (!verified.ok) faults.push(`store-hub verify: ${verified.text}`);
  return { ...found, verified };
}
