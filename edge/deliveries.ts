/**
 * One delivery inside the writer's transaction: who is named is admitted with consent only, repeats are told from new
 * readings, times are judged, sensing makes facts of what is left, and those are journaled and seen by the rules.
 */
import type { Bookkeeper } from './bookkeeper.ts';
import { endConsent } from './consent-ends.ts';
import type { AcceptedReading, Counts, Delivery, Part, Receipt, SourcePosition } from './contracts/intake.ts';
import type { Kind } from './contracts/readings.ts';
import { sense } from './sensing/sense.ts';
import type { Sensed } from './sensing/sensed.ts';
import { judgeTime } from './sensing/time-judgement.ts';
import { deviceOf, isGrant } from './shoppers.ts';

/** The delivery makes facts, and nothing can be stored now. */
class Unstorable extends Error {}

/**
 * One delivery; nothing means: accepted, one reading, not a repeat. With `refusing`, the reason why nothing can be
 * stored now, only what needs no storing is accepted: repeats, levels that did not change. Nothing is written then;
 * but with `takesWithdrawals`, when it is the budget that is used up and not the disk, that somebody withdraws consent
 * is: a person must be able to, as they can be erased. A frame of several parts is accepted when all of them are.
 */
export function deliver(
  books: Bookkeeper,
  delivery: Delivery,
  synced: boolean,
  refusing: string | undefined,
  takesWithdrawals = false,
): Receipt | undefined {
  const first = deliverPart(books, delivery, delivery.position, synced, refusing, takesWithdrawals);
  if (delivery.also === undefined || first?.outcome === 'not-stored') return first;
  const of = [countsOf(first)];
  for (const part of delivery.also) {
    const receipt = deliverPart(books, part, undefined, synced, refusing, takesWithdrawals);
    // Nothing of it is written: what is refused now was refused for all.
    if (receipt?.outcome === 'not-stored') return receipt;
    of.push(countsOf(receipt));
  }
  const [accepted, repeated] = [sum(of.map((one) => one.accepted)), sum(of.map((one) => one.repeated))];
  return { outcome: 'accepted', accepted, repeated, of };
}

