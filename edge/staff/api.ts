/** What staff may see and do by HTTP: alerts, actions on them, the live stream, and the state of the hub. */
import type { FastifyInstance } from 'fastify';
import { type Alert, type AlertAction, type AlertCommand, alertActions } from '../contracts/alerts.ts';
import type { OffersReport } from '../contracts/offers.ts';
import { Problem } from '../ops/problem.ts';
import { acceptEmptyBodies, badBody } from './bodies.ts';
import { type LiveCounters, LiveReaders, openStream } from './live-readers.ts';

export type ActionOutcome =
  /** Committed, or it had been done before. */
  | { readonly outcome: 'done'; readonly alert: Alert }
  /** It is dismissed or resolved: nothing changes any more. */
  | { readonly outcome: 'ended'; readonly alert: Alert }
  | { readonly outcome: 'unknown' };

/** What the staff room needs of the rest of the hub. */
export interface StaffDesk {
  /** Name of the hub, as the page shows it. */
  readonly hub: string;
  /** Those that have not ended; with `all` also those that ended in the last 24 h. */
  alerts(all: boolean): readonly Alert[];
  /** Campaigns and their effect, why there was no offer, what was flagged. */
  offers(): OffersReport;
  /** Resolves after the commit; rejects with HubError NOT_STORED when it cannot be stored. */
  act(command: AlertCommand): Promise<ActionOutcome>;
  /** Calls `listener` with each alert that changed, after the commit; returns what ends that. */
  onAlert(listener: (alert: Alert) => void): () => void;
  /** The body of `GET /status`. */
  status(): object;
}

const ALERT_ID = /^[A-Za-z0-9_-]{26}$/;

function isAction(name: string): name is AlertAction {
  return Object.hasOwn(alertActions, name);
}

function commandOf(id: string, action: string, body: unknown): AlertCommand {
  if (!isAction(action)) {
    throw new Problem(404, `there is no action ${action}: use ${Object.keys(alertActions).join(', ')}`);
  }
  if (!ALERT_ID.test(id)) throw new Problem(404, 'there is no such alert');
  const parsed = alertActions[action].safeParse(body ?? {});
  if (!parsed.success) throw badBody(parsed.error);
  return { alert: id, action, ...parsed.data };
}

function alertRoutes(app: FastifyInstance, desk: StaffDesk): void {
  app.get<{ Querystring: { state?: string } }>('/api/alerts', (request, reply) => {
    const { state } = request.query;
    if (state !== undefined && state !== 'all') throw new Problem(400, 'state: the only value is `all`');
    return reply.header('cache-control', 'no-store').send(desk.alerts(state === 'all'));
  });

  app.post<{ Params: { id: string; action: string } }>('/api/alerts/:id/:action', async (request) => {
    const { id, action } = request.params;
    const result = await desk.act(commandOf(id, action, request.body));
    if (result.outcome === 'unknown') throw new Problem(404, 'there is no such alert');
    if (result.outcome === 'ended') {
      throw new Problem(409, `this alert is ${result.alert.state} already`, { members: { alert: result.alert } });
    }
    return result.alert;
  });
}

function liveRoute(app: FastifyInstance, desk: StaffDesk, mostReaders: number, counters: LiveCounters): void {
  const readers = new LiveReaders(counters);
  let unsubscribe = (): void => {};
  app.addHook('onReady', async () => {
    readers.start();
    unsubscribe = desk.onAlert((alert) => readers.send('alerts', alert));
  });
  app.addHook('preClose', async () => {
    unsubscribe();
    readers.stop();
  });
  app.get('/api/live', { exposeHeadRoute: false }, (request, reply) => {
    const address = request.ip ?? '';
    if (!readers.hasRoom(address, mostReaders)) {
      throw new Problem(503, 'too many pages are listening already', { headers: { 'retry-after': '30' } });
    }
    readers.add(openStream(reply), address, { hub: desk.hub, time: new Date().toISOString() });
  });
}

export interface StaffOptions {
  readonly desk: StaffDesk;
  /** Pages that may listen at the same time, default 100. */
  readonly liveReaders?: number;
  readonly liveCounters?: LiveCounters;
}

/** A plugin: `app.register(staffApi, { desk })`. */
export function staffApi(app: FastifyInstance, options: StaffOptions, done: () => void): void {
  const { desk, liveReaders = 100, liveCounters = { stalled: 0, turnedAway: 0 } } = options;
  acceptEmptyBodies(app);
  alertRoutes(app, desk);
  liveRoute(app, desk, liveReaders, liveCounters);
  app.get('/api/offers', (_request, reply) => reply.header('cache-control', 'no-store').send(desk.offers()));
  app.get('/status', (_request, reply) => reply.header('cache-control', 'no-store').send(desk.status()));
  done();
}
