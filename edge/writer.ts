/**
 * The writer: one transaction for each batch, in which readings become facts, facts are journaled, rules decide, and
 * their state, alerts and outgoing messages are written with them. It owns the only write connection and runs in a
 * thread of its own; whatever queued during the last fsync is the next batch (group commit).
 *
 * In memory it keeps caches only. After any failed transaction they are read again from the disk: on an error forget,
 * and recompute.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { type Alert, type AlertCommand, hasEnded } from './contracts/alerts.ts';
import { HubError, messageOf } from './contracts/errors.ts';
import type { EventType } from './contracts/events.ts';
import { eventId } from './contracts/ids.ts';
import type { AcceptedReading, Delivery, Receipt } from './contracts/intake.ts';
import type { Facing } from './contracts/planogram.ts';
import type { Kind } from './contracts/readings.ts';
import { type Answer, type Batch, type Figures, type Reply, type Request, Unpacker } from './crossing.ts';
import { JOURNAL_FILE, openForWriting, type Database as WritableDatabase } from './journal/database.ts';
import { DeadLetters } from './journal/dead-letters.ts';
import { ElapsedClock, type Now, type Sources } from './journal/elapsed-clock.ts';
import { EventLog } from './journal/event-log.ts';
import { Remembered } from './journal/remembered.ts';
import { Repeats } from './journal/repeats.ts';
import { Replication } from './journal/replication.ts';
import { Retention, type RetentionOptions } from './journal/retention.ts';
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

export interface WriterOptions {
  readonly dataDir: string;
  readonly hub: string;
  readonly planogram: readonly Facing[];
  readonly rules: RulesConfig;
  readonly retention: RetentionOptions;
  readonly diskBudget: number;
  readonly version: string;
  readonly configHash: string;
}

/** How long the writer rests after the disk refused, before it tries again. */
const REST_MS = 1000;
/** The size on disk is looked at this often. */
const MEASURE_MS = 200;
const HOUSEKEEPING_MS = 10_000;
const IDLE_COMMIT_MS = 60_000;

/** The delivery makes facts, and the disk budget is used up. */
class OverBudget extends Error {}

export class Writer {
  readonly #options: WriterOptions;
  readonly #clock: ElapsedClock;
  readonly #db: WritableDatabase;
  readonly #log: EventLog;
  readonly #remembered: Remembered;
  readonly #repeats: Repeats;
  readonly #letters: DeadLetters;
  readonly #replication: Replication;
  readonly #retention: Retention;
  readonly #outbox: Outbox;
  readonly #alerts: AlertTable;
  readonly #engine: RuleEngine;
  readonly #facings: ReadonlyMap<string, Facing>;

  #now: Now = { elapsed: 0, wall: 0 };
  /** Something of this transaction is not in the database yet, or would not be missed. */
  #dirty = false;
  #out: OutMessage[] = [];
  #changed: Alert[] = [];
  #conflicting: Partial<Record<Kind, number>> = {};
  #usedBytes = 0;
  #walBytes = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #refusing: { reason: string; until: number } | undefined;
  #housekeptAt = Number.NEGATIVE_INFINITY;
  #committedAt = 0;

