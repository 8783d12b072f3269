/** Alerts in memory with the semantics of the real desk, for tests that are about HTTP and the page. */
import { type Alert, type AlertCommand, type AlertState, hasEnded } from '../contracts/alerts.ts';
import { HubError } from '../contracts/errors.ts';
import type { OffersReport } from '../contracts/offers.ts';
import type { ActionOutcome, StaffDesk } from './api.ts';

const STATE_AFTER: Readonly<Record<AlertCommand['action'], AlertState>> = {
  acknowledge: 'acknowledged',
  snooze: 'snoozed',
  dismiss: 'dismissed',
  resolve: 'resolved',
};

export class TestDesk implements StaffDesk {
  readonly hub = 'store-0042';
  readonly commands: AlertCommand[] = [];
  readonly alertsById = new Map<string, Alert>();
  readonly listeners = new Set<(alert: Alert) => void>();
  full = false;
  report: OffersReport = { campaigns: [], none: [], flags: [] };

  alerts(all: boolean): readonly Alert[] {
    return [...this.alertsById.values()].filter((alert) => all || !hasEnded(alert.state)).reverse();
  }

  async act(command: AlertCommand): Promise<ActionOutcome> {
    if (this.full) throw new HubError('NOT_STORED', 'the disk is full');
    this.commands.push(command);
    const alert = this.alertsById.get(command.alert);
    if (!alert) return { outcome: 'unknown' };
    const state = STATE_AFTER[command.action];
    if (alert.state === state) return { outcome: 'done', alert };
    if (hasEnded(alert.state)) return { outcome: 'ended', alert };
    return { outcome: 'done', alert: this.change(alert.id, { state }) };
  }

  onAlert(listener: (alert: Alert) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  offers(): OffersReport {
    return this.report;
  }

  status(): object {
    return { up: true, ready: true, reasons: [] };
  }

  /** A new alert, or a change of one, as the rules would make it. */
  change(id: string, fields: Partial<Alert> = {}): Alert {
    const now = new Date().toISOString();
    const before: Alert = this.alertsById.get(id) ?? {
      id,
      rule: 'shelf-gap',
      subject: 'A1-3',
      state: 'open',
      severity: 'warning',
      title: 'Refill Spring water 1 l',
      detail: 'Shelf A1-3 holds 2 of 24; refill at 4.',
      raised: now,
      changed: now,
      events: [],
    };
    const alert = { ...before, changed: now, ...fields };
    this.alertsById.set(id, alert);
    for (const listener of this.listeners) listener(alert);
    return alert;
  }
}

/** 26 characters that end in `name`. */
export function alertId(name: string): string {
  return name.padStart(26, '0');
}
