/**
 * Proof of play. With each offer a listening page gets a ticket, good for one report that the offer was really to be
 * seen. A ticket cannot be made up, used twice, used for another zone, or for longer than it has been out; while the
 * offer stays, the next one is good after ten minutes. What does not fit is refused and counted, never recorded.
 *
 * Tickets live in memory: a page whose hub was restarted gets a new one, and what was not reported by then is not
 * counted. Proof may be too little, never too much.
 */
import { randomBytes } from 'node:crypto';
import { placesOf } from './live-readers.ts';

export const PLAY_REFUSALS = ['unknown', 'used', 'other-zone', 'too-long', 'too-soon', 'too-many'] as const;
export type PlayRefusal = (typeof PLAY_REFUSALS)[number];

export interface Ticket {
  readonly zone: string;
  readonly offer: string;
  /** Network address of the page. */
  readonly address: string;
  /** Monotonic ms. */
  readonly given: number;
  /** While the offer stays, no report before this. */
  readonly notBefore: number;
  /** The page no longer listens, or has a newer one: this long a last report is taken. */
  lapses: number | undefined;
}

/** A screen reports this often while an offer stays. */
const REPORT_MS = 600_000;
/** Clocks of screens, and the way through the network. */
const SLACK_MS = 15_000;
/** A screen that lost its hub brings its last report when it is back. */
const LAST_REPORT_MS = 900_000;
const MOST_USED = 1000;

export interface TicketsOptions {
  /** Pages that may listen at the same time. */
  readonly pages: number;
  /** Monotonic ms. */
  readonly now: () => number;
}

export class PlayTickets {
  readonly #pages: number;
  readonly #now: () => number;
  readonly #tickets = new Map<string, Ticket>();
  /** Ids of the latest used ones, to tell a repeat from a forgery. */
  readonly #used = new Set<string>();
  /** Reports that may come now; each minute as many more as there may be pages. */
  #allowance: number;
  #allowedAt: number;
  readonly refused: Record<PlayRefusal, number> = {
    ...{ unknown: 0, used: 0, 'other-zone': 0, 'too-long': 0, 'too-soon': 0, 'too-many': 0 },
  };

  constructor({ pages, now }: TicketsOptions) {
    this.#pages = pages;
    this.#now = now;
    this.#allowance = pages;
    this.#allowedAt = now();
  }

  /** A ticket for an offer that a page is to show. `again`: it has just reported, and the offer stays. */
  give(zone: string, offer: string, address: string, again = false): string {
    const given = this.#now();
    const notBefore = again ? given + REPORT_MS - SLACK_MS : given;
    const id = randomBytes(16).toString('base64url');
    this.#tickets.set(id, { zone, offer, address, given, notBefore, lapses: undefined });
    return id;
  }

  /** A page came back and shows still what its ticket is for: whether that is good. */
  resume(id: string, zone: string, offer: string): boolean {
    const ticket = this.#tickets.get(id);
    if (ticket?.zone !== zone || ticket.offer !== offer) return false;
    ticket.lapses = undefined;
    return true;
  }

  /** Its page is gone, or has another one now. */
  lapse(id: string): void {
    const ticket = this.#tickets.get(id);
    if (!ticket) return;
    const now = this.#now();
    ticket.lapses = now + LAST_REPORT_MS;
    // Behind those that lapsed before, so that the oldest stand first.
    this.#tickets.delete(id);
    this.#tickets.set(id, ticket);
    this.#forget(ticket.address, now);
  }

  /** Takes a ticket for a report of so many seconds. `shown`: the offer that the zone shows now. */
  take(id: string, zone: string, seconds: number, shown: string | undefined): Ticket | PlayRefusal {
    const verdict = this.#judge(id, zone, seconds, shown);
    if (typeof verdict === 'string') {
      this.refused[verdict] += 1;
      return verdict;
    }
    this.#tickets.delete(id);
    this.#used.add(id);
    const [oldest] = this.#used;
    if (this.#used.size > MOST_USED && oldest !== undefined) this.#used.delete(oldest);
    return verdict;
  }

  /** It could not be recorded: the page may try again. */
  putBack(id: string, ticket: Ticket): void {
    this.#used.delete(id);
    this.#tickets.set(id, ticket);
    this.#allowance += 1;
  }

  #judge(id: string, zone: string, seconds: number, shown: string | undefined): Ticket | PlayRefusal {
    if (this.#used.has(id)) return 'used';
    const ticket = this.#tickets.get(id);
    const now = this.#now();
    if (!ticket || (ticket.lapses ?? now) < now) return 'unknown';
    if (ticket.zone !== zone) return 'other-zone';
    if (seconds * 1000 > now - ticket.given + SLACK_MS) return 'too-long';
    if (ticket.offer === shown && now < ticket.notBefore) return 'too-soon';
    return this.#isAllowed(now) ? ticket : 'too-many';
  }

  #isAllowed(now: number): boolean {
    const more = ((now - this.#allowedAt) / 60_000) * this.#pages;
    this.#allowance = Math.min(this.#pages, this.#allowance + more);
    this.#allowedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }

  /** Lapsed ones: those past their time, and the oldest where one address or all have too many. */
  #forget(address: string, now: number): void {
    const lapsed = [...this.#tickets].filter(([, { lapses }]) => lapses !== undefined);
    for (const [id, { lapses }] of lapsed) if ((lapses ?? now) < now) this.#tickets.delete(id);
    const ofAddress = lapsed.filter(([, ticket]) => ticket.address === address);
    for (const [id] of ofAddress.slice(0, -placesOf(address, this.#pages))) this.#tickets.delete(id);
    for (const [id] of lapsed.slice(0, -2 * this.#pages)) this.#tickets.delete(id);
  }
}
