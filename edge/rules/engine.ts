/**
 * Runs the rules over what is journaled, inside the transaction that journals it. State is one row per (rule, key);
 * only changed keys are written, once per commit. A rule that throws has written nothing: its key is set aside with
 * the fault, the event stands. Where what it decided cannot be carried out, a part of it may be: then a RuleFault ends
 * the transaction, and whoever runs it sets the key aside and runs it again.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Alert } from '../contracts/alerts.ts';
import { messageOf } from '../contracts/errors.ts';
import type { EventType } from '../contracts/events.ts';
import { idFor } from '../contracts/ids.ts';
import type { AnyRule } from './registry.ts';
import type { Decision, RuleEvent, RuleTime, Step, Views } from './rule.ts';
import { isHubsOwn, RuleFault } from './rule-fault.ts';

/** Decisions may cause decisions, but not for ever. */
const MAX_DEPTH = 8;
/** Wakes that were due together are run in portions, so that devices do not wait for all of them. */
const MOST_WAKES = 500;
const FEWEST_WAKES = 50;
const WAKES_MS = 20;
/** So many keys of one event are dealt with at once; the others are woken in the batches that follow. */
const MOST_KEYS = 500;
/** Rows of state held in memory; shelves are few, shoppers many. */
const MOST_CACHED = 20_000;

interface Row {
  version: number;
  state: unknown;
  wakeAt: number | undefined;
  fault: string | undefined;
}

/** What is in a row's columns that are indexed. */
interface Indexed {
  readonly wakeAt: number | undefined;
  readonly fault: string | undefined;
}

/** A key of a rule that is set aside, and why. */
export interface Quarantined {
  readonly rule: string;
  readonly key: string;
  readonly fault: string;
}

export interface EngineOptions {
  readonly rules: readonly AnyRule[];
  readonly views: Omit<Views, 'newId'>;
  /** Journals a decision and returns it as an event for other rules. */
  readonly decide: (decision: Decision, rule: string, causes: readonly string[]) => RuleEvent;
  readonly noOffer: (none: NonNullable<Step<unknown>['noOffer']>) => void;
  /** Journals a due wake; returns its event id. */
  readonly woken: (rule: string, key: string) => string;
  /** Milliseconds, for how long a portion of wakes takes. */
  readonly monotonic?: () => number;
}

export class RuleEngine {
  readonly #options: EngineOptions;
  /** For choosing keys, where nothing new comes to be. */
  readonly #views: Views;
  readonly #byType = new Map<EventType, AnyRule[]>();
  readonly #byName: ReadonlyMap<string, AnyRule>;
  readonly #select: Statement;
  readonly #upsert: Statement;
  readonly #update: Statement;
  readonly #delete: Statement;
  readonly #nextWake: Statement;
  readonly #due: Statement;
  readonly #dueWithoutRoom: Statement;
  readonly #faults: Statement;
  #rows = new Map<string, Row>();
  /** Of rows that are in the database. */
  #written = new Map<string, Indexed>();
  #dirty = new Map<string, [rule: string, key: string]>();
  #next: number | undefined;
  #quarantined: readonly Quarantined[] = [];
  /** Rules that could not say since the start whom an event concerns; by name, the latest event's. */
  readonly #keyless = new Map<string, Quarantined>();
  #resting: ReadonlySet<string> = new Set();

