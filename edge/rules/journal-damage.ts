/**
 * Journal damage: the journal had to be salvaged (journal/salvage.ts). One alert for the hub, with what was lost; a
 * further time opens it again and is added. It stays until somebody says that it was seen to, because a disk that fails once fails again.
 */
import { type LiveAlert, move, raise } from './alert-life.ts';
import { type HubAlertState, obey, remind } from './hub-alert.ts';
import { isWake, type Rule } from './rule.ts';

const NAME = 'journal-damage';
/** Acknowledged and not resolved: staff are reminded. */
const REMIND_MS = 24 * 3_600_000;

interface JournalDamageState extends HubAlertState {
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
    if (input.type === 'local.command.alert.v1') return obey(state, input, now, REMIND_MS);
    const salvaged = input.data as unknown as Salvaged;
    const lost = { ...state.lost };
    for (const [stream, count] of Object.entries(salvaged.lost)) lost[stream] = (lost[stream] ?? 0) + count;
    const said = wording(salvaged, lost);
    const [alert, decision] = state.alert
      ? move({ ...state.alert, ...said }, 'open', now, { reason: 'again' })
      : raise({ id: views.newId(), rule: NAME, subject: hub, ...said }, now);
    return { state: { alert, lost }, decisions: [decision] };
  },
};

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
