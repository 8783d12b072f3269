import { describe, expect, it } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { openForWriting } from '../journal/database.ts';
import { temporaryFolder } from '../writer.fixture.ts';
import { RuleEngine } from './engine.ts';
import type { AnyRule } from './registry.ts';
import type { Decision, RuleEvent, Step } from './rule.ts';
import { viewsWith } from './views.fixture.ts';

const LEVEL = 'retail.shelves.level.v1';

/** A rule that counts, wakes 100 ms later, and throws when it is told to. */
function counting(change: Partial<AnyRule> = {}): AnyRule {
  return {
    name: 'counting',
    version: 1,
    subscribes: [LEVEL],
    initial: { count: 0 },
    keyOf: (event) => event.subject,
    step: (state, input, _views, now): Step<unknown> => {
      const { count } = state as { count: number };
      if ('wake' in input) return { state: { count: count + 100 }, decisions: [] };
      if (input.data.poison) throw new Error('poisoned');
      const decision: Decision = {
        type: 'local.planogram.changed.v1',
        subject: input.subject,
        data: { count: count + 1 },
      };
      return { state: { count: count + 1 }, decisions: [decision], wakeAt: now.elapsed + 100 };
    },
    ...change,
  };
}

function engineOn(folder: string, rule: AnyRule, monotonic: () => number = () => 0) {
  const db = openForWriting(folder);
  const decided: unknown[] = [];
  const engine = new RuleEngine(db, {
    rules: [rule],
    views: viewsWith(),
    noOffer: () => {},
    decide: (decision, name, causes) => {
      decided.push({ rule: name, causes, ...decision.data });
      const { type, subject, data } = decision;
      return { id: 'decision', type, source: name, subject, history: false, data };
    },
    woken: (_rule, key) => `wake-${key}`,
    monotonic,
  });
  engine.load();
  const event = (subject: string, data: Record<string, unknown> = {}): RuleEvent => ({
    id: `e-${subject}`,
    type: LEVEL,
    source: 'sensor-1',
    subject,
    history: false,
    data,
  });
  const state = (key: string) => {
    const row = db.prepare('SELECT version, state, wake_at FROM rule_states WHERE key = ?').get(key) as
      | { version: number; state: string; wake_at: number | null }
      | undefined;
    return row && { version: row.version, state: JSON.parse(row.state), wakeAt: row.wake_at };
  };
  return { db, engine, decided, event, state };
}