  /** Opens the journal and brings everything in memory up to it. Throws HubErrors of the database and the hub's name. */
  constructor(options: WriterOptions, sources: Sources) {
    this.#options = options;
    this.#facings = new Map(options.planogram.map((facing) => [facing.shelf, facing]));
    this.#db = openForWriting(options.dataDir);
    const db: Database = this.#db;
    this.#log = new EventLog(db);
    this.#clock = new ElapsedClock(sources, this.#log.load());
    this.#now = this.#clock.now();
    this.#remembered = new Remembered(db);
    this.#repeats = new Repeats(db);
    this.#letters = new DeadLetters(db);
    this.#replication = new Replication(db);
    this.#retention = new Retention(db, options.retention);
    this.#outbox = new Outbox(db);
    this.#alerts = new AlertTable(db);
    this.#engine = new RuleEngine(db, {
      rules: rulesOf(options.rules),
      views: { facing: (shelf) => this.#facings.get(shelf), level: (shelf) => this.#level(shelf) },
      decide: (decision, rule, causes) => this.#decide(decision, rule, causes),
      woken: (rule, key) => this.#append('local.wake.v1', `rules/${rule}`, key, JSON.stringify({ rule, key })),
    });
    try {
      this.#load();
      this.#transaction(() => this.#begin());
    } catch (error) {
      db.close();
      throw error;
    }
  }

  get incarnation(): string {
    return this.#log.incarnation;
  }

  /** What was to go out when the last run ended, and every open alert. */
  leftovers(): { out: OutMessage[]; open: Alert[] } {
    return { out: this.#outbox.waiting(), open: this.#alerts.open() };
  }

  /** Milliseconds until the writer wants to run by itself: a due wake or the idle commit. */
  restMs(): number {
    const now = this.#clock.now();
    const wake = this.#engine.nextWake === undefined ? Number.POSITIVE_INFINITY : this.#engine.nextWake - now.elapsed;
    const idle = IDLE_COMMIT_MS - (now.elapsed - this.#committedAt);
    return Math.max(0, Math.min(wake, idle, HOUSEKEEPING_MS));
  }

  /** Runs what is due without any input. */
  tick(synced: boolean): Reply {
    return this.process({ deliveries: [], count: 0, refusals: [], requests: [], synced });
  }

  /**
   * One batch, one transaction. Throws only when the disk failed in a way after which nothing may be acknowledged any
   * more; a full disk is answered with not-stored receipts.
   */
  process(batch: Batch): Reply {
    this.#out = [];
    this.#changed = [];
    this.#conflicting = {};
    this.#log.appended.clear();
    const started = performance.now();
    this.#measure();
    if (this.#refusing && started < this.#refusing.until) return this.#refuseAll(batch, this.#refusing.reason, started);
    try {
      const reply = this.#transaction(() => this.#work(batch));
      this.#refusing = undefined;
      const figures = this.#figures(started, this.#dirty);
      if (this.#dueForHousekeeping()) this.#housekeep();
      return { ...reply, out: this.#out, alerts: this.#changed, figures };
    } catch (error) {
      this.#load();
      const reason = refusalOf(error);
      if (reason === undefined) return this.#oneByOne(batch, error);
      this.#refusing = { reason, until: performance.now() + REST_MS };
      return this.#refuseAll(batch, reason, started);
    }
  }

  close(): void {
    this.#transaction(() => {
      this.#dirty = true;
    });
    this.#db.close();
  }

  #load(): void {
    this.#log.load();
    this.#remembered.load();
    this.#repeats.load();
    this.#letters.load();
    this.#engine.load();
  }

  /** Runs `body` in a transaction; what it changed in memory is flushed before the commit. */
  #transaction<T>(body: () => T): T {
    this.#now = this.#clock.now();
    this.#dirty = false;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      if (this.#dirty) {
        this.#engine.flush();
        this.#remembered.flush();
        this.#repeats.flush(this.#now.elapsed);
        this.#log.flush(this.#now);
        this.#retention.mark(this.#now, this.#log.ordinal, this.#log.sequence, this.#log.allHeads());
        this.#committedAt = this.#now.elapsed;
      }
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** First transaction of a run: identity, the planogram's changes, another chance for quarantined keys. */
  #begin(): void {
    this.#dirty = true;
    const meta = this.#db.prepare('SELECT value FROM meta WHERE key = ?');
    const setMeta = this.#db.prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    const hub = (meta.get('hub') as { value: string } | undefined)?.value;
    if (hub !== undefined && hub !== this.#options.hub) {
      throw new HubError(
        'JOURNAL_OTHER_HUB',
        `this journal belongs to hub ${hub}, the configuration says ${this.#options.hub}`,
      );
    }
    if (hub === undefined) setMeta.run('hub', this.#options.hub);
    if (this.#log.incarnation === '') this.#log.openIncarnation('new database', this.#now);
    this.#engine.release();
    const before = JSON.parse((meta.get('planogram') as { value: string } | undefined)?.value ?? '{}') as Record<
      string,
      Facing
    >;
    for (const [shelf, facing] of Object.entries(before)) {
      if (JSON.stringify(facing) === JSON.stringify(this.#facings.get(shelf))) continue;
      this.#journal('local.planogram.changed.v1', 'config', shelf, { shelf });
    }
    setMeta.run('planogram', JSON.stringify(Object.fromEntries(this.#facings)));
  }

  #work(batch: Batch): Pick<Reply, 'receipts' | 'answers'> {
    this.#watchWallClock();
    if (this.#engine.runDue(this.#now)) this.#dirty = true;
    const receipts: (Receipt | undefined)[] = [];
    for (const unpacker = new Unpacker(batch.deliveries); !unpacker.done; ) {
      const unit = unpacker.next();
      receipts.push(typeof unit === 'number' ? this.#keepLetter(batch, unit) : this.#deliver(unit, batch.synced));
    }
    const answers = batch.requests.map((request) => this.#answer(request));
    if (this.#now.elapsed - this.#committedAt >= IDLE_COMMIT_MS) this.#dirty = true;
    return { receipts, answers };
  }

  #watchWallClock(): void {
    const step = this.#clock.step();
    if (!step) return;
    const data = {
      from: new Date(step.from).toISOString(),
      to: new Date(step.to).toISOString(),
      seconds: Math.round((step.to - step.from) / 1000),
    };
    this.#journal('retail.devices.clockstepped.v1', 'clock', this.#options.hub, data);
  }

  #keepLetter(batch: Batch, index: number): Receipt {
    const refusal = batch.refusals[index];
    if (!refusal) return { outcome: 'not-stored', reason: 'lost on the way to the writer' };
    this.#dirty = true;
    return { outcome: 'refused', letter: this.#letters.keep(refusal, this.#now) };
  }

  /** One delivery; nothing means: accepted, one reading, not a repeat. */
  #deliver(delivery: Delivery, synced: boolean): Receipt | undefined {
    const overBudget = this.#usedBytes + this.#walBytes > this.#options.diskBudget;
    const before = this.#remembered.get('time', delivery.device) as number | undefined;
    let latest = before;
    let repeated = 0;
    try {
      for (const reading of delivery.readings) {
        if (this.#isRepeat(delivery.kind, reading, overBudget)) {
          repeated += 1;
          continue;
        }
        const judged = judgeTime(reading.time, delivery.received, before, synced);
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
        if (overBudget && (sensed.facts.length > 0 || sensed.remember.length > 0)) throw new OverBudget();
        this.#apply(sensed, delivery, judged);
      }
    } catch (error) {
      if (error instanceof OverBudget) return { outcome: 'not-stored', reason: 'the disk budget is used up' };
      throw error;
    }
    if (latest !== before) this.#remembered.set('time', delivery.device, latest);
    if (repeated === 0 && delivery.readings.length === 1) return undefined;
    return { outcome: 'accepted', accepted: delivery.readings.length - repeated, repeated };
  }

  #isRepeat(kind: Kind, reading: AcceptedReading, overBudget: boolean): boolean {
    if (reading.identity === undefined) return false;
    const verdict = overBudget
      ? this.#repeats.look(reading.identity, reading.body, this.#now.elapsed)
      : this.#repeats.see(reading.identity, reading.body, this.#now.elapsed);
    if (verdict === 'conflicting') this.#conflicting[kind] = (this.#conflicting[kind] ?? 0) + 1;
    return verdict !== 'new';
  }

  #apply(sensed: Sensed, delivery: Delivery, judged: ReturnType<typeof judgeTime>): void {
    for (const [kind, key, value] of sensed.remember) {
      this.#remembered.set(kind, key, value);
      this.#dirty = true;
    }
    for (const fact of sensed.facts) {
      this.#dirty = true;
      const { sequence } = this.#log.append({
        type: fact.type,
        source: delivery.device,
        subject: fact.subject,
        time: judged.time,
        received: delivery.received,
        quality: judged.quality,
        history: judged.history,
        data: fact.data,
      });
      if (!this.#engine.wants(fact.type)) continue;
      const data = JSON.parse(fact.data) as Record<string, unknown>;
      this.#engine.onEvent(
        { id: this.#idOf(sequence), type: fact.type, subject: fact.subject, history: judged.history, data },
        this.#now,
      );
    }
  }

  #answer(request: Request): Answer {
    try {
      return { ok: true, value: this.#perform(request) };
    } catch (error) {
      if (error instanceof HubError) return { ok: false, code: error.code, message: error.message };
      throw error;
    }
  }

  #perform(request: Request): unknown {
    switch (request.op) {
      case 'act':
        return this.#act(request.command);
      case 'beat':
        return this.#beat(request);
      case 'discard': {
        const removed = this.#letters.remove(request.letter);
        if (removed) this.#dirty = true;
        return removed;
      }
      case 'delivered':
        this.#outbox.remove(request.ids);
        return undefined;
      case 'reserve':
        this.#dirty = true;
        return this.#replication.reserve(request.request);
      case 'acknowledge':
        this.#dirty = true;
        return this.#replication.acknowledge(request.request);
      case 'refill':
        this.#replication.refill(request.request);
        return this.#resumed('refill', request.request.reason);
      case 'new-incarnation': {
        const { acked, reason } = request.request;
        const incarnation = this.#replication.newIncarnation(this.#options.hub, this.#log, acked, reason, this.#now);
        this.#resumed('new-incarnation', reason);
        return { incarnation };
      }
      case 'resumed':
        return this.#resumed(request.request.mode, request.request.reason);
    }
  }

  #resumed(mode: 'refill' | 'new-incarnation' | 'repartition', reason: string): void {
    this.#journal('retail.devices.resumed.v1', 'bridge', this.#options.hub, { mode, reason });
  }

  #beat(request: Extract<Request, { op: 'beat' }>): void {
    const { version, configHash, hub } = this.#options;
    this.#journal('retail.devices.heartbeat.v1', 'hub', hub, {
      version,
      config: configHash,
      buffer: request.buffer,
      clock: request.synced ? 'synced' : 'unsynced',
    });
  }

  /** A staff action: a local command that the alert's rule obeys. */
  #act(command: AlertCommand): { outcome: 'done' | 'ended'; alert: Alert } | { outcome: 'unknown' } {
    const alert = this.#alerts.get(command.alert);
    if (!alert) return { outcome: 'unknown' };
    if (hasEnded(alert.state)) {
      const repeats =
        (command.action === 'dismiss' && alert.state === 'dismissed') ||
        (command.action === 'resolve' && alert.state === 'resolved');
      return { outcome: repeats ? 'done' : 'ended', alert };
    }
    this.#journal('local.command.alert.v1', 'staff', alert.subject, {
      ...command,
      rule: alert.rule,
      subject: alert.subject,
    });
    return { outcome: 'done', alert: this.#alerts.get(command.alert) ?? alert };
  }

  /** Journals a decision; an alert's change also goes into the table and the outbox. */
  #decide(decision: Decision, rule: string, causes: readonly string[]): RuleEvent {
    const data = { ...decision.data, events: causes };
    const id = this.#append(decision.type, `rules/${rule}`, decision.subject, JSON.stringify(data));
    if (decision.type.startsWith('retail.alerts.')) {
      const {
        by: _,
        reason: __,
        minutes: ___,
        ...alert
      } = data as unknown as Alert & { by?: string; reason?: string; minutes?: number };
      this.#alerts.put(alert, this.#now.wall);
      this.#out.push(this.#outbox.add(alertTopic(alert), alertPayload(alert), true));
      this.#changed.push(alert);
    }
    return { id, type: decision.type, subject: decision.subject, history: false, data };
  }

  /** Journals an event of the hub's own and lets the rules see it. */
  #journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void {
    const id = this.#append(type, source, subject, JSON.stringify(data));
    if (this.#engine.wants(type)) this.#engine.onEvent({ id, type, subject, history: false, data }, this.#now);
  }

  #append(type: EventType, source: string, subject: string, data: string): string {
    this.#dirty = true;
    const { wall } = this.#now;
    const { sequence } = this.#log.append({
      type,
      source,
      subject,
      time: wall,
      received: wall,
      quality: 'ok',
      history: false,
      data,
    });
    return this.#idOf(sequence);
  }

  #idOf(sequence: number): string {
    return eventId(this.#options.hub, this.#log.incarnation, sequence);
  }

  /** What the hub knows of a shelf, if it is about the product that the planogram puts there. */
  #level(shelf: string): Level | undefined {
    const level = this.#remembered.get('level', shelf) as Level | undefined;
    return level && level.gtin === this.#facings.get(shelf)?.gtin ? level : undefined;
  }

  #measure(): void {
    const now = performance.now();
    if (now - this.#measuredAt < MEASURE_MS) return;
    this.#measuredAt = now;
    const pragma = (name: string) => Number(this.#db.pragma(name, { simple: true }));
    this.#usedBytes = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
    this.#walBytes = statSync(join(this.#options.dataDir, `${JOURNAL_FILE}-wal`), { throwIfNoEntry: false })?.size ?? 0;
  }

  #dueForHousekeeping(): boolean {
    const overBudget = this.#usedBytes + this.#walBytes > this.#options.diskBudget;
    return this.#clock.now().elapsed - this.#housekeptAt >= (overBudget ? REST_MS : HOUSEKEEPING_MS);
  }

  #housekeep(): void {
    const overBudget = this.#usedBytes + this.#walBytes > this.#options.diskBudget;
    const more = this.#transaction(() => {
      this.#alerts.forgetOld(this.#now.wall);
      return this.#retention.prune(this.#now, this.#replication.ackedPositions(), overBudget);
    });
    this.#retention.giveBack();
    if (overBudget) this.#db.pragma('wal_checkpoint(TRUNCATE)');
    if (!more) this.#housekeptAt = this.#clock.now().elapsed;
  }

  /** A fault that is no disk's: the batch is done again one by one, and what causes it is set aside. */
  #oneByOne(batch: Batch, fault: unknown): Reply {
    const units: Batch[] = [];
    for (const unpacker = new Unpacker(batch.deliveries); !unpacker.done; ) units.push(unpacker.single(batch));
    const requests = batch.requests.map((request) => ({ ...batch, deliveries: [], count: 0, requests: [request] }));
    const all = [...units, ...requests];
    if (all.length <= 1) return this.#setAside(batch, fault);
    const replies = all.map((one) => this.process(one));
    const last = replies.at(-1);
    if (!last) throw fault;
    return {
      receipts: replies.flatMap((reply) => reply.receipts),
      answers: replies.flatMap((reply) => reply.answers),
      out: replies.flatMap((reply) => reply.out),
      alerts: replies.flatMap((reply) => reply.alerts),
      figures: { ...last.figures, appended: replies.flatMap((reply) => reply.figures.appended) },
    };
  }

  /** The one delivery or request that makes the writer fail: a dead letter, or an answer, never a loop. */
  #setAside(batch: Batch, fault: unknown): Reply {
    const started = performance.now();
    const reason = `the hub failed on this reading: ${messageOf(fault)}`;
    const unit = batch.count > 0 ? new Unpacker(batch.deliveries).next() : undefined;
    const answers = batch.requests.map((): Answer => ({ ok: false, code: 'INTERNAL', message: messageOf(fault) }));
    if (unit === undefined && answers.length === 0) throw fault;
    const receipts: Receipt[] = [];
    if (typeof unit === 'object') {
      const bytes = Buffer.from(`[${unit.readings.map((reading) => reading.body).join(',')}]`);
      const letter = this.#transaction(() => {
        this.#dirty = true;
        return this.#letters.keep(
          { kind: unit.kind, device: unit.device, received: unit.received, reason, pointers: [], bytes },
          this.#now,
        );
      });
      receipts.push({ outcome: 'refused', letter });
    } else if (unit !== undefined) {
      receipts.push({ outcome: 'not-stored', reason });
    }
    return { receipts, answers, out: [], alerts: [], figures: this.#figures(started, true) };
  }

  /** Nothing can be stored now. */
  #refuseAll(batch: Batch, reason: string, started: number): Reply {
    this.#out = [];
    this.#changed = [];
    this.#log.appended.clear();
    return {
      receipts: Array.from({ length: batch.count }, () => ({ outcome: 'not-stored' as const, reason })),
      answers: batch.requests.map(() => ({ ok: false as const, code: 'NOT_STORED', message: reason })),
      out: [],
      alerts: [],
      figures: this.#figures(started, false),
    };
  }

  #figures(started: number, committed: boolean): Figures {
    const overBudget = this.#usedBytes + this.#walBytes > this.#options.diskBudget;
    return {
      appended: [...this.#log.appended].map(([type, { count, bytes }]) => ({ type, count, bytes })),
      conflicting: this.#conflicting,
      committed,
      commitMs: performance.now() - started,
      refusing: this.#refusing?.reason ?? (overBudget ? 'the disk budget is used up' : undefined),
      quarantined: this.#engine.quarantined,
      usedBytes: this.#usedBytes,
      walBytes: this.#walBytes,
    };
  }
}

/**
 * Why nothing can be stored for now, when the error is one that passes: a full disk, a read-only mount. Throws what
 * must end the process (a failed sync may have lost pages that a later sync would call safe); nothing for other errors.
 */
function refusalOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'SQLITE_FULL') return 'the disk is full';
  if (code.startsWith('SQLITE_READONLY')) return 'the disk is read-only';
  if (code.startsWith('SQLITE_')) throw error;
  return undefined;
}
