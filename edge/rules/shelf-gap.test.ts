import { describe, expect, it } from 'vitest';
import type { Facing } from '../contracts/planogram.ts';
import type { Decision, RuleInput, Views } from './rule.ts';
import { type ShelfGapState, shelfGap } from './shelf-gap.ts';
import { viewsWith } from './views.fixture.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const FACING: Facing = {
  shelf: 'A1',
  zone: 'beverages',
  gtin: '09521234543213',
  name: 'Water',
  capacity: 24,
  minimum: 4,
};

/** A shelf, its sensor, its staff and its clock: each action is one step of the rule, wakes run when they are due. */
class Shelf {
  readonly rule = shelfGap({ settle: 20 * SECOND, remind: 30 * MINUTE });
  state: ShelfGapState = this.rule.initial;
  facing: Facing | undefined = FACING;
  elapsed = 0;
  wakeAt: number | undefined;
  #level: number | undefined;
  #events = 0;
  readonly #views: Views = viewsWith({
    facing: () => this.facing,
    level: () => (this.#level === undefined ? undefined : { gtin: FACING.gtin, count: this.#level }),
    newId: () => `alert-${this.#events}`.padEnd(26, '0'),
  });

  /** What was decided, as `state` or `state (reason)`. */
  count(count: number): string[] {
    this.#level = count;
    return this.#step(this.#event('retail.shelves.level.v1', { shelf: 'A1', gtin: FACING.gtin, count }));
  }

  forgetLevel(): void {
    this.#level = undefined;
  }

  staff(action: string, more: object = {}): string[] {
    return this.#step(
      this.#event('local.command.alert.v1', {
        alert: this.state.alert?.id,
        rule: 'shelf-gap',
        subject: 'A1',
        action,
        ...more,
      }),
    );
  }

  planogramChanged(facing: Facing | undefined): string[] {
    this.facing = facing;
    return this.#step(this.#event('local.planogram.changed.v1', { shelf: 'A1' }));
  }

  pass(ms: number): string[] {
    const until = this.elapsed + ms;
    const decided: string[] = [];
    while (this.wakeAt !== undefined && this.wakeAt <= until) {
      this.elapsed = Math.max(this.elapsed, this.wakeAt);
      decided.push(...this.#step({ wake: true }));
    }
    this.elapsed = until;
    return decided;
  }

  #event(
    type: 'retail.shelves.level.v1' | 'local.command.alert.v1' | 'local.planogram.changed.v1',
    data: Record<string, unknown>,
  ): RuleInput {
    this.#events += 1;
    return { id: `event-${this.#events}`, type, source: 'sensor-1', subject: 'A1', history: false, data };
  }

  #step(input: RuleInput): string[] {
    if (!('wake' in input)) expect(this.rule.keyOf(input, this.#views)).toBe('A1');
    const step = this.rule.step(
      this.state,
      input,
      this.#views,
      { elapsed: this.elapsed, wall: Date.UTC(2026, 10, 20) + this.elapsed },
      'A1',
    );
    this.state = step.state;
    this.wakeAt = step.wakeAt;
    return step.decisions.map((decision: Decision) => {
      const { state, reason } = decision.data;
      return reason === undefined ? String(state) : `${state} (${reason})`;
    });
  }
}

function gap(): Shelf {
  const shelf = new Shelf();
  expect(shelf.count(2)).toEqual([]);
  expect(shelf.pass(20 * SECOND)).toEqual(['open']);
  return shelf;
}

describe('a shelf gap', () => {
  it('is raised when the count stayed below minimum for settle', () => {
    const shelf = new Shelf();
    shelf.count(3);
    expect(shelf.pass(19 * SECOND)).toEqual([]);
    shelf.count(2);
    expect(shelf.pass(1 * SECOND)).toEqual(['open']);
    expect(shelf.state.alert).toMatchObject({ severity: 'warning', title: 'Water: running low' });
  });

  it('is not raised when the count came back in between', () => {
    const shelf = new Shelf();
    shelf.count(3);
    shelf.pass(10 * SECOND);
    shelf.count(4);
    expect(shelf.pass(60 * SECOND)).toEqual([]);
    shelf.count(0);
    expect(shelf.pass(19 * SECOND)).toEqual([]);
    expect(shelf.pass(1 * SECOND)).toEqual(['open']);
    expect(shelf.state.alert?.severity).toBe('critical');
  });

  it('is raised at once when settle is 0', () => {
    const shelf = new Shelf();
    Object.assign(shelf, { rule: shelfGap({ settle: 0, remind: MINUTE }) });
    expect(shelf.count(1)).toEqual(['open']);
    expect(shelf.count(6)).toEqual(['resolved']);
  });

  it('ends when refill was reached for settle, and not in the hysteresis below it', () => {
    const shelf = gap();
    shelf.count(5);
    expect(shelf.pass(MINUTE)).toEqual([]);
    shelf.count(6);
    shelf.pass(10 * SECOND);
    shelf.count(5);
    shelf.pass(15 * SECOND);
    shelf.count(7);
    expect(shelf.pass(19 * SECOND)).toEqual([]);
    expect(shelf.pass(1 * SECOND)).toEqual(['resolved']);
    expect(shelf.state).toEqual({});
  });

  it('names the level that caused it, also when a wake decides', () => {
    const shelf = new Shelf();
    const decisions: (readonly string[] | undefined)[] = [];
    const { step } = shelf.rule;
    Object.assign(shelf.rule, {
      step: (...parts: Parameters<typeof step>) => {
        const result = step(...parts);
        decisions.push(...result.decisions.map((decision) => decision.causes));
        return result;
      },
    });
    shelf.count(2);
    shelf.pass(MINUTE);
    expect(decisions).toEqual([['event-1']]);
  });
});

