/**
 * The schema of journal.db, as numbered steps. Each runs once, in a transaction, and `user_version` records it.
 *
 * Every stream has a table of its own, and its rowid is the position (incarnation and stream sequence in one
 * number, positions.ts). So one event is one append at the right edge of one tree: no second index, the bridge
 * reads a stream by primary key, and old rows of a stream leave as a prefix.
 */
import type { Database } from 'better-sqlite3';
import { HubError } from '../contracts/errors.ts';
import { JOURNAL_STREAMS } from '../contracts/streams.ts';

const FIRST = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- One row per life of this database; ordinal is the upper part of every position.
CREATE TABLE incarnations (
  ordinal INTEGER PRIMARY KEY, incarnation TEXT NOT NULL UNIQUE, previous TEXT, created INTEGER NOT NULL,
  reason TEXT NOT NULL, last_known TEXT NOT NULL
) STRICT;

-- Written with every commit: the last sequence, the last stream sequences, the elapsed clock.
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1), sequence INTEGER NOT NULL, streams TEXT NOT NULL,
  elapsed INTEGER NOT NULL, wall INTEGER NOT NULL
) STRICT;

CREATE TABLE event_types (code INTEGER PRIMARY KEY, type TEXT NOT NULL UNIQUE) STRICT;

-- What head office has (acked) and what the bridge is about to send (reserved), as vectors of one incarnation.
CREATE TABLE replication (
  id INTEGER PRIMARY KEY CHECK (id = 1), incarnation TEXT NOT NULL, acked TEXT NOT NULL, reserved TEXT, batch TEXT
) STRICT;

-- Where the streams stood at some elapsed time, and what was acknowledged: ages without a column in every row.
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

const EVENT_TABLE = (stream: string) => `
CREATE TABLE events_${stream} (
  position INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, type INTEGER NOT NULL, received INTEGER NOT NULL,
  time INTEGER NOT NULL, flags INTEGER NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL, data TEXT NOT NULL
) STRICT;`;

/** What left unacknowledged, as stream sequences; `position` is that of its event in events_devices, null while it is open. */
const DROPS = `
CREATE TABLE drops (
  id INTEGER PRIMARY KEY, stream TEXT NOT NULL, ordinal INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL, reason TEXT NOT NULL, position INTEGER
) STRICT;
CREATE INDEX drops_by_range ON drops (stream, ordinal, last);
`;

const SESSIONS = `
-- QoS 2 publishes that were stored and are not released by their client yet.
CREATE TABLE handshakes (
  client TEXT NOT NULL, packet INTEGER NOT NULL, elapsed INTEGER NOT NULL, PRIMARY KEY (client, packet)
) STRICT, WITHOUT ROWID;

-- Clients that asked for a session that outlives their connection. gone: when they went (elapsed clock), or nothing
-- while they are there; sent: number of the newest queued message that may have been sent to them.
CREATE TABLE sessions (client TEXT PRIMARY KEY, gone INTEGER, sent INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE subscriptions (
  client TEXT NOT NULL, filter TEXT NOT NULL, qos INTEGER NOT NULL, PRIMARY KEY (client, filter)
) STRICT, WITHOUT ROWID;

-- Messages of QoS 1 and 2 that a session has not confirmed yet. packet: the id they are or will be sent with;
-- released: the client has it (PUBREC), only the end of the handshake is open.
CREATE TABLE queued (
  number INTEGER PRIMARY KEY, client TEXT NOT NULL, packet INTEGER NOT NULL, qos INTEGER NOT NULL,
  released INTEGER NOT NULL, retain INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL
) STRICT;

CREATE TABLE retained (topic TEXT PRIMARY KEY, qos INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;
`;

