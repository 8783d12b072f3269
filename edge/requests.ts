/**
 * What is asked of the bookkeeper beside readings: staff act on alerts, the bridge reserves and acknowledges, an
 * operator resumes, the broker keeps what a restart must not forget, the hub's heart beats. Each is journaled or
 * written inside the writer's transaction.
 */
import type { Bookkeeper } from './bookkeeper.ts';
import { maskName } from './codecs/without-name.ts';
import { endConsent, forgetShopper } from './consent-ends.ts';
import { type Alert, type AlertCommand, hasEnded } from './contracts/alerts.ts';
import { maskCardData } from './contracts/card-data.ts';
import { HubError } from './contracts/errors.ts';
import type { SourcePosition } from './contracts/intake.ts';
import type { Claim, ClaimAnswer } from './contracts/offers.ts';
import type { Answer, Request } from './crossing.ts';
import { hearDevices } from './device-news.ts';
import type { DroppedData } from './journal/drops.ts';
import { positionOf } from './journal/positions.ts';
import { judgeClaim } from './rules/claims.ts';

/**
 * Does it, and answers. Throws what is not an answer but a fault. With `refusing`, the reason why no facts are taken now,
 * tills and screens are told so, too; what the hub is run with is done all the same.
 */
export function answer(books: Bookkeeper, request: Request, refusing?: string): Answer {
  try {
    return { ok: true, value: perform(books, request, refusing) };
  } catch (error) {
    // Whoever asked cannot be answered by a hub that must begin anew.
    if (error instanceof HubError && error.code !== 'SHOPPERS_DAMAGED')
      return { ok: false, code: error.code, message: error.message };
    throw error;
  }
}

function perform(books: Bookkeeper, request: Request, refusing: string | undefined): unknown {
  switch (request.op) {
    case 'act':
      return act(books, request.command);
    case 'beat':
      return beat(books, request);
    case 'discard': {
      const removed = books.letters.remove(request.letter);
      if (removed) books.dirty = true;
      return removed;
    }
    case 'delivered':
      books.outbox.remove(request.ids);
      return undefined;
    case 'reserve':
      books.dirty = true;
      return books.replication.reserve(request.request, books.log, (data) => dropped(books, data));
    case 'acknowledge':
      books.dirty = true;
      return books.replication.acknowledge(request.request, books.log);
    case 'refill':
      books.replication.refill(request.request, books.log);
      return resumed(books, 'refill', request.request.reason);
    case 'new-incarnation': {
      const { acked, reason } = request.request;
      books.replication.drops.journalOpen((data) => dropped(books, data));
      books.engine.flush();
      const incarnation = books.replication.newIncarnation(books.options.hub, books.log, acked, reason, books.now);
      books.engine.load();
      resumed(books, 'new-incarnation', reason);
      return { incarnation };
    }
    case 'resumed':
      return resumed(books, request.request.mode, request.request.reason);
    case 'claim':
      return claim(books, request.claim, refusing);
    case 'offer-seen':
      return seen(books, request.offer, refusing);
    case 'offer-played':
      return played(books, request, refusing);
    case 'erase':
      return erase(books, request.shopper);
    case 'heard':
      hearDevices(books, request.devices, refusing === undefined);
      return undefined;
    case 'position':
      return books.remembered.get('position', request.source);
    case 'positions':
      return positions(books, request.prefix);
    case 'forget-positions':
      for (const source of request.sources) books.remembered.set('position', source, null);
      books.dirty = true;
      return undefined;
    case 'sessions':
      books.dirty = true;
      books.sessions.apply(request.changes, books.now);
      return undefined;
  }
}

function positions(books: Bookkeeper, prefix: string): SourcePosition[] {
  return books.remembered
    .keys('position')
    .filter((source) => source.startsWith(prefix))
    .map((source) => ({ source, value: String(books.remembered.get('position', source)) }));
}

/** A drop becomes an event; returns its position. */
function dropped(books: Bookkeeper, data: DroppedData): number {
  books.append('retail.devices.dropped.v1', 'journal', data.stream, JSON.stringify(data));
  return positionOf(books.log.ordinal, books.log.allHeads().devices);
}

function resumed(books: Bookkeeper, mode: 'refill' | 'new-incarnation' | 'repartition', reason: string): void {
  books.journal('retail.devices.resumed.v1', 'bridge', books.options.hub, { mode, reason });
}

