/** Which alerts were raised and ended, as MQTT told it: a topic holds an alert until it is over. */
import type { Alert } from '../../edge/contracts/alerts.ts';

export type AlertNews =
  | { readonly is: 'raised' | 'reopened'; readonly alert: Alert }
  | { readonly is: 'ended'; readonly alert: Alert };

export class AlertWatch {
  readonly #standing = new Map<string, Alert>();
  raised = 0;

  /** What a topic now holds; tells what is new about it. */
  take(topic: string, alert: Alert | undefined): AlertNews | undefined {
    const known = this.#standing.get(topic);
    if (alert === undefined) {
      this.#standing.delete(topic);
      return known && { is: 'ended', alert: known };
    }
    this.#standing.set(topic, alert);
    if (known?.id === alert.id)
      return known.state !== 'open' && alert.state === 'open' ? { is: 'reopened', alert } : undefined;
    this.raised += 1;
    return { is: 'raised', alert };
  }

  /** Those that stand, oldest first. */
  standing(): readonly Alert[] {
    return [...this.#standing.values()];
  }
}
