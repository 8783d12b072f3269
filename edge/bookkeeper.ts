/**
 * What is done inside one of the writer's transactions: readings become facts, facts are journaled, rules decide, and
 * their state, alerts and outgoing messages are written with them. Staff actions and what the bridge asks enter the
 * same way (requests.ts). It never begins or ends a transaction; `writer.ts` does.
 *
 * In memory it keeps caches only: `load` reads them again after a transaction that failed.
 */
import type { Database } from 'better-sqlite3';
import type { Alert } from './contracts/alerts.ts';
import { HubError } from './contracts/errors.ts';
import type { EventType } from './contracts/events.ts';
import { eventId } from './contracts/ids.ts';
import type { AcceptedReading, Delivery, Receipt, Refusal } from './contracts/intake.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Kind } from './contracts/readings.ts';
import type { Handshake } from './contracts/sessions.ts';
import { addDropped, type DroppedCounts, type Dropping, newsOf, TOLD_MS } from './dropping.ts';
import { DeadLetters } from './journal/dead-letters.ts';
import type { Now } from './journal/elapsed-clock.ts';
import { EventLog } from './journal/event-log.ts';
import { Remembered } from './journal/remembered.ts';
import { idsWithin, Repeats } from './journal/repeats.ts';
import { Replication } from './journal/replication.ts';
import { LAST_SALVAGE_KEY, SALVAGED_KEY } from './journal/salvage.ts';
import { SessionStore } from './journal/session-store.ts';
import { alertPayload, alertTopic } from './notify/alert-topics.ts';
import { Outbox, type OutMessage } from './notify/outbox.ts';
import { AlertTable } from './rules/alert-table.ts';
import { RuleEngine } from './rules/engine.ts';
import { type RulesConfig, rulesOf } from './rules/registry.ts';
import type { Decision, RuleEvent } from './rules/rule.ts';
import { sense } from './sensing/sense.ts';
import type { Sensed } from './sensing/sensed.ts';
import type { Level } from './sensing/shelf-level.ts';
import { judgeTime } from './sensing/time-judgement.ts';

export interface BookkeeperOptions {
  readonly hub: string;
  readonly planogram: readonly Facing[];
  readonly rules: RulesConfig;
  readonly version: string;
  readonly configHash: string;
  /** Bytes of used pages and write-ahead log. */
  readonly diskBudget: number;
  /** `cloud`: whether there is a head office to send to. */
  readonly retention: { readonly cloud: boolean };
}

/** The delivery makes facts, and nothing can be stored now. */
class Unstorable extends Error {}

export class Bookkeeper {
  readonly options: BookkeeperOptions;
  readonly #db: Database;
  readonly log: EventLog;
  readonly #remembered: Remembered;
  readonly #repeats: Repeats;
  readonly letters: DeadLetters;
  readonly replication: Replication;
  readonly outbox: Outbox;
  readonly sessions: SessionStore;
  readonly alerts: AlertTable;
  readonly engine: RuleEngine;
  readonly #facings: ReadonlyMap<string, Facing>;
  now: Now = { elapsed: 0, wall: 0 };
  #synced = false;

  /** Something of this transaction is not in the database yet, or would be missed after a crash. */
  dirty = false;
  /** What this batch sends out, which alerts it changed, and whose repeats had other content. */
  out: OutMessage[] = [];
  changed: Alert[] = [];
  conflicting: Partial<Record<Kind, number>> = {};

  constructor(db: Database, options: BookkeeperOptions) {
    this.#db = db;
    this.options = options;
    this.#facings = new Map(options.planogram.map((facing) => [facing.shelf, facing]));
    this.log = new EventLog(db);
    this.#remembered = new Remembered(db, {
      keeps: (kind, key) => kind === 'buffer' || (kind === 'level' && this.#facings.has(key)),
    });
    this.#repeats = new Repeats(db, idsWithin(options.diskBudget));
    this.letters = new DeadLetters(db, options.diskBudget);
    this.replication = new Replication(db);
    this.outbox = new Outbox(db);
    this.sessions = new SessionStore(db);
    this.alerts = new AlertTable(db);
    this.engine = new RuleEngine(db, {
      rules: rulesOf(options.rules),
      views: { facing: (shelf) => this.#facings.get(shelf), level: (shelf) => this.#level(shelf) },
      decide: (decision, rule, causes) => this.#decide(decision, rule, causes),
      woken: (rule, key) => this.append('local.wake.v1', `rules/${rule}`, key, JSON.stringify({ rule, key })),
    });
  }

  /** (Re)reads everything that is kept in memory. */
  load(): void {
    this.log.load();
    this.#remembered.load();
    this.#repeats.load();
    this.letters.load();
    this.engine.load();
    this.clearBatch();
  }

  /** Forgets what the last batch left to be told. */
  clearBatch(): void {
    this.out = [];
    this.changed = [];
    this.conflicting = {};
    this.log.appended.clear();
  }

  /** A transaction begins: its time, and whether the wall clock is to be believed. */
  begin(now: Now, synced: boolean): void {
    this.now = now;
    this.#synced = synced;
    this.dirty = false;
  }

