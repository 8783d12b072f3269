/**
 * Baseline of bytes written: better-sqlite3 as it comes (4 KiB pages, WAL), synced at each commit, one plain table.
 * `node bare-journal.js --file F --rows N --batch N --bytes N`; prints `{"written": bytes}`, the closing checkpoint
 * included.
 */
import { parseArgs } from 'node:util';
import SQLite from 'better-sqlite3';
import { writtenBy } from './proc.ts';

const { values } = parseArgs({
  options: {
    file: { type: 'string', default: 'bare.db' },
    rows: { type: 'string', default: '300' },
    batch: { type: 'string', default: '1' },
    bytes: { type: 'string', default: '300' },
  },
});
const db = new SQLite(values.file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec('CREATE TABLE events (sequence INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT');
const insert = db.prepare('INSERT INTO events (data) VALUES (?)');
const rows = Number(values.rows);
const before = writtenBy(process.pid);
for (let done = 0; done < rows; ) {
  const count = Math.min(Number(values.batch), rows - done);
  db.transaction(() => {
    for (let row = 0; row < count; row += 1) insert.run(String(done + row).padStart(Number(values.bytes), 'x'));
  })();
  done += count;
}
db.close();
console.log(JSON.stringify({ written: writtenBy(process.pid) - before }));
