/**
 * Journal damage: the journal had to be salvaged (journal/salvage.ts). One alert for each time, with what was lost; it
 * stays until somebody says that it was seen to, because a disk that fails once fails again.
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
}

interface Salvaged {
  readonly aside: string;
  readonly reason: 'salvage' | 'lost';
  readonly lost: Readonly<Record<string, number>>;
  readonly state: readonly string[];
}

/** The key is the incarnation that the salvage opened. */
export const journalDamage: Rule<JournalDamageState> = {
  name: NAME,
  version: 1,
  subscribes: ['local.journal.salvaged.v1', 'local.command.alert.v1'],
  initial: {},
  keyOf: (event) =>
    event.type === 'local.journal.salvaged.v1' || event.data.rule === NAME ? event.subject : undefined,
  adopt: (alert) => ({ alert }),
  step: (state, input, views, now, incarnation) => {
    if (isWake(input)) return remind(state, now);
    if (input.type === 'local.command.alert.v1') return obey(state, input, now);
    if (state.alert) return stay(state);
    const said = wording(input.data as unknown as Salvaged);
    const [alert, decision] = raise({ id: views.alertId(), rule: NAME, subject: incarnation, ...said }, now);
    return { state: { alert }, decisions: [decision] };
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
  return { state: { alert, reopenAt }, decisions: [decision], wakeAt: reopenAt };
}

function remind({ alert, reopenAt }: JournalDamageState, now: RuleTime): Step<JournalDamageState> {
  if (!alert || reopenAt === undefined) return { state: alert ? { alert } : {}, decisions: [] };
  if (now.elapsed < reopenAt) return stay({ alert, reopenAt });
  const reason = alert.state === 'snoozed' ? 'snooze-ended' : 'remind';
  const [open, decision] = move(alert, 'open', now, { reason });
  return { state: { alert: open }, decisions: [decision] };
}

function wording({ aside, reason, lost, state }: Salvaged): Pick<LiveAlert, 'severity' | 'title' | 'detail'> {
  const events = Object.entries(lost).map(([stream, count]) => `${count} of ${stream}`);
  const facts =
    events.length === 0 ? 'Head office misses nothing' : `Lost before head office had them: ${events.join(', ')}`;
  const all = reason === 'lost' ? 'Nothing of the old records could be read; the hub began anew. ' : '';
  const rest = state.length === 0 ? '' : ` Not all could be read of: ${state.join(', ')}.`;
  return {
    severity: 'critical',
    title: "The hub's storage was damaged",
    detail: `${all}${facts}.${rest} The hub works again by itself. Call support: the disk should be checked soon, and ${aside} kept until then.`,
  };
}
