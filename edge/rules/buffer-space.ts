/**
 * Buffer space: the disk budget is nearly used up by what head office does not have, so something will be dropped
 * soon. Raised from 90 % on, resolved below 85 % (journal/disk-space.ts measures); one alert for the hub.
 */
import { type LiveAlert, move, raise } from './alert-life.ts';
import { type HubAlertState, obey, remind, stay } from './hub-alert.ts';
import { isWake, type Rule, type RuleTime, type Step } from './rule.ts';

const NAME = 'buffer-space';
/** Acknowledged and still full: staff are reminded. */
const REMIND_MS = 4 * 3_600_000;

interface Fill {
  readonly level: 'high' | 'normal';
  readonly percent: number;
  readonly cloud: boolean;
  readonly dropped?: Readonly<Record<string, number>>;
  readonly since?: string;
  readonly over?: boolean;
}

export const bufferSpace: Rule<HubAlertState> = {
  name: NAME,
  version: 1,
  subscribes: ['local.buffer.changed.v1', 'local.command.alert.v1'],
  initial: {},
  adopt: (alert) => ({ alert }),
  keyOf: (event) => (event.type === 'local.buffer.changed.v1' || event.data.rule === NAME ? event.subject : undefined),
  step: (state, input, views, now, hub) => {
    if (isWake(input)) return remind(state, now);
    if (input.type === 'local.command.alert.v1') return obey(state, input, now, REMIND_MS);
    const fill = input.data as unknown as Fill;
    if (fill.dropped && state.alert) return worsen(state, state.alert, fill, now);
    if (fill.over) return stay(state);
    if (fill.level === 'normal') {
      return state.alert ? { state: {}, decisions: [move(state.alert, 'resolved', now, {})[1]] } : stay(state);
    }
    if (state.alert) return stay(state);
    const [alert, decision] = raise({ id: views.newId(), rule: NAME, subject: hub, ...wording(fill) }, now);
    return { state: { alert }, decisions: [decision] };
  },
};

/** Staff are told anew when dropping begins; later counts come quietly. */
function worsen(state: HubAlertState, before: LiveAlert, fill: Fill, now: RuleTime): Step<HubAlertState> {
  const said = wording(fill);
  const isNew = before.title !== said.title;
  const [alert, decision] = move({ ...before, ...said }, isNew ? 'open' : before.state, now, { reason: 'dropping' });
  if (isNew) return { state: { alert }, decisions: [decision] };
  return { ...stay({ ...state, alert }), decisions: [decision] };
}

/** Read on a phone: numbers and settings are in health and status. */
function wording({ cloud, dropped, since }: Fill): Pick<LiveAlert, 'severity' | 'title' | 'detail'> {
  const help = cloud ? "Check that the shop's internet connection works. Call support." : 'Call support.';
  if (!dropped) {
    const soon = 'When storage is full, the oldest data is dropped: people counts first, sales last.';
    return { severity: 'critical', title: 'Storage nearly full', detail: `${soon} ${help}` };
  }
  const counts = Object.entries(dropped).map(([stream, events]) => `${events} of ${stream}`);
  const from = since === undefined ? '' : ` since ${since.slice(0, 16).replace('T', ' ')} UTC`;
  const lost = `Old data is being dropped${from}, so far: ${counts.join(', ')}.`;
  return { severity: 'critical', title: 'Storage full', detail: `${lost} ${help}` };
}
