/** The link to head office is cut for a while: the buffer grows, the shop goes on, the buffer drains. */
import { z } from 'zod';
import type { Store } from '../harness/store.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { Link } from '../link/tcp-proxy.ts';
import type { Narrator } from './narrator.ts';
import { counted } from './words.ts';

const edgeStatus = z.object({ buffer: z.object({ events: z.number(), bytes: z.number(), oldest_age_s: z.number() }) });
const bridgeStatus = z.object({ state: z.string() });

export type Buffer = z.infer<typeof edgeStatus>['buffer'];

export async function bufferOf(store: Store): Promise<Buffer> {
  return edgeStatus.parse(await store.get(`${store.httpUrl}/status`)).buffer;
}

export async function bufferLine(store: Store): Promise<string> {
  const { events } = await bufferOf(store);
  const { state } = bridgeStatus.parse(await store.get(`${store.bridgeUrl}/status`));
  return `${counted(events, 'event')} wait in the shop for head office; its bridge says: ${state}`;
}

export interface Outage {
  /** The most events that waited. */
  readonly peak: number;
  /** Seconds from healing until nothing older than a moment waited. */
  readonly drainedIn: number;
}

export interface OutageOptions {
  readonly store: Store;
  readonly link: Link;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  /** Resolves when it is to be over. */
  readonly over: () => Promise<void>;
}

/** What of the younger events is on its way is no backlog. */
const MOMENT_S = 1.5;

export async function outage({ store, link, narrator, signal, over }: OutageOptions): Promise<Outage> {
  link.cut();
  narrator.say('link', 'the line to head office is dead; the shop goes on');
  await over();
  narrator.say('hub', await bufferLine(store));
  const peak = (await bufferOf(store)).events;
  link.heal();
  const healed = performance.now();
  narrator.say('link', 'the line is back');
  const drained = async () => {
    const { events, oldest_age_s } = await bufferOf(store);
    return events === 0 || oldest_age_s < MOMENT_S;
  };
  await waitUntil('the buffer to drain', drained, { timeoutMs: 60_000, everyMs: 100, signal });
  const drainedIn = (performance.now() - healed) / 1000;
  narrator.say('kafka', `head office has all of it, ${drainedIn.toFixed(1)} s by the wall clock after that`);
  return { peak, drainedIn };
}
