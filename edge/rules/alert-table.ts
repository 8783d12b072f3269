/** The table of alerts: what the page, MQTT and the command line show, written with the decision that changed it. */
import type { Database, Statement } from 'better-sqlite3';
import { type Alert, alertSchema, hasEnded } from '../contracts/alerts.ts';

/** Ended alerts stay listed this long, by the calendar; their events remain in the journal. */
const KEEP_ENDED_MS = 7 * 86_400_000;

export class AlertTable {
  readonly #upsert: Statement;
  readonly #get: Statement;
  readonly #open: Statement;
  readonly #forget: Statement;

  constructor(db: Database) {
    this.#upsert = db.prepare(
      `INSERT INTO alerts (id, rule, subject, state, severity, title, detail, raised, changed, events, ended)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET state = excluded.state, severity = excluded.severity, title = excluded.title,
         detail = excluded.detail, changed = excluded.changed, events = excluded.events, ended = excluded.ended`,
    );
    this.#get = db.prepare('SELECT * FROM alerts WHERE id = ?');
    this.#open = db.prepare('SELECT * FROM alerts WHERE ended IS NULL ORDER BY raised, id');
    this.#forget = db.prepare('DELETE FROM alerts WHERE ended < ?');
  }

  put(alert: Alert, wall: number): void {
    const ended = hasEnded(alert.state) ? wall : null;
    this.#upsert.run(
      alert.id,
      alert.rule,
      alert.subject,
      alert.state,
      alert.severity,
      alert.title,
      alert.detail,
      alert.raised,
      alert.changed,
      JSON.stringify(alert.events),
      ended,
    );
  }

  get(id: string): Alert | undefined {
    const row = this.#get.get(id) as Record<string, string> | undefined;
    return row && toAlert(row);
  }

  open(): Alert[] {
    return (this.#open.all() as Record<string, string>[]).map(toAlert);
  }

  forgetOld(wall: number): void {
    this.#forget.run(wall - KEEP_ENDED_MS);
  }
}

function toAlert(row: Record<string, string>): Alert {
  return alertSchema.parse({ ...row, events: JSON.parse(row.events ?? '[]') });
}
