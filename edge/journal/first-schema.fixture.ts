/** The schema of journal.db in its first version, kept as it was: what later versions must be able to bring up to date. */
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { JOURNAL_STREAMS } from '../contracts/streams.ts';

const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE incarnations (
  ordinal INTEGER PRIMARY KEY, incarnation TEXT NOT NULL UNIQUE, previous TEXT, created INTEGER NOT NULL,
  reason TEXT NOT NULL, last_known TEXT NOT NULL
) STRICT;
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, streams TEXT NOT NULL,
  elapsed INTEGER NOT NULL, wall INTEGER NOT NULL
) STRICT;
CREATE TABLE event_types (code INTEGER PRIMARY KEY, type TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE replication (
  id INTEGER PRIMARY KEY CHECK (id = 1), incarnation TEXT NOT NULL, acked TEXT NOT NULL, reserved TEXT, batch TEXT
) STRICT;
CREATE TABLE marks (
  elapsed INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, streams TEXT NOT NULL, acked TEXT NOT NULL
) STRICT;
CREATE TABLE repeats (id INTEGER PRIMARY KEY, elapsed INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;
CREATE TABLE sensed (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
CREATE TABLE rule_states (
  rule TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL, wake_at INTEGER, fault TEXT,
  PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_wakes ON rule_states (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX rule_faults ON rule_states (fault) WHERE fault IS NOT NULL;
CREATE TABLE alerts (
  id TEXT PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, state TEXT NOT NULL, severity TEXT NOT NULL,
  title TEXT NOT NULL, detail TEXT NOT NULL, raised TEXT NOT NULL, changed TEXT NOT NULL, events TEXT NOT NULL,
  ended INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload TEXT NOT NULL, retain INTEGER NOT NULL) STRICT;
CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, device TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
  pointers TEXT NOT NULL, bytes BLOB, size INTEGER NOT NULL, count INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, elapsed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letters_by_age ON dead_letters (elapsed);
`;

const EVENTS = (stream: string) => `
CREATE TABLE events_${stream} (
  position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, type INTEGER NOT NULL, received INTEGER NOT NULL,
  time INTEGER NOT NULL, flags INTEGER NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL, data TEXT NOT NULL
) STRICT;`;

const POSITION = 2 ** 40;

/** A journal of hub store-0042 with so many sales, a state row in every table, and nothing acknowledged. Returns its incarnation. */
export function writeFirstSchema(dataDir: string, sales: number): string {
  const incarnation = '1m7w2y7m0v7f3';
  const db = new SQLite(join(dataDir, 'journal.db'));
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  db.exec(TABLES + JOURNAL_STREAMS.map(EVENTS).join('\n'));
  const run = (sql: string, ...values: unknown[]) => db.prepare(sql).run(...values);
  db.transaction(() => {
    run("INSERT INTO meta VALUES ('hub', 'store-0042')");
    run("INSERT INTO incarnations VALUES (1, ?, NULL, 1795262607361, 'new database', '{}')", incarnation);
    run('INSERT INTO head VALUES (1, ?, ?, 5000, 1795262607361)', sales, JSON.stringify({ sales }));
    run("INSERT INTO event_types VALUES (1, 'retail.sales.sold.v1')");
    run("INSERT INTO sensed VALUES ('total', 'door', '{\"in\":7}')");
    run("INSERT INTO outbox (topic, payload, retain) VALUES ('out/alerts/x/y', '{}', 1)");
    run("INSERT INTO rule_states VALUES ('shelf-gap', 'A1-3', 1, '{\"lowSince\":1}', NULL, NULL)");
    run("INSERT INTO dead_letters VALUES ('letter', x'01', 'd', 'shelf', 'r', '[]', x'02', 1, 1, 1, 1, 1)");
    const sell = db.prepare(
      "INSERT INTO events_sales VALUES (?, ?, 1, 1795262607361, 1795262607361, 0, 'till-1', ?, ?)",
    );
    for (let number = 1; number <= sales; number += 1) {
      sell.run(
        POSITION + number,
        number,
        `till-1/${number}`,
        JSON.stringify({ readingId: `T1-${number}`, note: 'x'.repeat(200) }),
      );
    }
  })();
  db.pragma('user_version = 1');
  db.close();
  return incarnation;
}
