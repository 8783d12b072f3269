/**
 * Runs the rules over what is journaled, inside the transaction that journals it. State is one row per (rule, key);
 * only changed keys are written, once per commit. A rule that throws has written nothing: its key is set aside with
 * the fault, the event stands.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Alert } from '../contracts/alerts.ts';
import { messageOf } from '../contracts/errors.ts';
import type { EventType } from '../contracts/events.ts';
import { idFor } from '../contracts/ids.ts';
import type { AnyRule } from './registry.ts';
import type { Decision, RuleEvent, RuleTime, Step, Views } from './rule.ts';

/** Decisions may cause decisions, but not for ever. */
const MAX_DEPTH = 8;
/** Rows of state held in memory; shelves are few, shoppers many. */
const MOST_CACHED = 20_000;

interface Row {
  version: number;
  state: unknown;
  wakeAt: number | undefined;
  fault: string | undefined;
}

export interface EngineOptions {
  readonly rules: readonly AnyRule[];
  readonly views: Omit<Views, 'newId'>;
  /** Journals a decision and returns it as an event for other rules. */
  readonly decide: (decision: Decision, rule: string, causes: readonly string[]) => RuleEvent;
  readonly noOffer: (none: NonNullable<Step<unknown>['noOffer']>) => void;
  /** Journals a due wake; returns its event id. */
  readonly woken: (rule: string, key: string) => string;
}

export class RuleEngine {
  readonly #options: EngineOptions;
  /** For choosing keys, where nothing new comes to be. */
  readonly #views: Views;
  readonly #byType = new Map<EventType, AnyRule[]>();
  readonly #byName: ReadonlyMap<string, AnyRule>;
  readonly #select: Statement;
  readonly #upsert: Statement;
  readonly #delete: Statement;
  readonly #nextWake: Statement;
  readonly #due: Statement;
  readonly #faults: Statement;
  #rows = new Map<string, Row>();
  #dirty = new Map<string, [rule: string, key: string]>();
  #next: number | undefined;
  #quarantined: readonly { rule: string; key: string; fault: string }[] = [];

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
    this.#delete = db.prepare('DELETE FROM rule_states WHERE rule = ? AND key = ?');
    this.#nextWake = db.prepare('SELECT min(wake_at) AS at FROM rule_states WHERE wake_at IS NOT NULL');
    this.#due = db.prepare(
      'SELECT rule, key FROM rule_states WHERE wake_at <= ? ORDER BY wake_at, rule, key LIMIT 500',
    );
    this.#faults = db.prepare('SELECT rule, key, fault FROM rule_states WHERE fault IS NOT NULL');
  }

  /** Forgets what is in memory: at start, and after a rollback. */
  load(): void {
    this.#rows = new Map();
    this.#dirty = new Map();
    this.#readSummary();
  }

  /** When (elapsed) the next wake is due. */
  get nextWake(): number | undefined {
    return this.#next;
  }

  /** Keys set aside because their rule threw. */
  get quarantined(): readonly { rule: string; key: string; fault: string }[] {
    return this.#quarantined;
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

  /** A person is erased: what rules know under this key goes. */
  forget(key: string): void {
    for (const rule of this.#byName.keys()) {
      const id = `${rule}\0${key}`;
      this.#rows.delete(id);
      this.#dirty.delete(id);
      this.#delete.run(rule, key);
    }
    this.#readSummary();
  }

  /** An event was journaled. */
  onEvent(event: RuleEvent, now: RuleTime): void {
    this.#dispatch(event, now, 0);
  }

  /** Runs every wake that is due, in order; says whether there was one. */
  runDue(now: RuleTime): boolean {
    if (this.#next === undefined || this.#next > now.elapsed) return false;
    this.flush();
    const due = this.#due.all(now.elapsed) as { rule: string; key: string }[];
    for (const { rule, key } of due) {
      const known = this.#byName.get(rule);
      const row = this.#row(rule, key);
      if (!row) continue;
      this.#set(rule, key, { ...row, wakeAt: undefined });
      if (known && row.fault === undefined)
        this.#run(known, key, { wake: true }, [this.#options.woken(rule, key)], now, 0);
    }
    return due.length > 0;
  }

  flush(): void {
    if (this.#dirty.size === 0) return;
    for (const [id, [rule, key]] of this.#dirty) {
      const row = this.#rows.get(id);
      if (!row) continue;
      const text = JSON.stringify(row.state);
      if (text === '{}' && row.wakeAt === undefined && row.fault === undefined) {
        this.#delete.run(rule, key);
      } else {
        this.#upsert.run(rule, key, row.version, text, row.wakeAt ?? null, row.fault ?? null);
      }
    }
    this.#dirty.clear();
    if (this.#rows.size > MOST_CACHED) this.#rows.clear();
    this.#readSummary();
  }

  #dispatch(event: RuleEvent, now: RuleTime, depth: number): void {
    for (const rule of this.#byType.get(event.type) ?? []) {
      const keys = rule.keyOf(event, this.#views);
      if (keys === undefined) continue;
      for (const key of typeof keys === 'string' ? [keys] : keys) this.#run(rule, key, event, [event.id], now, depth);
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
    if (before?.fault !== undefined) return;
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
    for (const decision of step.decisions) {
      const event = this.#options.decide(decision, rule.name, decision.causes ?? causes);
      if (depth < MAX_DEPTH) this.#dispatch(event, now, depth + 1);
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
    return row;
  }

  #set(rule: string, key: string, row: Row): void {
    const id = `${rule}\0${key}`;
    this.#rows.set(id, row);
    this.#dirty.set(id, [rule, key]);
  }

  /** What the rows say beyond single keys: the next wake, and who is set aside. */
  #readSummary(): void {
    this.#quarantined = this.#faults.all() as { rule: string; key: string; fault: string }[];
    this.#next = (this.#nextWake.get() as { at: number | null }).at ?? undefined;
  }
}

function noId(): string {
  throw new Error('keys are chosen before anything is decided');
}
