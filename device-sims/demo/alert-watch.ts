/** Which alerts were raised and ended, as MQTT told it, and how long after the truth: for the story and the score. */
import type { Alert } from '../../edge/contracts/alerts.ts';
import type { Ledger } from '../world/ledger.ts';

/** A gap that ended this short a time ago still explains an alert: readings take a moment. Milliseconds. */
const JUST_ENDED_MS = 1_500;

export interface SeenAlert {
  readonly id: string;
  readonly subject: string;
  /** Wall clock, ms, when it was heard. */
  readonly heard: number;
  /** Seconds from the true gap to hearing of it; absent: there was no gap. */
  readonly delay: number | undefined;
  /** Wall clock, ms, when it was heard to be over. */
  ended: number | undefined;
}

export interface AlertWatch {
  readonly alerts: readonly SeenAlert[];
  /** Takes what a topic now holds; tells what is new about it. */
  take(topic: string, alert: Alert | undefined): { news: 'raised' | 'reopened' | 'ended'; seen: SeenAlert } | undefined;
  open(): SeenAlert[];
}

export function alertWatch(ledger: Ledger, clock: () => number): AlertWatch {
  const alerts: SeenAlert[] = [];
  const byTopic = new Map<string, { seen: SeenAlert; state: string }>();

  const delayOf = (shelf: string): number | undefined => {
    const gap = ledger.gaps.findLast((one) => one.shelf === shelf);
    if (!gap || (gap.ended !== undefined && clock() - gap.ended > JUST_ENDED_MS)) return undefined;
    return (clock() - gap.began) / 1000;
  };
  return {
    alerts,
    take(topic, alert) {
      const known = byTopic.get(topic);
      if (!alert) {
        if (!known) return undefined;
        byTopic.delete(topic);
        known.seen.ended = clock();
        return { news: 'ended', seen: known.seen };
      }
      if (known?.seen.id === alert.id) {
        const again = known.state !== 'open' && alert.state === 'open';
        known.state = alert.state;
        return again ? { news: 'reopened', seen: known.seen } : undefined;
      }
      const { id, subject } = alert;
      const seen = { id, subject, heard: clock(), delay: delayOf(subject), ended: undefined };
      alerts.push(seen);
      byTopic.set(topic, { seen, state: alert.state });
      return { news: 'raised', seen };
    },
    open: () => alerts.filter(({ ended }) => ended === undefined),
  };
}