describe('the rule engine', () => {
  it('keeps one row of state a key, writes it at the flush, and journals decisions with their cause', () => {
    const { db, engine, decided, event, state } = engineOn(temporaryFolder(), counting());
    engine.onEvent(event('a'), { elapsed: 0, wall: 0 });
    engine.onEvent(event('a'), { elapsed: 5, wall: 0 });
    expect(state('a')).toBeUndefined();
    engine.flush();
    expect(state('a')).toEqual({ version: 1, state: { count: 2 }, wakeAt: 105 });
    expect(decided).toEqual([
      { rule: 'counting', causes: ['e-a'], count: 1 },
      { rule: 'counting', causes: ['e-a'], count: 2 },
    ]);
    db.close();
  });

  it('writes what changes, whether the wake stays, changes, goes or comes again', () => {
    const wakes = [500, 500, 700, undefined, undefined, 700];
    const rule = counting({
      step: (state): Step<unknown> => {
        const { count } = state as { count: number };
        const wakeAt = wakes[count];
        return { state: { count: count + 1 }, decisions: [], ...(wakeAt !== undefined && { wakeAt }) };
      },
    });
    const { db, engine, event, state } = engineOn(temporaryFolder(), rule);
    for (const [index, wakeAt = null] of wakes.entries()) {
      engine.onEvent(event('a'), { elapsed: index, wall: 0 });
      engine.flush();
      expect(state('a')).toEqual({ version: 1, state: { count: index + 1 }, wakeAt });
      expect(engine.nextWake).toBe(wakeAt ?? undefined);
      if (index === 2) engine.load();
    }
    db.close();
  });

  it('writes nothing for a key of which there is nothing to remember', () => {
    const calm = counting({ step: (state): Step<unknown> => ({ state, decisions: [] }) });
    const { db, engine, event } = engineOn(temporaryFolder(), calm);
    const changes = () => db.prepare('SELECT total_changes()').pluck().get();
    const before = changes();
    engine.onEvent(event('a'), { elapsed: 0, wall: 0 });
    engine.flush();
    expect(changes()).toBe(before);
    db.close();
  });

  it('runs due wakes in order after a restart, each once', () => {
    const folder = temporaryFolder();
    const first = engineOn(folder, counting());
    first.engine.onEvent(first.event('a'), { elapsed: 0, wall: 0 });
    first.engine.flush();
    first.db.close();
    const { db, engine, state } = engineOn(folder, counting());
    expect(engine.nextWake).toBe(100);
    expect(engine.runDue({ elapsed: 99, wall: 0 })).toBe(false);
    expect(engine.runDue({ elapsed: 100, wall: 0 })).toBe(true);
    engine.flush();
    expect(state('a')).toEqual({ version: 1, state: { count: 101 }, wakeAt: null });
    expect(engine.runDue({ elapsed: 500, wall: 0 })).toBe(false);
    db.close();
  });

  it('sets aside the key of a rule that throws, keeps the others going, and gives it another chance at the next start', () => {
    const folder = temporaryFolder();
    const { db, engine, event, state } = engineOn(folder, counting());
    engine.onEvent(event('a', { poison: true }), { elapsed: 0, wall: 0 });
    engine.onEvent(event('a'), { elapsed: 0, wall: 0 });
    engine.onEvent(event('b'), { elapsed: 0, wall: 0 });
    engine.flush();
    expect(engine.quarantined).toEqual([{ rule: 'counting', key: 'a', fault: 'poisoned' }]);
    expect(state('a')?.state).toEqual({ count: 0 });
    expect(state('b')?.state).toEqual({ count: 1 });
    db.close();
    const again = engineOn(folder, counting());
    again.engine.release();
    again.engine.onEvent(again.event('a'), { elapsed: 0, wall: 0 });
    again.engine.flush();
    expect(again.engine.quarantined).toEqual([]);
    expect(again.state('a')?.state).toEqual({ count: 1 });
    again.db.close();
  });

  it('goes on where a rule cannot say whom an event concerns, and tells of it', () => {
    const keyless = counting({
      keyOf: (event) => {
        if (event.data.poison) throw new Error('no key');
        return event.subject;
      },
    });
    const { db, engine, event, state } = engineOn(temporaryFolder(), keyless);
    engine.onEvent(event('a', { poison: true }), { elapsed: 0, wall: 0 });
    engine.onEvent(event('a'), { elapsed: 0, wall: 0 });
    engine.flush();
    expect(engine.quarantined).toEqual([{ rule: 'counting', key: 'a', fault: 'no key' }]);
    expect(state('a')?.state).toEqual({ count: 1 });
    db.close();
  });

  it.each([
    ['a damaged database', new HubError('SHOPPERS_DAMAGED', 'shoppers.db cannot be read')],
    ['a disk that fails', Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_READ' })],
  ])('sets nobody aside for %s', (_, fault) => {
    const fails = (): never => {
      throw fault;
    };
    for (const change of [{ step: fails }, { keyOf: fails }]) {
      const { db, engine, event } = engineOn(temporaryFolder(), counting(change));
      expect(() => engine.onEvent(event('a'), { elapsed: 0, wall: 0 })).toThrow(fault);
      engine.flush();
      expect(engine.quarantined).toEqual([]);
      db.close();
    }
  });

  it('runs very many wakes in portions, those due longest first, so that others need not wait for all of them', () => {
    let ms = 0;
    const slow = counting({
      step: (state, input, views, now, key) => {
        if ('wake' in input) ms += 1;
        return counting().step(state, input, views, now, key);
      },
    });
    const { db, engine, event, state } = engineOn(temporaryFolder(), slow, () => ms);
    const keys = Array.from({ length: 120 }, (_, index) => `key-${String(index).padStart(3, '0')}`);
    for (const [index, key] of keys.entries()) engine.onEvent(event(key), { elapsed: index, wall: 0 });
    engine.flush();
    const awake = () => keys.filter((key) => state(key)?.wakeAt === null);
    for (const served of [50, 100, 120]) {
      expect(engine.runDue({ elapsed: 1000, wall: 0 })).toBe(true);
      engine.flush();
      expect(awake()).toEqual(keys.slice(0, served));
    }
    expect(engine.runDue({ elapsed: 1000, wall: 0 })).toBe(false);
    db.close();
  });

  it('converts the state of an older version, or begins anew', () => {
    const folder = temporaryFolder();
    const first = engineOn(folder, counting());
    for (const key of ['a', 'b']) first.engine.onEvent(first.event(key), { elapsed: 0, wall: 0 });
    first.engine.flush();
    first.db.close();
    const second = engineOn(
      folder,
      counting({ version: 2, convert: (state) => ({ count: (state as { count: number }).count * 10 }) }),
    );
    second.engine.onEvent(second.event('a'), { elapsed: 0, wall: 0 });
    second.engine.flush();
    expect(second.state('a')).toMatchObject({ version: 2, state: { count: 11 } });
    second.db.close();
    const third = engineOn(folder, counting({ version: 3 }));
    third.engine.onEvent(third.event('a'), { elapsed: 0, wall: 0 });
    third.engine.flush();
    expect(third.state('a')).toMatchObject({ version: 3, state: { count: 1 } });
    third.db.close();
  });
});
