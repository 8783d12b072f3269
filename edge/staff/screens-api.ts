/**
 * The screens of zones: `GET /screen/<zone>` is the page, `GET /api/screens/<zone>/live` tells it what to show, at once
 * and with a ticket, and `POST /api/screens/<zone>/played {play, seconds, screen?}` reports that it really was to be
 * seen. All three are open without a PIN: what they say hangs in the shop anyway, and nobody is identified. How many
 * listen is bounded, apart from staff's pages, and only who listens gets a ticket to report with.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { maskCardData } from '../contracts/card-data.ts';
import { playReportSchema } from '../contracts/offers.ts';
import { Problem } from '../ops/problem.ts';
import { badBody } from './bodies.ts';
import { type LiveCounters, LiveReaders, openStream } from './live-readers.ts';
import { screenPage, webVersion } from './pages.ts';
import type { PlayRefusal, PlayTickets, Ticket } from './play-tickets.ts';
import type { ScreenBoard } from './screen-board.ts';

export interface ScreenDesk {
  readonly board: ScreenBoard;
  readonly tickets: PlayTickets;
  /** Whether there was such an offer; after the commit. Rejects with HubError NOT_STORED when it cannot be stored. */
  played(offer: string, screen: string, seconds: number): Promise<boolean>;
}

export interface ScreensOptions {
  readonly desk: ScreenDesk;
  /** Screens that may listen at the same time. */
  readonly liveReaders: number;
  readonly liveCounters: LiveCounters;
}

const REFUSALS: Readonly<Record<PlayRefusal, [status: number, detail: string]>> = {
  unknown: [404, 'the hub gave no such ticket, or too long ago'],
  used: [409, 'this ticket was used already'],
  'other-zone': [409, 'this ticket was given to a screen of another zone'],
  'too-long': [409, 'this ticket has not been out for so long'],
  'too-soon': [429, 'a screen reports every ten minutes while its offer stays'],
  'too-many': [429, 'more screens report than there can be'],
};

/** A page that listens. */
interface Screen {
  readonly zone: string;
  readonly address: string;
  /** The offer it is to show, and the ticket for that. */
  offer?: string | undefined;
  play?: string | undefined;
}

/** A plugin: `app.register(screensApi, { desk, ... })`. */
export function screensApi(app: FastifyInstance, options: ScreensOptions, done: () => void): void {
  const { board } = options.desk;
  const page = screenPage();
  const screens = new Map<ServerResponse, Screen>();
  const known = (zone: string): string => {
    if (board.zones.includes(zone)) return zone;
    const zones = [...board.zones];
    const which = zone === '' ? 'say which zone: /screen/<zone>' : `there is no zone ${zone}`;
    throw new Problem(404, `${which}; there are ${zones.join(', ') || 'none'}`, { members: { zones } });
  };
  app.get('/screen', () => known(''));
  app.get<{ Params: { zone: string } }>('/screen/:zone', (request, reply) => {
    known(request.params.zone);
    return page(request, reply);
  });
  liveRoute(app, options, screens, known);
  playedRoute(app, options.desk, screens, known);
  done();
}

function liveRoute(
  app: FastifyInstance,
  { desk, liveReaders, liveCounters }: ScreensOptions,
  screens: Map<ServerResponse, Screen>,
  known: (zone: string) => string,
): void {
  const { board, tickets } = desk;
  const readers = new LiveReaders(liveCounters);
  const version = webVersion();
  /** What the screen is to show now, and its ticket; `had`: one that it brings along. */
  const showOn = (screen: Screen, had?: string): object => {
    const shown = board.of(screen.zone);
    if (screen.play !== undefined && screen.offer !== shown?.offer) tickets.lapse(screen.play);
    if (screen.offer !== shown?.offer) {
      const { zone, address } = screen;
      screen.offer = shown?.offer;
      if (!shown) screen.play = undefined;
      else if (had !== undefined && tickets.resume(had, zone, shown.offer)) screen.play = had;
      else screen.play = tickets.give(zone, shown.offer, address);
    }
    return { time: board.now().toISOString(), show: shown ?? null, play: screen.play ?? null };
  };
  let unsubscribe = (): void => {};
  app.addHook('onReady', async () => {
    readers.start();
    unsubscribe = board.onChange((zone) => {
      for (const [response, screen] of screens) {
        if (screen.zone === zone) readers.tell(response, 'show', showOn(screen));
      }
    });
  });
  app.addHook('preClose', async () => {
    unsubscribe();
    readers.stop();
  });
  app.get<{ Params: { zone: string }; Querystring: { play?: unknown } }>(
    '/api/screens/:zone/live',
    { exposeHeadRoute: false, config: { forScreens: true } },
    (request, reply) => {
      const screen: Screen = { zone: known(request.params.zone), address: request.ip ?? '' };
      if (!readers.hasRoom(screen.address, liveReaders)) {
        throw new Problem(503, 'too many screens are listening already', { headers: { 'retry-after': '30' } });
      }
      const { play } = request.query;
      const response = openStream(reply);
      screens.set(response, screen);
      response.on('close', () => {
        screens.delete(response);
        const { play: held } = screen;
        // A page that opened its line anew may hold it already.
        if (held !== undefined && ![...screens.values()].some(({ play }) => play === held)) tickets.lapse(held);
      });
      readers.add(response, screen.address, {
        version,
        ...showOn(screen, typeof play === 'string' ? play : undefined),
      });
    },
  );
}

function playedRoute(
  app: FastifyInstance,
  { board, tickets, played }: ScreenDesk,
  screens: ReadonlyMap<ServerResponse, Screen>,
  known: (zone: string) => string,
): void {
  const holderOf = (play: string): Screen | undefined => [...screens.values()].find((screen) => screen.play === play);

  const record = async (play: string, ticket: Ticket, screen: string, seconds: number): Promise<void> => {
    try {
      if (await played(ticket.offer, maskCardData(screen), seconds)) return;
    } catch (error) {
      tickets.putBack(play, ticket);
      if (!holderOf(play)) tickets.lapse(play);
      throw error;
    }
    throw new Problem(404, 'this offer is too old to be told of');
  };

  app.post<{ Params: { zone: string } }>(
    '/api/screens/:zone/played',
    { config: { forScreens: true } },
    async (request) => {
      const zone = known(request.params.zone);
      const parsed = playReportSchema.safeParse(request.body);
      if (!parsed.success) throw badBody(parsed.error);
      const { play, seconds, screen: name = zone } = parsed.data;
      const ticket = tickets.take(play, zone, seconds, board.of(zone)?.offer);
      if (typeof ticket === 'string') throw refusal(ticket);
      await record(play, ticket, name, seconds);
      const holder = holderOf(play);
      if (!holder) return { play: null };
      holder.play = tickets.give(zone, ticket.offer, ticket.address, true);
      return { play: holder.play };
    },
  );
}

function refusal(why: PlayRefusal): Problem {
  const [status, detail] = REFUSALS[why];
  return new Problem(status, detail, { members: { reason: why } });
}