function countsOf(receipt: Receipt | undefined): Counts {
  return receipt?.outcome === 'accepted' ? receipt : { accepted: 1, repeated: 0 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function deliverPart(
  books: Bookkeeper,
  delivery: Part,
  position: SourcePosition | undefined,
  synced: boolean,
  refusing: string | undefined,
  takesWithdrawals: boolean,
): Receipt | undefined {
  // Samples: they are never late, nor twice, and while nothing can be stored the next ones will tell the same.
  if (delivery.kind === 'rfid') {
    if (refusing === undefined) {
      books.items.see(delivery, books);
      keepPosition(books, position);
    }
    return acceptedAll(delivery);
  }
  // As long as sightings are not taken in, time in which a reader was at work proves nothing of what it did not see.
  if (delivery.kind === 'status') {
    if (refusing === undefined) books.items.status(delivery, books);
    else if (books.items.isNews(delivery)) return { outcome: 'not-stored', reason: refusing };
  }
  const device = deviceOf(delivery);
  const before = books.remembered.get('time', device) as number | undefined;
  let latest = before;
  // A gateway's array tells of many subjects, in any order: within it, only the same subject can be history.
  const within = new Map<string, number>();
  let repeated = 0;
  let isLeftOut = false;
  try {
    for (const told of delivery.readings) {
      const reading = told.shopper === undefined ? told : admitted(books, delivery.kind, told);
      if (reading === undefined) continue;
      const isKnown = isRepeat(books, delivery.kind, reading, refusing !== undefined);
      if (isKnown && !(delivery.kind === 'consent' && books.shoppers.takesConsent(reading))) {
        repeated += 1;
        continue;
      }
      const last = within.get(reading.subject) ?? before;
      const byTime = judgeTime(reading.time, delivery.received, last, synced);
      // What a device kept for later says nothing about how late it is.
      const judged = reading.history === true ? { ...byTime, history: true, lastTime: last } : byTime;
      if (judged.lastTime !== undefined) within.set(reading.subject, judged.lastTime);
      if (judged.lastTime !== undefined && (latest === undefined || judged.lastTime > latest)) latest = judged.lastTime;
      if (delivery.kind === 'consent') {
        // Nothing is noted of one that waits: when all are sent again, those taken now are no news.
        if (refusing !== undefined && !(takesWithdrawals && !isGrant(reading))) isLeftOut = true;
        else consent(books, reading, device, delivery.received, judged);
        continue;
      }
      const sensed = sense(
        {
          kind: delivery.kind,
          device,
          subject: reading.subject,
          body: reading.body,
          history: judged.history,
          elapsed: books.now.elapsed,
        },
        { recall: (kind, key) => books.remembered.get(kind, key), facing: (shelf) => books.facings.get(shelf) },
      );
      if (refusing !== undefined && (sensed.facts.length > 0 || sensed.remember.length > 0)) throw new Unstorable();
      if (delivery.kind === 'presence' && !judged.history) books.shoppers.sight(reading, books.now.elapsed);
      apply(books, sensed, device, delivery.received, judged);
    }
  } catch (error) {
    if (error instanceof Unstorable) return { outcome: 'not-stored', reason: refusing ?? '' };
    throw error;
  }
  // A source that goes on behind a position that is not kept would lose the right to begin there again.
  const isUnmarked = position !== undefined && delivery.readings.length > 0;
  if (isLeftOut || (refusing !== undefined && isUnmarked)) return { outcome: 'not-stored', reason: refusing ?? '' };
  if (refusing === undefined) keepPosition(books, position);
  if (latest !== before && refusing === undefined) books.remembered.set('time', device, latest);
  return acceptedAll(delivery, repeated);
}

export function keepPosition(books: Bookkeeper, position: SourcePosition | undefined): void {
  if (position === undefined) return;
  books.remembered.set('position', position.source, position.value);
  books.dirty = true;
}

function acceptedAll({ readings }: Part, repeated = 0): Receipt | undefined {
  if (repeated === 0 && readings.length === 1) return undefined;
  return { outcome: 'accepted', accepted: readings.length - repeated, repeated };
}

function isRepeat(books: Bookkeeper, kind: Kind, reading: AcceptedReading, onlyLook: boolean): boolean {
  if (reading.identity === undefined) return false;
  const verdict = onlyLook
    ? books.repeats.look(reading.identity, reading.body, books.now.elapsed)
    : books.repeats.see(reading.identity, reading.body, books.now.elapsed);
  if (verdict === 'conflicting') books.conflicting[kind] = (books.conflicting[kind] ?? 0) + 1;
  return verdict !== 'new';
}

/** A reading that names a shopper, as far as it may be kept. Moments without consent are counted, by zones of the shop. */
function admitted(books: Bookkeeper, kind: Kind, reading: AcceptedReading): AcceptedReading | undefined {
  const admitted = books.shoppers.admit(kind, reading);
  if (admitted === undefined && kind === 'presence') {
    const { zone, present } = JSON.parse(reading.body) as { zone: string; present: boolean };
    if (present) books.noOffer(books.views.zones.includes(zone) ? zone : '', '', 'no-consent');
  }
  return admitted;
}

/** The latest word by receipt wins, whatever the device's own time. */
function consent(
  books: Bookkeeper,
  reading: AcceptedReading,
  device: string,
  received: number,
  judged: ReturnType<typeof judgeTime>,
): void {
  const told = books.shoppers.tell(reading);
  if (books.shoppers.isPending) books.dirty = true;
  if (!told) return;
  const { shopper, data } = told;
  const fact = { type: 'retail.shoppers.consent.v1' as const, subject: shopper, data };
  const journal = (): void =>
    apply(books, { facts: [fact], remember: [] }, device, received, { ...judged, history: false });
  if (told.granted) {
    journal();
    return;
  }
  endConsent(books, shopper, journal);
}

function apply(
  books: Bookkeeper,
  sensed: Sensed,
  device: string,
  received: number,
  judged: ReturnType<typeof judgeTime>,
): void {
  for (const [kind, key, value] of sensed.remember) {
    books.remembered.set(kind, key, value);
    books.dirty = true;
  }
  for (const fact of sensed.facts) {
    books.dirty = true;
    const { sequence } = books.log.append({
      type: fact.type,
      source: device,
      subject: fact.subject,
      time: judged.time,
      received,
      quality: judged.quality,
      history: judged.history,
      data: fact.data,
    });
    const { type, subject } = fact;
    if (!books.engine.wants(type, fact.data, subject)) continue;
    const data = JSON.parse(fact.data) as Record<string, unknown>;
    const { history } = judged;
    books.engine.onEvent({ id: books.idOf(sequence), type, source: device, subject, history, data }, books.now);
  }
}
