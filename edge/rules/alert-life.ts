/** The life of an alert: raised, acknowledged, snoozed, open again, ended. Shared by every rule that raises alerts. */
import { type Alert, type AlertAction, type AlertState, hasEnded } from '../contracts/alerts.ts';
import type { EventType } from '../contracts/events.ts';
import type { Decision, RuleEvent, RuleTime } from './rule.ts';

/** An alert within a rule's state; the ids of its events are added where decisions are journaled. */
export type LiveAlert = Omit<Alert, 'events'>;

export interface Extra {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
  readonly minutes?: number | undefined;
}

export function raise(alert: Omit<LiveAlert, 'state' | 'raised' | 'changed'>, now: RuleTime): [LiveAlert, Decision] {
  const at = new Date(now.wall).toISOString();
  const raised: LiveAlert = { ...alert, state: 'open', raised: at, changed: at };
  return [raised, decisionOf('retail.alerts.raised.v1', raised, {})];
}

const TYPE_OF: Record<AlertState, EventType> = {
  open: 'retail.alerts.reopened.v1',
  acknowledged: 'retail.alerts.acknowledged.v1',
  snoozed: 'retail.alerts.snoozed.v1',
  dismissed: 'retail.alerts.dismissed.v1',
  resolved: 'retail.alerts.resolved.v1',
};

/** Moves an alert to another state; the decision says why. */
export function move(alert: LiveAlert, state: AlertState, now: RuleTime, extra: Extra): [LiveAlert, Decision] {
  const moved: LiveAlert = { ...alert, state, changed: new Date(now.wall).toISOString() };
  return [moved, decisionOf(TYPE_OF[state], moved, extra)];
}

export interface Command extends Extra {
  readonly alert: string;
  readonly action: AlertAction;
}

const STATE_OF: Record<AlertAction, AlertState> = {
  acknowledge: 'acknowledged',
  snooze: 'snoozed',
  dismiss: 'dismissed',
  resolve: 'resolved',
};

/** The command in an event, when it is one for this alert and would change something. */
export function commandFor(
  alert: LiveAlert | undefined,
  event: RuleEvent,
): (Command & { state: AlertState }) | undefined {
  if (event.type !== 'local.command.alert.v1' || !alert || hasEnded(alert.state)) return undefined;
  const command = event.data as unknown as Command;
  if (command.alert !== alert.id) return undefined;
  const state = STATE_OF[command.action];
  if (state === alert.state && state !== 'snoozed') return undefined;
  return { ...command, state };
}

function decisionOf(type: EventType, alert: LiveAlert, extra: Extra): Decision {
  const said = Object.fromEntries(
    Object.entries({ by: extra.by, reason: extra.reason, minutes: extra.minutes }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return { type, subject: alert.subject, data: { ...alert, ...said } };
}