  constructor(db: Database, options: EngineOptions) {
    this.#options = options;
    this.#views = { ...options.views, newId: noId };
    this.#byName = new Map(options.rules.map((rule) => [rule.name, rule]));
    for (const rule of options.rules) {
      for (const type of rule.subscribes) this.#byType.set(type, [...(this.#byType.get(type) ?? []), rule]);
    }
    this.#select = db.prepare('SELECT version, state, wake_at, fault FROM rule_states WHERE rule = ? AND key = ?');
    this.#upsert = db.prepare(
      `INSERT INTO rule_states (rule, key, version, state, wake_at, fault) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, state = excluded.state, wake_at = excluded.wake_at, fault = excluded.fault`,
    );
    // Most changes leave the wake as it is, and a commit that touches no index writes half as much.
    this.#update = db.prepare('UPDATE rule_states SET version = ?, state = ? WHERE rule = ? AND key = ?');
    this.#delete = db.prepare('DELETE FROM rule_states WHERE rule = ? AND key = ?');
    this.#nextWake = db.prepare('SELECT min(wake_at) AS at FROM rule_states WHERE wake_at IS NOT NULL');
    const due = (which: string): Statement =>
      db.prepare(
        `SELECT rule, key FROM rule_states WHERE wake_at <= ?${which} ORDER BY wake_at, rule, key LIMIT ${MOST_WAKES}`,
      );
    this.#due = due('');
    this.#dueWithoutRoom = due(' AND rule NOT IN (SELECT value FROM json_each(?))');
    this.#faults = db.prepare('SELECT rule, key, fault FROM rule_states WHERE fault IS NOT NULL');
  }

  /** Forgets what is in memory: at start, and after a rollback. */
  load(): void {
    this.#rows = new Map();
    this.#written = new Map();
    this.#dirty = new Map();
    this.#readSummary();
  }

  /** When (elapsed) the next wake is due. */
  get nextWake(): number | undefined {
    return this.#next;
  }

  /** Keys set aside because their rule failed. */
  get quarantined(): readonly Quarantined[] {
    return this.#keyless.size === 0 ? this.#quarantined : [...this.#quarantined, ...this.#keyless.values()];
  }

  /** What a key decided cannot be carried out: nothing more is asked of it. In a transaction, after `load`. */
  setAside({ rule, key, message }: RuleFault): void {
    const { version = 0 } = this.#byName.get(rule) ?? {};
    const row = this.#row(rule, key) ?? { version, state: this.#byName.get(rule)?.initial ?? {} };
    this.#set(rule, key, { ...row, wakeAt: undefined, fault: message });
  }

  /** From now on nothing is asked of these rules; their wakes stay due. */
  rest(rules: ReadonlySet<string>): void {
    this.#resting = rules;
  }

  /** Gives every quarantined key another chance, at once: at start, when a new program may do better. */
  release(): void {
    for (const { rule, key } of this.#quarantined) {
      const row = this.#row(rule, key);
      if (row) this.#set(rule, key, { ...row, wakeAt: 0, fault: undefined });
    }
  }

  /** After a salvage: open alerts whose rule lost its state get it back, as far as the rule can tell from the alert. */
  adopt(open: readonly Alert[]): void {
    for (const { events: _, ...alert } of open) {
      const rule = this.#byName.get(alert.rule);
      if (!rule?.adopt) continue;
      const known = JSON.stringify(this.#row(alert.rule, alert.subject)?.state ?? {});
      if (known.includes(alert.id)) continue;
      const state = rule.adopt(alert);
      this.#set(alert.rule, alert.subject, { version: rule.version, state, wakeAt: 0, fault: undefined });
    }
  }

  /** Whether any rule looks at an event with this data (JSON text). */
  wants(type: EventType, data: string, subject: string): boolean {
    const rules = this.#byType.get(type);
    const { offers } = this.#views;
    return rules?.some((rule) => rule.glance?.(type, data, subject, offers) ?? true) ?? false;
  }

  /** A person is erased: what rules know under this key goes. `failed`: of those only that were set aside for it. */
  forget(key: string, failed = false): void {
    for (const rule of this.#byName.keys()) {
      if (failed && this.#row(rule, key)?.fault === undefined) continue;
      const id = `${rule}\0${key}`;
      this.#rows.delete(id);
      this.#written.delete(id);
      this.#dirty.delete(id);
      this.#delete.run(rule, key);
    }
    this.#readSummary();
  }

  /** An event was journaled. */
  onEvent(event: RuleEvent, now: RuleTime): void {
    this.#dispatch(event, now, 0);
  }

  /**
   * Runs wakes that are due, those due longest first, and says whether there was one. Of very many some are left for the
   * next time. Without room for new facts those wait that need it.
   */
  runDue(now: RuleTime, hasRoom = true): boolean {
    if (this.#next === undefined || this.#next > now.elapsed) return false;
    this.flush();
    const due = (hasRoom ? this.#due.all(now.elapsed) : this.#dueWithoutRoom.all(now.elapsed, this.#waiting)) as {
      rule: string;
      key: string;
    }[];
    const { monotonic = () => performance.now() } = this.#options;
    const started = monotonic();
    for (const [index, { rule, key }] of due.entries()) {
      if (index >= FEWEST_WAKES && monotonic() - started > WAKES_MS) break;
      if (this.#resting.has(rule)) continue;
      const known = this.#byName.get(rule);
      const row = this.#row(rule, key);
      if (!row) continue;
      this.#set(rule, key, { ...row, wakeAt: undefined });
      if (known && row.fault === undefined)
        this.#run(known, key, { wake: true }, [this.#options.woken(rule, key)], now, 0);
    }
    return due.length > 0;
  }

  /** Names of the rules whose wakes need room, as JSON. */
  get #waiting(): string {
    return JSON.stringify(this.#options.rules.filter(({ needsRoom }) => needsRoom).map(({ name }) => name));
  }

  flush(): void {
    if (this.#dirty.size === 0) return;
    for (const [id, [rule, key]] of this.#dirty) {
      const row = this.#rows.get(id);
      if (!row) continue;
      this.#write(id, rule, key, row);
    }
    this.#dirty.clear();
    if (this.#rows.size > MOST_CACHED) {
      this.#rows.clear();
      this.#written.clear();
    }
    this.#readSummary();
  }

  #write(id: string, rule: string, key: string, row: Row): void {
    const { version, wakeAt, fault } = row;
    const text = JSON.stringify(row.state);
    const written = this.#written.get(id);
    if (text === '{}' && wakeAt === undefined && fault === undefined) {
      this.#delete.run(rule, key);
      this.#written.delete(id);
    } else if (written && written.wakeAt === wakeAt && written.fault === fault) {
      this.#update.run(version, text, rule, key);
    } else {
      this.#upsert.run(rule, key, version, text, wakeAt ?? null, fault ?? null);
      this.#written.set(id, { wakeAt, fault });
    }
  }

  #dispatch(event: RuleEvent, now: RuleTime, depth: number): void {
    for (const rule of this.#byType.get(event.type) ?? []) {
      const keys = this.#keysOf(rule, event);
      if (keys === undefined) continue;
      if (typeof keys === 'string') this.#run(rule, keys, event, [event.id], now, depth);
      else this.#runAll(rule, keys, event, now, depth);
    }
  }

  #runAll(rule: AnyRule, keys: readonly string[], event: RuleEvent, now: RuleTime, depth: number): void {
    for (const [index, key] of keys.entries()) {
      if (index < MOST_KEYS) this.#run(rule, key, event, [event.id], now, depth);
      else this.#wakeNow(rule, key, now);
    }
  }

  #wakeNow(rule: AnyRule, key: string, { elapsed }: RuleTime): void {
    const row = this.#current(rule, key) ?? { version: rule.version, state: rule.initial, fault: undefined };
    if (row.fault === undefined) this.#set(rule.name, key, { ...row, wakeAt: elapsed });
  }

  /** An event that a rule cannot place is none for it: the others' work, and the event itself, stand. */
  #keysOf(rule: AnyRule, event: RuleEvent): ReturnType<AnyRule['keyOf']> {
    try {
      return rule.keyOf(event, this.#views);
    } catch (error) {
      if (isHubsOwn(error)) throw error;
      this.#keyless.set(rule.name, { rule: rule.name, key: event.subject, fault: messageOf(error) });
      return undefined;
    }
  }

  #run(
    rule: AnyRule,
    key: string,
    input: RuleEvent | { wake: true },
    causes: readonly string[],
    now: RuleTime,
    depth: number,
  ): void {
    const before = this.#current(rule, key);
    if (before?.fault !== undefined || this.#resting.has(rule.name)) return;
    let ids = 0;
    const views: Views = {
      ...this.#options.views,
      newId: () => {
        ids += 1;
        return idFor(`${causes[0] ?? ''}\0${rule.name}\0${key}\0${ids}`);
      },
    };
    const state = before?.state ?? rule.initial;
    let step: Step<unknown>;
    try {
      step = rule.step(state, input, views, now, key);
    } catch (error) {
      if (isHubsOwn(error)) throw error;
      this.#set(rule.name, key, {
        version: rule.version,
        state,
        wakeAt: undefined,
        fault: messageOf(error),
      });
      return;
    }
    if (step.state !== state || step.wakeAt !== before?.wakeAt) {
      this.#set(rule.name, key, { version: rule.version, state: step.state, wakeAt: step.wakeAt, fault: undefined });
    }
    if (step.noOffer) this.#options.noOffer(step.noOffer);
    if (step.decisions.length > 0) this.#carryOut(rule.name, key, step.decisions, causes, now, depth);
  }

  #carryOut(
    rule: string,
    key: string,
    decisions: readonly Decision[],
    causes: readonly string[],
    now: RuleTime,
    depth: number,
  ): void {
    try {
      for (const decision of decisions) {
        const event = this.#options.decide(decision, rule, decision.causes ?? causes);
        if (depth < MAX_DEPTH) this.#dispatch(event, now, depth + 1);
      }
    } catch (error) {
      // Of what a decision caused the rule that was at it is to blame.
      throw error instanceof RuleFault || isHubsOwn(error) ? error : new RuleFault(rule, key, error);
    }
  }

  /** The row of a key in this version of the rule: an older one is converted, or begins anew. */
  #current(rule: AnyRule, key: string): Row | undefined {
    const row = this.#row(rule.name, key);
    if (!row || row.version === rule.version) return row;
    return {
      version: rule.version,
      state: rule.convert?.(row.state, row.version) ?? rule.initial,
      wakeAt: undefined,
      fault: undefined,
    };
  }

  #row(rule: string, key: string): Row | undefined {
    const id = `${rule}\0${key}`;
    const cached = this.#rows.get(id);
    if (cached) return cached;
    const found = this.#select.get(rule, key) as
      | { version: number; state: string; wake_at: number | null; fault: string | null }
      | undefined;
    if (!found) return undefined;
    const row: Row = {
      version: found.version,
      state: JSON.parse(found.state),
      wakeAt: found.wake_at ?? undefined,
      fault: found.fault ?? undefined,
    };
    this.#rows.set(id, row);
    this.#written.set(id, { wakeAt: row.wakeAt, fault: row.fault });
    return row;
  }

  #set(rule: string, key: string, row: Row): void {
    const id = `${rule}\0${key}`;
    this.#rows.set(id, row);
    this.#dirty.set(id, [rule, key]);
  }

  /** What the rows say beyond single keys: the next wake, and who is set aside. */
  #readSummary(): void {
    this.#quarantined = this.#faults.all() as Quarantined[];
    this.#next = (this.#nextWake.get() as { at: number | null }).at ?? undefined;
  }
}

function noId(): string {
  throw new Error('keys are chosen before anything is decided');
}
