/**
 * The screen of a zone, as the hub's page on it behaves: it listens to what it is to show (server-sent events), and when
 * an offer goes it reports for how long that was to be seen, with the ticket that came with it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Device, Surroundings } from './device.ts';

const showSchema = z.object({
  show: z.object({ offer: z.string(), text: z.string() }).nullable(),
  play: z.string().nullable(),
});

/** Shorter than this nobody saw it, and the hub does not want to hear of it. Milliseconds. */
const SHORTEST_MS = 5_000;
const RETRY_MS = 1_000;

interface Shown {
  readonly offer: string;
  readonly play: string;
  /** Monotonic ms. */
  readonly since: number;
}

export interface SignageScreen extends Device {
  /** Reports that the hub took. */
  readonly played: number;
}

const NAMED = 'screen-';

export function signageScreen(zone: string, { httpUrl, failed }: Surroundings): SignageScreen {
  const stopping = new AbortController();
  const name = `${NAMED}${zone}`;
  let shown: Shown | undefined;
  let listening: Promise<void> | undefined;
  let played = 0;

  const report = async ({ play, since }: Shown): Promise<void> => {
    const length = performance.now() - since;
    if (length < SHORTEST_MS) return;
    const response = await fetch(`${httpUrl}/api/screens/${zone}/played`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ play, seconds: Math.floor(length / 1000), screen: name }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${name}: its report was answered with ${response.status}: ${text.slice(0, 200)}`);
    played += 1;
  };
  /** Something else is to be shown now, or nothing. */
  const change = async (next: Shown | undefined): Promise<void> => {
    if (shown && shown.offer === next?.offer) return;
    const before = shown;
    shown = next;
    if (!before) return;
    await report(before).catch((error: unknown) => failed(error instanceof Error ? error : new Error(String(error))));
  };
  const take = async (event: string): Promise<void> => {
    const said = /^event: (?:hello|show)$/m.test(event) ? /^data: (.*)$/m.exec(event)?.[1] : undefined;
    if (said === undefined) return;
    const { show, play } = showSchema.parse(JSON.parse(said));
    await change(show && play !== null ? { offer: show.offer, play, since: performance.now() } : undefined);
  };
  const listen = async (): Promise<void> => {
    const response = await fetch(`${httpUrl}/api/screens/${zone}/live`, { signal: stopping.signal });
    if (!response.ok || !response.body) throw new Error(`${name}: listening was answered with ${response.status}`);
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const events = `${text}${chunk}`.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) await take(event);
    }
  };
  const keepListening = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await listen();
      } catch {
        // The hub may be away: the picture stays until it says otherwise.
      }
      await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  return {
    name,
    get played() {
      return played;
    },
    async start() {
      listening = keepListening();
    },
    async stop(patienceMs) {
      // The last report is taken while the page still listens.
      if (patienceMs > 0) await change(undefined);
      shown = undefined;
      stopping.abort();
      await listening;
    },
  };
}
