/**
 * What is done inside one of the writer's transactions: readings become facts, facts are journaled, rules decide, and
 * their state, alerts and outgoing messages are written with them. Staff actions and what the bridge asks enter the
 * same way (requests.ts). It never begins or ends a transaction; `writer.ts` does.
 *
 * In memory it keeps caches only: `load` reads them again after a transaction that failed.
 */
import type { Database } from 'better-sqlite3';
import { BUFFER, forgetDropping } from './buffer-news.ts';
import { dayInZone } from './codecs/business-day.ts';
import { catchUp } from './consent-ends.ts';
import type { Alert } from './contracts/alerts.ts';
import type { Campaign, NoOfferReason } from './contracts/campaigns.ts';
import type { DeviceConfig } from './contracts/devices.ts';
import type { EventType } from './contracts/events.ts';
import { eventId, idFor } from './contracts/ids.ts';
import type { Receipt, Refusal } from './contracts/intake.ts';
import type { OpeningHours } from './contracts/opening-hours.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Kind } from './contracts/readings.ts';
import type { Handshake } from './contracts/sessions.ts';
import { NOTHING_TOLD, type Told } from './crossing.ts';
import { carryOut, offersIn, standing, stillGood } from './decisions.ts';
import { LIVENESS, livenessOf } from './device-news.ts';
import { ANTENNAS, Items, type ItemsOptions } from './items.ts';
import { DeadLetters } from './journal/dead-letters.ts';
import type { Now } from './journal/elapsed-clock.ts';
import { EventLog } from './journal/event-log.ts';
import { concealer } from './journal/identity-key.ts';
import { Remembered } from './journal/remembered.ts';
import { idsWithin, Repeats } from './journal/repeats.ts';
import { Replication } from './journal/replication.ts';
import { SessionStore } from './journal/session-store.ts';
import { beginRun } from './new-run.ts';
import { addressed } from './notify/offer-topics.ts';
import { Outbox, type OutMessage } from './notify/outbox.ts';
import { clockIn } from './opening-hours.ts';
import { AlertTable } from './rules/alert-table.ts';
import { RuleEngine } from './rules/engine.ts';
import { OfferBook } from './rules/offer-book.ts';
import { codeMaker } from './rules/offer-code.ts';
import { type RulesConfig, rulesOf } from './rules/registry.ts';
import type { Decision, RuleEvent, Views } from './rules/rule.ts';
import type { Liveness } from './sensing/liveness.ts';
import type { Level } from './sensing/shelf-level.ts';
import { shopViews } from './shop-views.ts';
import { Shoppers } from './shoppers.ts';

export interface BookkeeperOptions {
  readonly hub: string;
  readonly planogram: readonly Facing[];
  readonly rules: RulesConfig;
  readonly campaigns: readonly Campaign[];
  /** Where RFID readers read, and how their sightings are judged. */
  readonly items?: ItemsOptions;
  readonly devices: readonly DeviceConfig[];
  /** IANA name: campaigns run on calendar days of the store. */
  readonly timezone: string;
  readonly hours?: OpeningHours | undefined;
  /** Where shoppers.db lies. */
  readonly dataDir: string;
  /** Of identity-key.ts: codes of coupons are made with it. */
  readonly identityKey: string;
  readonly version: string;
  readonly configHash: string;
  /** Bytes of used pages and write-ahead log. */
  readonly diskBudget: number;
  /** `cloud`: whether there is a head office to send to. */
  readonly retention: { readonly cloud: boolean };
}

export class Bookkeeper {
  readonly options: BookkeeperOptions;
  readonly #db: Database;
  readonly log: EventLog;
  readonly remembered: Remembered;
  readonly repeats: Repeats;
  readonly letters: DeadLetters;
  readonly replication: Replication;
  readonly outbox: Outbox;
  readonly sessions: SessionStore;
  readonly alerts: AlertTable;
  readonly shoppers: Shoppers;
  readonly offers: OfferBook;
  readonly items: Items;
  readonly liveness: Liveness;
  readonly views: Omit<Views, 'newId'>;
  readonly engine: RuleEngine;
  readonly #dayAt: (ms: number) => string;
  readonly campaigns: ReadonlyMap<string, Campaign>;
  readonly facings: ReadonlyMap<string, Facing>;
  now: Now = { elapsed: 0, wall: 0 };
  #synced = false;