const OFFERS = `
-- The latest word on consent that was journaled, by keyed pseudonym.
CREATE TABLE consents (shopper TEXT PRIMARY KEY, granted INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Offers that were made, to a shopper or for a zone's screens. Moments on the elapsed clock, but \`expires\` (ISO 8601).
CREATE TABLE offers (
  id TEXT PRIMARY KEY, audience TEXT NOT NULL, campaign TEXT NOT NULL, zone TEXT NOT NULL, gtin TEXT NOT NULL,
  text TEXT NOT NULL, expires TEXT NOT NULL, expires_elapsed INTEGER NOT NULL, shopper TEXT, code TEXT UNIQUE,
  seen INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, events TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- What is past its time stays open: the moment is part of the index, so that a month of it costs nothing.
CREATE INDEX offers_open ON offers (gtin, zone, expires_elapsed) WHERE state = 'open';
CREATE INDEX offers_in_campaign ON offers (campaign, expires_elapsed) WHERE state = 'open';
CREATE INDEX offers_on_screens ON offers (zone) WHERE audience = 'zone' AND state = 'open';
CREATE INDEX offers_of_shopper ON offers (shopper) WHERE shopper IS NOT NULL;
CREATE INDEX offers_by_age ON offers (expires_elapsed);

-- What was redeemed at a till, and purchases attributed to an offer or to a hold-out.
CREATE TABLE uses (
  claim TEXT PRIMARY KEY, what TEXT NOT NULL, campaign TEXT NOT NULL, offer TEXT, shopper TEXT, gtin TEXT,
  quantity REAL NOT NULL, arm TEXT, told_by TEXT, till TEXT NOT NULL, transaction_id TEXT NOT NULL, business_day TEXT NOT NULL,
  reversed INTEGER NOT NULL, elapsed INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uses_by_receipt ON uses (till, transaction_id, business_day);
CREATE INDEX uses_of_offer ON uses (offer) WHERE offer IS NOT NULL;
CREATE INDEX uses_of_shopper ON uses (shopper, campaign) WHERE shopper IS NOT NULL;
CREATE INDEX uses_by_age ON uses (elapsed);

CREATE TABLE tallies (campaign TEXT NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (campaign, what)) STRICT, WITHOUT ROWID;

-- Which campaign the tallies are of: an id may be given to another one.
CREATE TABLE tallied (campaign TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The newest flags, for the page and the command line: without the events that caused them. time: epoch ms.
CREATE TABLE flags (
  id INTEGER PRIMARY KEY, elapsed INTEGER NOT NULL, time INTEGER NOT NULL, shopper TEXT, data TEXT NOT NULL
) STRICT;

-- Moments without an offer, by the store's calendar day; campaign is empty where none is meant.
CREATE TABLE no_offers (
  day TEXT NOT NULL, zone TEXT NOT NULL, campaign TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (day, zone, campaign, reason)
) STRICT, WITHOUT ROWID;
`;

/** Of a frame in a vendor's format: its codec may need it when it is tried again. */
const LETTER_TOPICS = 'ALTER TABLE dead_letters ADD COLUMN topic TEXT;';

const ITEMS = `
-- Items with a tag that are in the shop: where they are. epc: pure identity URI, or hex where there is none. Moments: epoch ms.
CREATE TABLE items (
  epc TEXT PRIMARY KEY, zone TEXT NOT NULL, since INTEGER NOT NULL, arrived INTEGER NOT NULL, gtin TEXT, serial TEXT, sscc TEXT,
  reader TEXT NOT NULL, antenna INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX items_by_gtin ON items (gtin, zone);
`;

const MIGRATIONS: readonly string[] = [
  FIRST + JOURNAL_STREAMS.map(EVENT_TABLE).join('\n'),
  DROPS,
  SESSIONS,
  OFFERS,
  LETTER_TOPICS,
  ITEMS,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings an open database to SCHEMA_VERSION. Throws JOURNAL_NEWER when it is already past it. */
export function migrate(db: Database): void {
  const from = Number(db.pragma('user_version', { simple: true }));
  if (from > SCHEMA_VERSION) {
    throw new HubError('JOURNAL_NEWER', `the journal has schema ${from}, this version knows ${SCHEMA_VERSION}`);
  }
  for (let version = from; version < SCHEMA_VERSION; version += 1) {
    db.transaction(() => {
      db.exec(MIGRATIONS[version] ?? '');
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
}
