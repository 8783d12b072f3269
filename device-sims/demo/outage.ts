/** The link to head office is cut for a while: the buffer grows, the shop goes on, the buffer drains. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Store } from '../harness/store.ts';
import { waitUntil } from '../harness/wait-until.ts';
import type { Link } from '../link/tcp-proxy.ts';
import type { Narrator } from './narrator.ts';

const edgeStatus = z.object({ buffer: z.object({ events: z.number(), bytes: z.number(), oldest_age_s: z.number() }) });
const bridgeStatus = z.object({ state: z.string(), reason: z.string().nullish() });

export type Buffer = z.infer<typeof edgeStatus>['buffer'];

export async function bufferOf(store: Store): Promise<Buffer> {
  return edgeStatus.parse(await store.get(`${store.httpUrl}/status`)).buffer;
}

export async function bridgeState(store: Store): Promise<{ state: string; reason: string }> {
  const { state, reason } = bridgeStatus.parse(await store.get(`${store.bridgeUrl}/status`));
  return { state, reason: reason ?? '' };
}

export async function bufferLine(store: Store): Promise<string> {
  const { events, oldest_age_s } = await bufferOf(store);
  const { state, reason } = await bridgeState(store);
  return `${events} events wait, the oldest for ${Math.round(oldest_age_s)} s; bridge: ${reason || state}`;
}

export interface Outage {
  /** The most events that waited. */
  readonly peak: number;
  /** Seconds from healing until nothing older than a moment waited. */
  readonly drainedIn: number;
}

export async function outage(
  { store, link, narrator, signal }: { store: Store; link: Link; narrator: Narrator; signal: AbortSignal },
  lengthMs: number,
): Promise<Outage> {
  link.cut();
  narrator.say('link', `the link to head office is cut for ${Math.round(lengthMs / 1000)} s; the shop goes on`);
  let peak = 0;
  const looks = 4;
  for (let look = 0; look < looks; look += 1) {
    await sleep(lengthMs / looks, undefined, { signal });
    narrator.say('buffer', await bufferLine(store));
    peak = Math.max(peak, (await bufferOf(store)).events);
  }
  link.heal();
  const healed = performance.now();
  narrator.say('link', 'the link is healed');
  const drained = async () => {
    const { events, oldest_age_s } = await bufferOf(store);
    return events === 0 || oldest_age_s < 1.5;
  };
  await waitUntil('the buffer to drain', drained, { timeoutMs: 60_000, everyMs: 100, signal });
  const drainedIn = (performance.now() - healed) / 1000;
  narrator.say('buffer', `drained ${drainedIn.toFixed(1)} s after healing`);
  return { peak, drainedIn };
}