  /** Something of this transaction is not in the database yet, or would be missed after a crash. */
  dirty = false;
  /** What this batch sends out, which alerts it changed, and whose repeats had other content. */
  out: OutMessage[] = [];
  changed: Alert[] = [];
  /** Topics of shoppers to whom nothing goes that was to be sent before this batch. */
  silenced: string[] = [];
  /** The offers to shoppers in `out`, by id. */
  offered = new Map<string, OutMessage>();
  #earlier = NOTHING_TOLD;
  conflicting: Partial<Record<Kind, number>> = {};

  constructor(db: Database, options: BookkeeperOptions) {
    this.#db = db;
    this.options = options;
    this.facings = new Map(options.planogram.map((facing) => [facing.shelf, facing]));
    this.log = new EventLog(db);
    this.remembered = new Remembered(db, {
      keeps: (kind, key) =>
        kind === BUFFER ||
        kind === 'position' ||
        kind === LIVENESS ||
        kind === ANTENNAS ||
        (kind === 'level' && this.facings.has(key)),
    });
    this.repeats = new Repeats(db, idsWithin(options.diskBudget));
    this.letters = new DeadLetters(db, options.diskBudget);
    this.replication = new Replication(db);
    this.shoppers = new Shoppers(db, options.dataDir);
    this.outbox = new Outbox(db, (topic) => addressed(topic, (shopper) => this.shoppers.pseudonymOf(shopper)));
    this.offers = new OfferBook(db, codeMaker(options.hub, concealer(options.identityKey)));
    this.items = new Items(db, this.remembered, options.diskBudget, options.items);
    this.campaigns = new Map(options.campaigns.map((campaign) => [campaign.id, campaign]));
    this.#dayAt = dayInZone(options.timezone);
    this.views = shopViews({
      planogram: options.planogram,
      campaigns: options.campaigns,
      dayAt: this.#dayAt,
      level: (shelf) => this.#level(shelf),
      shoppers: this.shoppers,
      offers: this.offers,
      devices: options.devices,
      clockAt: clockIn(options.timezone),
    });
    this.liveness = livenessOf(options, this.remembered);
    this.sessions = new SessionStore(db);
    this.alerts = new AlertTable(db);
    this.engine = new RuleEngine(db, {
      rules: rulesOf(options.rules),
      views: this.views,
      decide: (decision, rule, causes) => carryOut(this, decision, rule, causes),
      noOffer: ({ zone, campaign, reason }) => this.noOffer(zone, campaign, reason),
      woken: (rule, key) => this.append('local.wake.v1', `rules/${rule}`, key, JSON.stringify({ rule, key })),
    });
  }

  /** (Re)reads everything that is kept in memory. */
  load(): void {
    this.log.load();
    this.remembered.load();
    this.repeats.load();
    this.letters.load();
    this.shoppers.load();
    this.offers.load();
    this.items.load();
    this.engine.load();
    this.liveness.load();
    this.#clearBatch();
  }

  /** A batch begins. `earlier`: it is a part of one, and this is what the parts before it have to tell. */
  beginBatch(earlier: Told): void {
    this.#earlier = earlier;
    this.#clearBatch();
  }

