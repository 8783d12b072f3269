/**
 * Buffer space: the disk budget is nearly used up by what head office does not have, so something will be dropped
 * soon. Raised from 90 % on, resolved below 85 % (journal/disk-space.ts measures); one alert for the hub.
 */
import { hasEnded } from '../contracts/alerts.ts';
import { commandFor, type LiveAlert, move, raise } from './alert-life.ts';
import { isWake, type Rule, type RuleEvent, type RuleTime, type Step } from './rule.ts';

const NAME = 'buffer-space';
/** Acknowledged and still full: staff are reminded. */
const REMIND_MS = 4 * 3_600_000;

interface BufferSpaceState {
  readonly alert?: LiveAlert;
  readonly reopenAt?: number;
}

interface Fill {
  readonly level: 'high' | 'normal';
  readonly percent: number;
  readonly cloud: boolean;
}

export const bufferSpace: Rule<BufferSpaceState> = {
  name: NAME,
  version: 1,
  subscribes: ['local.buffer.changed.v1', 'local.command.alert.v1'],
  initial: {},
  adopt: (alert) => ({ alert }),
  keyOf: (event) => (event.type === 'local.buffer.changed.v1' || event.data.rule === NAME ? event.subject : undefined),
  step: (state, input, views, now, hub) => {
    if (isWake(input)) return reopen(state, now);
    if (input.type === 'local.command.alert.v1') return obey(state, input, now);
    const fill = input.data as unknown as Fill;
    if (fill.level === 'normal') {
      return state.alert ? { state: {}, decisions: [move(state.alert, 'resolved', now, {})[1]] } : stay(state);
    }
    if (state.alert) return stay(state);
    const [alert, decision] = raise({ id: views.alertId(), rule: NAME, subject: hub, ...wording(fill) }, now);
    return { state: { alert }, decisions: [decision] };
  },
};

function stay(state: BufferSpaceState): Step<BufferSpaceState> {
  const { reopenAt } = state;
  return { state, decisions: [], ...(reopenAt === undefined ? {} : { wakeAt: reopenAt }) };
}

function obey(state: BufferSpaceState, event: RuleEvent, now: RuleTime): Step<BufferSpaceState> {
  const command = commandFor(state.alert, event);
  if (!command || !state.alert) return stay(state);
  const [alert, decision] = move(state.alert, command.state, now, command);
  if (hasEnded(alert.state)) return { state: {}, decisions: [decision] };
  const wait = alert.state === 'snoozed' ? (command.minutes ?? 0) * 60_000 : REMIND_MS;
  const reopenAt = now.elapsed + wait;
  return { state: { alert, reopenAt }, decisions: [decision], wakeAt: reopenAt };
}

function reopen({ alert, reopenAt }: BufferSpaceState, now: RuleTime): Step<BufferSpaceState> {
  if (!alert || reopenAt === undefined) return { state: alert ? { alert } : {}, decisions: [] };
  if (now.elapsed < reopenAt) return stay({ alert, reopenAt });
  const reason = alert.state === 'snoozed' ? 'snooze-ended' : 'remind';
  const [open, decision] = move(alert, 'open', now, { reason });
  return { state: { alert: open }, decisions: [decision] };
}

function wording({ percent, cloud }: Fill): Pick<LiveAlert, 'severity' | 'title' | 'detail'> {
  const order =
    'the oldest entries are dropped: people counts first, then shelf levels and item movements; sales, alerts and temperatures last';
  return {
    severity: 'critical',
    title: `Storage is ${percent} % full`,
    detail: cloud
      ? `Head office has not received the newest data of this shop. Nothing is lost yet; when storage is full, ${order}. Check that the shop's internet connection works, and call support if it does and this stays.`
      : `This hub keeps its data itself and runs out of room. When storage is full, ${order}. Call support: it needs more room (journal.disk_budget) or a shorter time to keep (journal.keep).`,
  };
}