describe('staff', () => {
  it('acknowledge, and are reminded while the shelf is still low', () => {
    const shelf = gap();
    expect(shelf.staff('acknowledge', { by: 'Kim' })).toEqual(['acknowledged']);
    expect(shelf.staff('acknowledge', { by: 'Kim' })).toEqual([]);
    expect(shelf.pass(30 * MINUTE - 1)).toEqual([]);
    expect(shelf.pass(1)).toEqual(['open (remind)']);
    expect(shelf.pass(24 * 60 * MINUTE)).toEqual([]);
  });

  it('are not reminded of a shelf that is no longer low, until it is again', () => {
    const shelf = gap();
    shelf.staff('acknowledge');
    shelf.count(5);
    expect(shelf.pass(60 * MINUTE)).toEqual([]);
    expect(shelf.count(0)).toEqual([]);
    expect(shelf.pass(20 * SECOND)).toEqual(['open (remind)']);
    expect(shelf.state.alert).toMatchObject({ severity: 'critical', title: 'Water: shelf is empty' });
  });

  it('snooze, and it comes back when the time is over', () => {
    const shelf = gap();
    expect(shelf.staff('snooze', { minutes: 15 })).toEqual(['snoozed (15)'.replace(' (15)', '')]);
    expect(shelf.pass(15 * MINUTE - 1)).toEqual([]);
    expect(shelf.pass(1)).toEqual(['open (snooze-ended)']);
  });

  it('dismiss with a reason, and hear of it again only after refill was reached for settle', () => {
    const shelf = gap();
    expect(shelf.staff('dismiss', { reason: 'full' })).toEqual(['dismissed (full)']);
    shelf.count(1);
    expect(shelf.pass(24 * 60 * MINUTE)).toEqual([]);
    shelf.count(6);
    shelf.pass(20 * SECOND);
    shelf.count(3);
    expect(shelf.pass(20 * SECOND)).toEqual(['open']);
  });

  it('resolve, and hear of it again after remind when nothing changed on the shelf', () => {
    const shelf = gap();
    expect(shelf.staff('resolve')).toEqual(['resolved']);
    expect(shelf.pass(30 * MINUTE - 1)).toEqual([]);
    expect(shelf.pass(1)).toEqual(['open']);
  });

  it('cannot act on an alert that is not there any more', () => {
    const shelf = gap();
    shelf.staff('resolve');
    expect(shelf.staff('acknowledge')).toEqual([]);
  });
});

describe('the planogram', () => {
  it('closes what is open for a product that no longer stands on the shelf', () => {
    const shelf = gap();
    shelf.forgetLevel();
    expect(shelf.planogramChanged({ ...FACING, gtin: '09520123456788', name: 'Cola' })).toEqual([
      'resolved (configuration)',
    ]);
  });

  it('raises for a shelf that it names anew, and that is known to be low', () => {
    const shelf = new Shelf();
    shelf.facing = undefined;
    shelf.count(1);
    expect(shelf.planogramChanged(FACING)).toEqual([]);
    expect(shelf.pass(20 * SECOND)).toEqual(['open']);
  });

  it('closes what is open for a shelf that it no longer names', () => {
    const shelf = gap();
    expect(shelf.planogramChanged(undefined)).toEqual(['resolved (configuration)']);
    expect(shelf.state).toEqual({});
  });

  it('applies new limits at once', () => {
    const shelf = gap();
    expect(shelf.planogramChanged({ ...FACING, minimum: 1, refill: 2 })).toEqual([]);
    expect(shelf.pass(20 * SECOND)).toEqual(['resolved']);
  });
});