  /** Forgets what the batch left to be told. */
  #clearBatch(): void {
    const { out, alerts, silenced } = this.#earlier;
    this.out = [...out];
    this.changed = [...alerts];
    this.silenced = [...silenced];
    this.offered = offersIn(out);
    this.conflicting = {};
    this.log.appended.clear();
  }

  /** A transaction begins: its time, and whether the wall clock is to be believed. */
  begin(now: Now, synced: boolean): void {
    this.now = now;
    this.offers.begin(now);
    this.#synced = synced;
    this.dirty = false;
  }

  /** Writes what is only in memory yet. */
  flush(): void {
    this.engine.flush();
    this.remembered.flush();
    this.repeats.flush(this.now.elapsed);
    this.offers.flush();
    this.log.flush(this.now);
    // Last: what follows is the journal's own commit.
    this.shoppers.flush();
  }

  /** What was flushed is committed. */
  committed(): void {
    this.offers.committed();
  }

  /** Sensing states given up since start, because there were too many. */
  get forgotten(): number {
    return this.remembered.forgotten;
  }

  get lettersExpired(): number {
    return this.letters.expired;
  }

  /** Ended alerts and dead letters that are past their time. */
  forgetOld(): void {
    this.alerts.forgetOld(this.now.wall);
    this.letters.expire(this.now);
    this.offers.forgetOld(this.now);
    forgetDropping(this, this.#db);
  }

  /** What was to go out when the last run ended, every offer that stands on screens, and every open alert. */
  leftovers(): { out: OutMessage[]; open: Alert[] } {
    const zones = this.offers.ofZones().map((offer) => standing(this, offer.id));
    return { out: [...stillGood(this), ...zones.flatMap((message) => message ?? [])], open: this.alerts.open() };
  }

  /** First transaction of a run. Throws JOURNAL_OTHER_HUB. */
  open(): void {
    beginRun(this, this.#db);
  }

  /** The journal follows shoppers.db. `always`: also where nothing says that there is anything to tell. */
  catchUp(always = false): void {
    catchUp(this, always);
  }

  /** The wall clock was set. Epoch ms. */
  clockStepped(step: { from: number; to: number }): void {
    const data = {
      from: new Date(step.from).toISOString(),
      to: new Date(step.to).toISOString(),
      seconds: Math.round((step.to - step.from) / 1000),
    };
    this.journal('retail.devices.clockstepped.v1', 'clock', this.options.hub, data);
  }

  /** When something is to be done without any input, elapsed ms: a wake, a device that falls silent, items that are gone. */
  get dueAt(): number {
    const never = Number.POSITIVE_INFINITY;
    return Math.min(this.engine.nextWake ?? never, this.liveness.nextAt ?? never, this.items.nextSweep ?? never);
  }

  /** Runs wakes that are due; without room for new facts, those that need none. */
  runDue(hasRoom: boolean): void {
    if (this.engine.runDue(this.now, hasRoom)) this.dirty = true;
  }

  /** Keeps a refusal as a dead letter. */
  refuse(refusal: Refusal): Receipt {
    this.dirty = true;
    return { outcome: 'refused', letter: this.letters.keep(refusal, this.now) };
  }

  /** A QoS 2 publish was stored: the same one, sent again, is not. */
  note(handshake: Handshake): void {
    this.dirty = true;
    this.sessions.note(handshake, this.now);
  }

  /** A moment in which somebody could have had an offer and got none. */
  noOffer(zone: string, campaign: string, reason: NoOfferReason): void {
    this.offers.none(this.#dayAt(this.now.wall), zone, campaign, reason);
  }

  /** A decision that no rule's step made, for a till or a screen that waits for it; rules hear of it. */
  decide(decision: Decision, decider: string): RuleEvent {
    const event = carryOut(this, decision, decider, decision.causes ?? []);
    if (this.engine.wants(event.type, JSON.stringify(event.data), event.subject)) this.engine.onEvent(event, this.now);
    return event;
  }

  /** The shop as somebody sees it who decides beside the rules' steps. */
  deciding(decider: string): Views {
    let ids = 0;
    const newId = (): string => {
      ids += 1;
      // The next event's number: nothing else is decided by it.
      return idFor(`${this.idOf(this.log.sequence + 1)}\0${decider}\0${ids}`);
    };
    return { ...this.views, newId };
  }

  /** Journals an event of the hub's own and lets the rules see it. */
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void {
    const id = this.append(type, source, subject, JSON.stringify(data));
    if (this.engine.wants(type, JSON.stringify(data), subject))
      this.engine.onEvent({ id, type, source, subject, history: false, data }, this.now);
  }

  append(type: EventType, source: string, subject: string, data: string): string {
    this.dirty = true;
    const { wall } = this.now;
    const { sequence } = this.log.append({
      type,
      source,
      subject,
      time: wall,
      received: wall,
      quality: this.#synced ? 'ok' : 'hub-unsynced',
      history: false,
      data,
    });
    return this.idOf(sequence);
  }

  idOf(sequence: number): string {
    return eventId(this.options.hub, this.log.incarnation, sequence);
  }

  /** What the hub knows of a shelf, if it is about the product that the planogram puts there. */
  #level(shelf: string): Level | undefined {
    const level = this.remembered.get('level', shelf) as Level | undefined;
    return level && level.gtin === this.facings.get(shelf)?.gtin ? level : undefined;
  }
}
