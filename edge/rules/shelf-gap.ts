/**
 * Shelf gap: a shelf that holds fewer items than its minimum for `settle` calls for staff; it is over once the shelf
 * holds `refill` items for `settle`. Between the two lies the hysteresis, so a hand on the shelf does not ring twice.
 *
 *   count < minimum for settle ............ raise
 *   count >= refill for settle ............ resolve
 *   acknowledged and still low after remind  open again (the same alert)
 *   snooze over ........................... open again (the same alert)
 *   dismissed ('it is full') .............. silent until refill was reached for settle
 *   resolved by staff, but still low ...... a new alert after remind
 *   shelf or product no longer planned .... closed, reason configuration
 */
import { hasEnded } from '../contracts/alerts.ts';
import { type Facing, refillLevel } from '../contracts/planogram.ts';
import { commandFor, type LiveAlert, move, raise } from './alert-life.ts';
import {
  type Decision,
  isWake,
  type Rule,
  type RuleEvent,
  type RuleInput,
  type RuleTime,
  type Step,
  type Views,
} from './rule.ts';

/** Durations in milliseconds. */
export interface ShelfGapOptions {
  readonly settle: number;
  readonly remind: number;
}

export interface ShelfGapState {
  /** Since when (elapsed) the count is below minimum, or, while an alert or a dismissal waits for it, at refill. */
  readonly lowSince?: number;
  readonly fullSince?: number;
  /** Id of the latest level event while it is low, or full and waited for: what a decision on a wake is caused by. */
  readonly measured?: string;
  /** The alert that is not over. */
  readonly alert?: LiveAlert;
  /** When (elapsed) an acknowledged alert reminds, or a snooze ends. */
  readonly reopenAt?: number;
  /** No alert before this (elapsed), after staff called it done. */
  readonly quietUntil?: number;
  /** Staff said the shelf is full: believe them until the sensor agrees once. */
  readonly dismissed?: true;
}

export function shelfGap(options: ShelfGapOptions): Rule<ShelfGapState> {
  return {
    name: 'shelf-gap',
    version: 1,
    subscribes: ['retail.shelves.level.v1', 'local.command.alert.v1', 'local.planogram.changed.v1'],
    initial: {},
    keyOf,
    adopt: (alert) => ({ alert }),
    step: (state, input, views, now, shelf) => {
      const facing = views.facing(shelf);
      if (!facing || isOtherProduct(input, shelf, views)) return closeForConfiguration(state, now);
      const commanded = isWake(input) ? { state, decisions: [] } : obey(state, input, options, now);
      const watched = watch(commanded.state, facing, input, views, now);
      const settled = settle(watched, facing, options, views, now);
      const causes = watched.measured === undefined ? {} : { causes: [watched.measured] };
      return {
        ...settled,
        decisions: [...commanded.decisions, ...settled.decisions.map((decision) => ({ ...decision, ...causes }))],
      };
    },
  };
}

function keyOf(event: RuleEvent): string | undefined {
  if (event.type === 'retail.shelves.level.v1') return event.history ? undefined : event.subject;
  const { rule, subject, shelf } = event.data;
  if (event.type === 'local.command.alert.v1') return rule === 'shelf-gap' ? String(subject) : undefined;
  return String(shelf);
}

/** The shelf was given to another product, of which nothing is known yet. */
function isOtherProduct(input: RuleInput, shelf: string, views: Views): boolean {
  return !isWake(input) && input.type === 'local.planogram.changed.v1' && views.level(shelf) === undefined;
}

/** The planogram no longer means this: what is open for the shelf closes, and nothing is remembered. */
function closeForConfiguration(state: ShelfGapState, now: RuleTime): Step<ShelfGapState> {
  if (!state.alert) return { state: {}, decisions: [] };
  const [, decision] = move(state.alert, 'resolved', now, { reason: 'configuration' });
  return { state: {}, decisions: [decision] };
}

/** Staff acted on the alert. */
function obey(
  state: ShelfGapState,
  event: RuleEvent,
  options: ShelfGapOptions,
  now: RuleTime,
): { state: ShelfGapState; decisions: Decision[] } {
  const command = commandFor(state.alert, event);
  if (!command || !state.alert) return { state, decisions: [] };
  const [alert, moved] = move(state.alert, command.state, now, command);
  const decision = { ...moved, causes: state.measured === undefined ? [event.id] : [state.measured, event.id] };
  const { alert: _, reopenAt: __, ...rest } = state;
  if (alert.state === 'acknowledged')
    return { state: { ...rest, alert, reopenAt: now.elapsed + options.remind }, decisions: [decision] };
  if (alert.state === 'snoozed')
    return {
      state: { ...rest, alert, reopenAt: now.elapsed + (command.minutes ?? 0) * 60_000 },
      decisions: [decision],
    };
  if (alert.state === 'dismissed') return { state: { ...rest, dismissed: true }, decisions: [decision] };
  return { state: { ...rest, quietUntil: now.elapsed + options.remind }, decisions: [decision] };
}

