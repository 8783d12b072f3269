/**
 * What staff do with an alert that the hub raises about itself (its storage, its journal), and the reminder of one that
 * was acknowledged. A rule keeps this state beside its own; all of it is gone when the alert ends.
 */
import { hasEnded } from '../contracts/alerts.ts';
import { commandFor, type LiveAlert, move } from './alert-life.ts';
import type { RuleEvent, RuleTime, Step } from './rule.ts';

export interface HubAlertState {
  readonly alert?: LiveAlert;
  /** Elapsed time at which a snoozed or acknowledged alert is opened again. */
  readonly reopenAt?: number;
}

/** Nothing changes; a reminder that was asked for stays asked for. */
export function stay<S extends HubAlertState>(state: S): Step<S> {
  const { reopenAt } = state;
  return { state, decisions: [], ...(reopenAt === undefined ? {} : { wakeAt: reopenAt }) };
}

/** A command of staff. `remindMs`: acknowledged and not ended, staff are reminded after it. */
export function obey<S extends HubAlertState>(
  state: S,
  event: RuleEvent,
  now: RuleTime,
  remindMs: number,
): Step<S | HubAlertState> {
  const command = commandFor(state.alert, event);
  if (!command || !state.alert) return stay(state);
  const [alert, decision] = move(state.alert, command.state, now, command);
  if (hasEnded(alert.state)) return { state: {}, decisions: [decision] };
  const wait = alert.state === 'snoozed' ? (command.minutes ?? 0) * 60_000 : remindMs;
  const reopenAt = now.elapsed + wait;
  return { state: { ...state, alert, reopenAt }, decisions: [decision], wakeAt: reopenAt };
}

/** A wake: the snooze is over, or it is still acknowledged and staff are reminded. */
export function remind<S extends HubAlertState>(state: S, now: RuleTime): Step<Omit<S, 'reopenAt'> | S> {
  const { reopenAt, ...rest } = state;
  const { alert } = state;
  if (!alert || reopenAt === undefined) return { state: rest, decisions: [] };
  if (now.elapsed < reopenAt) return stay(state);
  const reason = alert.state === 'snoozed' ? 'snooze-ended' : 'remind';
  const [open, decision] = move(alert, 'open', now, { reason });
  return { state: { ...rest, alert: open }, decisions: [decision] };
}
