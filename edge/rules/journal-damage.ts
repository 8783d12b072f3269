/**
 * Journal damage: the journal had to be salvaged (journal/salvage.ts). One alert for the hub, with what was lost; a
 * further time opens it again and is added. It stays until somebody says that it was seen to, because a disk that fails once fails again.
 */
import { hasEnded } from '../contracts/alerts.ts';
import { commandFor, type LiveAlert, move, raise } from './alert-life.ts';
import { isWake, type Rule, type RuleEvent, type RuleTime, type Step } from './rule.ts';

const NAME = 'journal-damage';
/** Acknowledged and not resolved: staff are reminded. */
const REMIND_MS = 24 * 3_600_000;

interface JournalDamageState {
  readonly alert?: LiveAlert;
  readonly reopenAt?: number;
  /** Of every salvage since the alert was raised. */
  readonly lost?: Lost;
}

type Lost = Readonly<Record<string, number>>;

interface Salvaged {
  readonly reason: 'salvage' | 'lost';
  readonly lost: Lost;
  readonly state: readonly string[];
}

export const journalDamage: Rule<JournalDamageState> = {
  name: NAME,
  version: 1,
  subscribes: ['local.journal.salvaged.v1', 'local.command.alert.v1'],
  initial: {},
  keyOf: (event) =>
    event.type === 'local.journal.salvaged.v1' || event.data.rule === NAME ? event.subject : undefined,
  adopt: (alert) => ({ alert }),
  step: (state, input, views, now, hub) => {
    if (isWake(input)) return remind(state, now);
    if (input.type === 'local.command.alert.v1') return obey(state, input, now);
    const salvaged = input.data as unknown as Salvaged;
    const lost = { ...state.lost };
    for (const [stream, count] of Object.entries(salvaged.lost)) lost[stream] = (lost[stream] ?? 0) + count;
    const said = wording(salvaged, lost);
    const [alert, decision] = state.alert
      ? move({ ...state.alert, ...said }, 'open', now, { reason: 'again' })
      : raise({ id: views.alertId(), rule: NAME, subject: hub, ...said }, now);
    return { state: { alert, lost }, decisions: [decision] };
  },
};

function stay(state: JournalDamageState): Step<JournalDamageState> {
  const { reopenAt } = state;
  return { state, decisions: [], ...(reopenAt === undefined ? {} : { wakeAt: reopenAt }) };
}

function obey(state: JournalDamageState, event: RuleEvent, now: RuleTime): Step<JournalDamageState> {
  const command = commandFor(state.alert, event);
  if (!command || !state.alert) return stay(state);
  const [alert, decision] = move(state.alert, command.state, now, command);
  if (hasEnded(alert.state)) return { state: {}, decisions: [decision] };
  const wait = alert.state === 'snoozed' ? (command.minutes ?? 0) * 60_000 : REMIND_MS;
  const reopenAt = now.elapsed + wait;
  return { state: { ...state, alert, reopenAt }, decisions: [decision], wakeAt: reopenAt };
}

function remind(state: JournalDamageState, now: RuleTime): Step<JournalDamageState> {
  const { reopenAt, ...rest } = state;
  const { alert } = rest;
  if (!alert || reopenAt === undefined) return { state: rest, decisions: [] };
  if (now.elapsed < reopenAt) return stay(state);
  const reason = alert.state === 'snoozed' ? 'snooze-ended' : 'remind';
  const [open, decision] = move(alert, 'open', now, { reason });
  return { state: { ...rest, alert: open }, decisions: [decision] };
}

/** Read on a phone: paths and tables are in health and in the log. */
function wording({ reason, state }: Salvaged, lost: Lost): Pick<LiveAlert, 'severity' | 'title' | 'detail'> {
  const counts = Object.entries(lost).map(([stream, count]) => `${count} of ${stream}`);
  const some = counts.length > 0 || state.length > 0;
  const what = counts.length > 0 ? ` Lost: ${counts.join(', ')}.` : '';
  return {
    severity: 'critical',
    title: reason === 'lost' || some ? "Some of this shop's data was lost" : "The hub's storage was damaged",
    detail: `${some || reason === 'lost' ? '' : 'Nothing was lost. '}The hub works again. Call support.${what}`,
  };
}
