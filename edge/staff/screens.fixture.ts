/** A board of screens with its routes on a real server, and the offers and reports in the test's hand. */
import type { FastifyInstance } from 'fastify';
import { createHttp, listenTcp } from '../ops/http.ts';
import { createLogger } from '../ops/logging.ts';
import { staffPages } from './pages.ts';
import { PlayTickets } from './play-tickets.ts';
import { ScreenBoard } from './screen-board.ts';
import { type ScreenDesk, screensApi } from './screens-api.ts';

export const NAMES: Readonly<Record<string, string>> = { '1': 'Spring water 1 l', '2': 'Apple juice 0.75 l' };

export interface Play {
  readonly offer: string;
  readonly screen: string;
  readonly seconds: number;
}

export class TestScreens {
  readonly plays: Play[] = [];
  readonly live = { stalled: 0, turnedAway: 0 };
  /** What the journal says to a report; it may throw. */
  record: () => boolean = () => true;
  wallMs = Date.now();
  monotonicMs: () => number = () => performance.now();
  pages = 8;
  tickets = this.#newTickets();
  board = this.#newBoard();
  app: FastifyInstance | undefined;
  port = 0;

  /** `offer` is 26 characters that begin with the name. */
  show(zone: string, name: string, fields: { gtin?: string; text?: string; expires?: string } = {}): string {
    const id = name.padEnd(26, '0');
    const expires = new Date(this.wallMs + 3 * 86_400_000).toISOString();
    const offer = { id, campaign: 'any', gtin: '1', text: '10 % off today', expires, events: [], ...fields };
    this.board.hear([{ zone, payload: JSON.stringify(offer) }]);
    return id;
  }

  clear(zone: string): void {
    this.board.hear([{ zone, payload: '' }]);
  }

  /** @param prepare what comes before the routes, such as a gate */
  async serve(prepare: (app: FastifyInstance) => void = () => {}): Promise<string> {
    this.app = createHttp({ hosts: [], logger: createLogger('edge', { to: { write: () => {} } }) });
    prepare(this.app);
    const screens = this;
    const desk: ScreenDesk = {
      get board() {
        return screens.board;
      },
      get tickets() {
        return screens.tickets;
      },
      played: async (offer, screen, seconds) => {
        const known = this.record();
        if (known) this.plays.push({ offer, screen, seconds });
        return known;
      },
    };
    await this.app.register(screensApi, { desk, liveReaders: this.pages, liveCounters: this.live });
    staffPages(this.app);
    this.port = await listenTcp(this.app, { host: '127.0.0.1', port: this.port });
    return `http://127.0.0.1:${this.port}`;
  }

  /** A new process: it knows no ticket of the one before. */
  forget(): void {
    this.tickets = this.#newTickets();
    this.board = this.#newBoard();
  }

  async stop(): Promise<void> {
    await this.app?.close();
  }

  #newTickets(): PlayTickets {
    return new PlayTickets({ pages: this.pages, now: () => this.monotonicMs() });
  }

  #newBoard(): ScreenBoard {
    return new ScreenBoard({
      zones: ['beverages', 'fresh food/1'],
      nameOf: (_zone, gtin) => NAMES[gtin],
      dayAt: (ms) => new Date(ms).toISOString().slice(0, 10),
      now: () => this.wallMs,
    });
  }
}

export interface Told {
  readonly event: string;
  readonly data: {
    readonly show: { readonly offer: string; readonly product?: string; readonly until: string } | null;
    readonly play: string | null;
    readonly version?: string;
    readonly time: string;
  };
}

/** A page that listens: what it was told, and what ends it. */
export async function listen(url: string): Promise<{ told: Told[]; next: () => Promise<Told>; close: () => void }> {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  const told: Told[] = [];
  const { body } = response;
  let read = 0;
  const reading = (async () => {
    let text = '';
    for await (const bytes of body) {
      text += Buffer.from(bytes).toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, event = ''] = /^event: (.*)$/m.exec(text.slice(0, end)) ?? [];
        const [, data = '{}'] = /^data: (.*)$/m.exec(text.slice(0, end)) ?? [];
        if (event !== 'ping') told.push({ event, data: JSON.parse(data) });
        text = text.slice(end + 2);
      }
    }
  })();
  reading.catch(() => undefined);
  return {
    told,
    next: async () => {
      for (let tries = 0; told.length <= read && tries < 500; tries += 1) await new Promise((go) => setTimeout(go, 10));
      const one = told[read];
      if (!one) throw new Error('nothing more was told');
      read += 1;
      return one;
    },
    close: () => abort.abort(),
  };
}