function beat(books: Bookkeeper, request: Extract<Request, { op: 'beat' }>): void {
  const { version, configHash, hub, retention } = books.options;
  // Without a cloud no bridge ever reserves.
  if (!retention.cloud) books.replication.drops.journalOpen((data) => dropped(books, data));
  books.journal('retail.devices.heartbeat.v1', 'hub', hub, {
    version,
    config: configHash,
    buffer: request.buffer,
    clock: request.synced ? 'synced' : 'unsynced',
  });
}

function claim(
  books: Bookkeeper,
  { shopper: pseudonym = '', till, transaction, ...said }: Claim,
  refusing: string | undefined,
): ClaimAnswer {
  const { business_day, code, campaign, operator } = said;
  const shopper = pseudonym === '' ? undefined : books.shoppers.keyed(pseudonym);
  // As sales are kept, so that the receipt of a claim is that of its sale: without card data and pseudonyms.
  const kept = (text: string): string => maskName(maskCardData(text), pseudonym);
  const asked = {
    ...{ till: kept(till), transaction: kept(transaction), business_day, code, shopper },
    ...{ campaign: campaign && kept(campaign), operator: operator === pseudonym ? '***' : operator && kept(operator) },
  };
  const { decisions, answer } = judgeClaim(asked, books.deciding('claims'), books.now);
  // What it was answered before it is answered still.
  if (decisions.length > 0) demandRoom(refusing);
  for (const decision of decisions) books.decide(decision, 'claims');
  return answer;
}

function demandRoom(refusing: string | undefined): void {
  if (refusing !== undefined) throw new HubError('NOT_STORED', refusing);
}

/**
 * A shopper's offer is seen once, however often the device says so, and by nobody without consent; one of a zone as often
 * as somebody shows it.
 */
function seen(books: Bookkeeper, id: string, refusing: string | undefined): boolean {
  const offer = books.offers.get(id);
  if (!offer || offer.state === 'withdrawn') return false;
  const { audience, campaign, zone, shopper } = offer;
  if (audience === 'shopper') {
    if (shopper === undefined || !books.shoppers.consented(shopper)) return false;
    if ((offer.seen ?? 0) > 0) return true;
  }
  demandRoom(refusing);
  const data = { offer: id, campaign, zone, ...(shopper !== undefined && { shopper }) };
  books.decide({ type: 'retail.offers.seen.v1', subject: campaign, data }, 'phone');
  return true;
}

function played(
  books: Bookkeeper,
  { offer: id, screen, seconds }: Extract<Request, { op: 'offer-played' }>,
  refusing: string | undefined,
): boolean {
  const offer = books.offers.get(id);
  if (offer?.audience !== 'zone') return false;
  demandRoom(refusing);
  const { campaign, zone } = offer;
  books.decide(
    { type: 'retail.offers.played.v1', subject: campaign, data: { offer: id, campaign, zone, screen, seconds } },
    'screen',
  );
  return true;
}

/**
 * A person is erased: consent ends, which withdraws what is open; head office gets the tombstone; what rules and the
 * offer book know under the keyed pseudonym goes. The key itself is destroyed after the commit.
 */
function erase(books: Bookkeeper, pseudonym: string): boolean {
  return books.shoppers.erase(pseudonym, (shopper, had) => {
    endConsent(books, shopper, () => {
      // The last that the person hears is what ends with it.
      const data = { granted: false, scope: 'offers', shopper };
      if (had) books.journal('retail.shoppers.consent.v1', 'erase', shopper, data);
    });
    books.journal('retail.shoppers.erased.v1', 'erase', shopper, { shopper });
    forgetShopper(books, shopper);
  });
}

/** A staff action: a local command that the alert's rule obeys. */
function act(
  books: Bookkeeper,
  command: AlertCommand,
): { outcome: 'done' | 'ended'; alert: Alert } | { outcome: 'unknown' } {
  const alert = books.alerts.get(command.alert);
  if (!alert) return { outcome: 'unknown' };
  if (hasEnded(alert.state)) {
    const repeats =
      (command.action === 'dismiss' && alert.state === 'dismissed') ||
      (command.action === 'resolve' && alert.state === 'resolved');
    return { outcome: repeats ? 'done' : 'ended', alert };
  }
  books.journal('local.command.alert.v1', 'staff', alert.subject, {
    ...command,
    rule: alert.rule,
    subject: alert.subject,
  });
  return { outcome: 'done', alert: books.alerts.get(command.alert) ?? alert };
}