/** Since when is it low, since when is it full, and by which event we know. */
function watch(state: ShelfGapState, facing: Facing, input: RuleInput, views: Views, now: RuleTime): ShelfGapState {
  const { lowSince, fullSince, measured, ...rest } = state;
  const count = views.level(facing.shelf)?.count;
  if (count === undefined) return rest;
  const id = !isWake(input) && input.type === 'retail.shelves.level.v1' ? input.id : measured;
  const known = id === undefined ? {} : { measured: id };
  if (count < facing.minimum) return { ...rest, ...known, lowSince: lowSince ?? now.elapsed };
  const { quietUntil: _, ...awake } = rest;
  const waitsForRefill = state.alert !== undefined || state.dismissed === true;
  if (waitsForRefill && count >= refillLevel(facing))
    return { ...awake, ...known, fullSince: fullSince ?? now.elapsed };
  return awake;
}

/** What has lasted long enough, and when to look again. */
function settle(
  state: ShelfGapState,
  facing: Facing,
  options: ShelfGapOptions,
  views: Views,
  now: RuleTime,
): Step<ShelfGapState> {
  if (state.fullSince !== undefined) {
    const fullAt = state.fullSince + options.settle;
    if (now.elapsed < fullAt) return reopenOrWait(state, facing, options, views, now, fullAt);
    const { alert, dismissed: _, reopenAt: __, fullSince: ___, measured: ____, ...rest } = state;
    return { state: rest, decisions: alert ? [move(alert, 'resolved', now, {})[1]] : [] };
  }
  if (state.lowSince !== undefined && !state.alert && !state.dismissed) {
    const raiseAt = Math.max(state.lowSince + options.settle, state.quietUntil ?? 0);
    if (now.elapsed < raiseAt) return { state, decisions: [], wakeAt: raiseAt };
    const { quietUntil: _, ...rest } = state;
    const [alert, decision] = raise(
      { id: views.newId(), rule: 'shelf-gap', subject: facing.shelf, ...wording(facing, views) },
      now,
    );
    return { state: { ...rest, alert }, decisions: [decision] };
  }
  return reopenOrWait(state, facing, options, views, now, undefined);
}

/** An acknowledged alert reminds while the shelf has been low for settle; a snoozed one comes back in any case. */
function reopenOrWait(
  state: ShelfGapState,
  facing: Facing,
  options: ShelfGapOptions,
  views: Views,
  now: RuleTime,
  alsoAt: number | undefined,
): Step<ShelfGapState> {
  const { alert, reopenAt, ...rest } = state;
  const wait = (at: number | undefined): Step<ShelfGapState> => {
    const times = [at, alsoAt].filter((time) => time !== undefined);
    return times.length > 0 ? { state, decisions: [], wakeAt: Math.min(...times) } : { state, decisions: [] };
  };
  if (!alert || reopenAt === undefined || hasEnded(alert.state)) return wait(undefined);
  const reminds = alert.state === 'acknowledged';
  if (reminds && state.lowSince === undefined) return wait(undefined);
  const at = reminds ? Math.max(reopenAt, (state.lowSince ?? 0) + options.settle) : reopenAt;
  if (now.elapsed < at) return wait(at);
  const asItIs = { ...alert, ...wording(facing, views) };
  const [open, decision] = move(asItIs, 'open', now, { reason: reminds ? 'remind' : 'snooze-ended' });
  const step = { state: { ...rest, alert: open }, decisions: [decision] };
  return alsoAt === undefined ? step : { ...step, wakeAt: alsoAt };
}

function wording(facing: Facing, views: Views): Pick<LiveAlert, 'severity' | 'title' | 'detail'> {
  const count = views.level(facing.shelf)?.count ?? 0;
  return {
    severity: count === 0 ? 'critical' : 'warning',
    title: `${facing.name}: ${count === 0 ? 'shelf is empty' : 'running low'}`,
    detail: `Shelf ${facing.shelf} (${facing.zone}) was down to ${count} of ${facing.capacity}. Refill to at least ${refillLevel(facing)}.`,
  };
}