  /** Writes what is only in memory yet. */
  flush(): void {
    this.engine.flush();
    this.#remembered.flush();
    this.#repeats.flush(this.now.elapsed);
    this.log.flush(this.now);
  }

  /** Sensing states given up since start, because there were too many. */
  get forgotten(): number {
    return this.#remembered.forgotten;
  }

  get lettersExpired(): number {
    return this.letters.expired;
  }

  /** Ended alerts and dead letters that are past their time. */
  forgetOld(): void {
    this.alerts.forgetOld(this.now.wall);
    this.letters.expire(this.now);
    const { dropping } = this;
    if (!dropping || this.now.elapsed - dropping.elapsed < TOLD_MS) return;
    const lies = this.options.retention.cloud && this.#db.prepare('SELECT 1 FROM drops LIMIT 1').get() !== undefined;
    if (lies) return;
    this.#remembered.set('buffer', 'dropped', null);
    this.dirty = true;
  }

  /** What was to go out when the last run ended, and every open alert. */
  leftovers(): { out: OutMessage[]; open: Alert[] } {
    return { out: this.outbox.waiting(), open: this.alerts.open() };
  }

  /** First transaction of a run: identity, the planogram's changes, another chance for quarantined keys. Throws JOURNAL_OTHER_HUB. */
  open(): void {
    this.dirty = true;
    const meta = this.#db.prepare('SELECT value FROM meta WHERE key = ?');
    const setMeta = this.#db.prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    const hub = (meta.get('hub') as { value: string } | undefined)?.value;
    if (hub !== undefined && hub !== this.options.hub) {
      throw new HubError(
        'JOURNAL_OTHER_HUB',
        `this journal belongs to hub ${hub}, the configuration says ${this.options.hub}`,
      );
    }
    if (hub === undefined) setMeta.run('hub', this.options.hub);
    if (this.log.incarnation === '') this.log.openIncarnation('new database', this.now);
    this.engine.release();
    const before = JSON.parse((meta.get('planogram') as { value: string } | undefined)?.value ?? '{}') as Record<
      string,
      Facing
    >;
    for (const shelf of new Set([...Object.keys(before), ...this.#facings.keys()])) {
      if (JSON.stringify(before[shelf]) === JSON.stringify(this.#facings.get(shelf))) continue;
      // A shelf that is new and has not been heard of concerns no rule yet.
      if (before[shelf] === undefined && this.#level(shelf) === undefined) continue;
      this.journal('local.planogram.changed.v1', 'config', shelf, { shelf });
    }
    setMeta.run('planogram', JSON.stringify(Object.fromEntries(this.#facings)));
    this.#tellSalvage();
  }

  /** The journal had to be salvaged before this start: rules get their open alerts back, staff hear of it once. */
  #tellSalvage(): void {
    const said = this.#db.prepare('DELETE FROM meta WHERE key = ? RETURNING value').pluck().get(SALVAGED_KEY);
    if (typeof said !== 'string') return;
    this.engine.adopt(this.alerts.open());
    this.#db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(LAST_SALVAGE_KEY, said);
    this.journal('local.journal.salvaged.v1', 'journal', this.options.hub, JSON.parse(said));
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

  /** As last told to the rules; it outlives a restart. */
  get bufferLevel(): 'high' | 'normal' {
    return this.#remembered.get('buffer', 'level') === 'high' ? 'high' : 'normal';
  }

  /** The disk budget became full of what head office does not have (a share of it), or has room again. */
  bufferChanged(level: 'high' | 'normal', filled: number): void {
    this.#remembered.set('buffer', 'level', level);
    const { cloud } = this.options.retention;
    const data = { level, percent: Math.round(filled * 100), cloud };
    this.journal('local.buffer.changed.v1', 'journal', this.options.hub, data);
  }

  /** What was dropped for want of room lately. */
  get dropping(): Dropping | undefined {
    return (this.#remembered.get('buffer', 'dropped') as Dropping | null | undefined) ?? undefined;
  }

  /** In the transaction that drops them. */
  noteDropped(dropped: DroppedCounts): void {
    if (Object.keys(dropped).length === 0) return;
    this.#remembered.set('buffer', 'dropped', addDropped(this.dropping, dropped, this.now.wall, this.now.elapsed));
    this.dirty = true;
  }

  /** Lets the rules know when dropping began, grew or is over. */
  tellDropping(filled: number): void {
    const news = this.dropping && newsOf(this.dropping, this.now.elapsed);
    if (!news) return;
    this.#remembered.set('buffer', 'dropped', news);
    if (!news.isOver) this.#remembered.set('buffer', 'level', 'high');
    this.journal('local.buffer.changed.v1', 'journal', this.options.hub, {
      level: this.bufferLevel,
      percent: Math.round(filled * 100),
      cloud: this.options.retention.cloud,
      dropped: news.counts,
      since: new Date(news.since).toISOString(),
      over: news.isOver,
    });
  }

  /** Runs every wake that is due. */
  runDue(): void {
    if (this.engine.runDue(this.now)) this.dirty = true;
  }

  /** Keeps a refusal as a dead letter. */
  refuse(refusal: Refusal): Receipt {
    this.dirty = true;
    return { outcome: 'refused', letter: this.letters.keep(refusal, this.now) };
  }

  /**
   * One delivery; nothing means: accepted, one reading, not a repeat. With `refusing`, the reason why nothing can be
   * stored now, only what needs no storing is accepted: repeats, levels that did not change. Nothing is written then.
   */
  deliver(delivery: Delivery, synced: boolean, refusing: string | undefined): Receipt | undefined {
    const before = this.#remembered.get('time', delivery.device) as number | undefined;
    let latest = before;
    // A gateway's array tells of many subjects, in any order: within it, only the same subject can be history.
    const within = new Map<string, number>();
    let repeated = 0;
    try {
      for (const reading of delivery.readings) {
        if (this.#isRepeat(delivery.kind, reading, refusing !== undefined)) {
          repeated += 1;
          continue;
        }
        const last = within.get(reading.subject) ?? before;
        const judged = judgeTime(reading.time, delivery.received, last, synced);
        if (judged.lastTime !== undefined) within.set(reading.subject, judged.lastTime);
        if (judged.lastTime !== undefined && (latest === undefined || judged.lastTime > latest))
          latest = judged.lastTime;
        const sensed = sense(
          {
            kind: delivery.kind,
            device: delivery.device,
            subject: reading.subject,
            body: reading.body,
            history: judged.history,
          },
          { recall: (kind, key) => this.#remembered.get(kind, key), facing: (shelf) => this.#facings.get(shelf) },
        );
        if (refusing !== undefined && (sensed.facts.length > 0 || sensed.remember.length > 0)) throw new Unstorable();
        this.#apply(sensed, delivery, judged);
      }
    } catch (error) {
      if (error instanceof Unstorable) return { outcome: 'not-stored', reason: refusing ?? '' };
      throw error;
    }
    if (latest !== before && refusing === undefined) this.#remembered.set('time', delivery.device, latest);
    if (repeated === 0 && delivery.readings.length === 1) return undefined;
    return { outcome: 'accepted', accepted: delivery.readings.length - repeated, repeated };
  }

  /** A QoS 2 publish was stored: the same one, sent again, is not. */
  note(handshake: Handshake): void {
    this.dirty = true;
    this.sessions.note(handshake, this.now);
  }

  #isRepeat(kind: Kind, reading: AcceptedReading, onlyLook: boolean): boolean {
    if (reading.identity === undefined) return false;
    const verdict = onlyLook
      ? this.#repeats.look(reading.identity, reading.body, this.now.elapsed)
      : this.#repeats.see(reading.identity, reading.body, this.now.elapsed);
    if (verdict === 'conflicting') this.conflicting[kind] = (this.conflicting[kind] ?? 0) + 1;
    return verdict !== 'new';
  }

  #apply(sensed: Sensed, delivery: Delivery, judged: ReturnType<typeof judgeTime>): void {
    for (const [kind, key, value] of sensed.remember) {
      this.#remembered.set(kind, key, value);
      this.dirty = true;
    }
    for (const fact of sensed.facts) {
      this.dirty = true;
      const { sequence } = this.log.append({
        type: fact.type,
        source: delivery.device,
        subject: fact.subject,
        time: judged.time,
        received: delivery.received,
        quality: judged.quality,
        history: judged.history,
        data: fact.data,
      });
      if (!this.engine.wants(fact.type)) continue;
      const data = JSON.parse(fact.data) as Record<string, unknown>;
      this.engine.onEvent(
        { id: this.#idOf(sequence), type: fact.type, subject: fact.subject, history: judged.history, data },
        this.now,
      );
    }
  }

  /** Journals a decision; an alert's change also goes into the table and the outbox. */
  #decide(decision: Decision, rule: string, causes: readonly string[]): RuleEvent {
    const data = { ...decision.data, events: causes };
    const id = this.append(decision.type, `rules/${rule}`, decision.subject, JSON.stringify(data));
    if (decision.type.startsWith('retail.alerts.')) {
      const {
        by: _,
        reason: __,
        minutes: ___,
        ...alert
      } = data as unknown as Alert & { by?: string; reason?: string; minutes?: number };
      this.alerts.put(alert, this.now.wall);
      this.out.push(this.outbox.add(alertTopic(alert), alertPayload(alert), true));
      this.changed.push(alert);
    }
    return { id, type: decision.type, subject: decision.subject, history: false, data };
  }

  /** Journals an event of the hub's own and lets the rules see it. */
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void {
    const id = this.append(type, source, subject, JSON.stringify(data));
    if (this.engine.wants(type)) this.engine.onEvent({ id, type, subject, history: false, data }, this.now);
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
    return this.#idOf(sequence);
  }

  #idOf(sequence: number): string {
    return eventId(this.options.hub, this.log.incarnation, sequence);
  }

  /** What the hub knows of a shelf, if it is about the product that the planogram puts there. */
  #level(shelf: string): Level | undefined {
    const level = this.#remembered.get('level', shelf) as Level | undefined;
    return level && level.gtin === this.#facings.get(shelf)?.gtin ? level : undefined;
  }
}
