/**
 * Remembering ids, so that a resent reading is stored once: the newest 1,000,000 accepted, for 7 days of the elapsed
 * clock. A unique index on random ids costs most of the write speed of SQLite, so the table lives in memory (128 bits
 * of a hash per id, in a ring with an open-addressing index over it) and each commit appends one blob with its ids.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Database, Statement } from 'better-sqlite3';

export const MAX_IDS = 1_000_000;
/** With a small disk budget they take at most this part of it: fewer are remembered then. */
const BUDGET_SHARE = 8;
const MEMORY_MS = 7 * 86_400_000;
/** Words of an entry: four of the identity's hash, one of the content's. */
const WORDS = 5;
const ENTRY_BYTES = WORDS * 4;

/** How many ids are remembered with a disk budget of so many bytes: a million from 153 MiB on. */
export function idsWithin(diskBudget: number): number {
  return Math.max(1000, Math.min(MAX_IDS, Math.floor(diskBudget / BUDGET_SHARE / ENTRY_BYTES)));
}

/** A blob grows by update until here, and for an hour: a row stays within one page, and start-up reads few rows. */
const BLOB_BYTES = 1400;
const BLOB_MS = 3_600_000;
const FIRST_CAPACITY = 4096;

export type Verdict = 'new' | 'repeat' | 'conflicting';

export class Repeats {
  readonly #maxIds: number;
  readonly #select: Statement;
  readonly #insert: Statement;
  readonly #update: Statement;
  readonly #prune: Statement;

  #capacity = 0;
  #entries = new Uint32Array(0);
  #seconds = new Uint32Array(0);
  /** Open addressing: ring slot + 1, 0 is free. */
  #index = new Int32Array(0);
  #oldest = 0;
  #count = 0;

  /** Ids of this transaction, not yet in a blob: words, and how many are used. */
  #fresh = new Uint32Array(256 * WORDS);
  #freshWords = 0;
  readonly #scratch = new Uint32Array(WORDS);
  #rows: { id: number; count: number; elapsed: number }[] = [];
  /** Ids in all rows. */
  #stored = 0;
  /** The blob that still grows; `since` is the time of its first id, the row tells that of its last. */
  #open: { id: number; entries: Buffer; since: number } | undefined;

  constructor(db: Database, maxIds = MAX_IDS) {
    this.#maxIds = maxIds;
    this.#select = db.prepare('SELECT id, elapsed, entries FROM repeats ORDER BY id');
    this.#insert = db.prepare('INSERT INTO repeats (id, elapsed, entries) VALUES (?, ?, ?)');
    this.#update = db.prepare('UPDATE repeats SET elapsed = ?, entries = ? WHERE id = ?');
    this.#prune = db.prepare('DELETE FROM repeats WHERE id <= ?');
  }

  get size(): number {
    return this.#count;
  }

  /** (Re)reads everything: at start, and after a rollback. */
  load(): void {
    this.#freshWords = 0;
    this.#rows = [];
    this.#stored = 0;
    this.#open = undefined;
    this.#oldest = 0;
    this.#count = 0;
    const rows = this.#select.all() as { id: number; elapsed: number; entries: Buffer }[];
    const total = rows.reduce((sum, row) => sum + row.entries.length / ENTRY_BYTES, 0);
    this.#resize(Math.max(FIRST_CAPACITY, Math.min(this.#maxIds, total)));
    for (const row of rows) {
      const count = row.entries.length / ENTRY_BYTES;
      this.#rows.push({ id: row.id, count, elapsed: row.elapsed });
      this.#stored += count;
      const words = new Uint32Array(new Uint8Array(row.entries).buffer);
      for (let i = 0; i < count; i += 1) this.#addAgain(words, i * WORDS, row.elapsed);
    }
  }

  /** Looks an identity up without remembering it. */
  look(identity: string, content: string, elapsed: number): Verdict {
    return this.#judge(this.#digest(identity, content), elapsed).verdict;
  }

  /** Looks an identity up and remembers it when it is new. */
  see(identity: string, content: string, elapsed: number): Verdict {
    const words = this.#digest(identity, content);
    const { verdict, slot } = this.#judge(words, elapsed);
    if (verdict !== 'new') return verdict;
    if (slot !== -1) {
      this.#seconds[slot] = Math.floor(elapsed / 1000);
      this.#entries[slot * WORDS + 4] = words[4] ?? 0;
    } else {
      this.#add(words, 0, elapsed);
    }
    if (this.#freshWords + WORDS > this.#fresh.length) {
      const larger = new Uint32Array(this.#fresh.length * 2);
      larger.set(this.#fresh);
      this.#fresh = larger;
    }
    this.#fresh.set(words, this.#freshWords);
    this.#freshWords += WORDS;
    return 'new';
  }

  /** Writes the ids of this transaction and forgets blobs that are past both bounds. */
  flush(elapsed: number): void {
    if (this.#freshWords === 0) return;
    const fresh = Buffer.from(this.#fresh.slice(0, this.#freshWords).buffer);
    const count = fresh.length / ENTRY_BYTES;
    this.#freshWords = 0;
    this.#stored += count;
    const last = this.#rows.at(-1);
    const open = this.#open;
    const grows = open && open.entries.length + fresh.length <= BLOB_BYTES && elapsed - open.since <= BLOB_MS;
    if (open && last && grows) {
      open.entries = Buffer.concat([open.entries, fresh]);
      this.#update.run(elapsed, open.entries, open.id);
      last.count += count;
      last.elapsed = elapsed;
    } else {
      const id = (last?.id ?? 0) + 1;
      this.#insert.run(id, elapsed, fresh);
      this.#rows.push({ id, count, elapsed });
      this.#open = fresh.length < BLOB_BYTES ? { id, entries: fresh, since: elapsed } : undefined;
    }
    this.#forgetBlobs(elapsed);
  }

  #forgetBlobs(elapsed: number): void {
    let drop = 0;
    for (const row of this.#rows) {
      const tooMany = this.#stored - row.count >= this.#maxIds;
      const tooOld = elapsed - row.elapsed > MEMORY_MS;
      if (!tooMany && !tooOld) break;
      this.#stored -= row.count;
      drop += 1;
    }
    const lastDropped = this.#rows[drop - 1];
    if (!lastDropped) return;
    this.#prune.run(lastDropped.id);
    this.#rows.splice(0, drop);
  }

  #digest(identity: string, content: string): Uint32Array {
    const words = this.#scratch;
    // The digest as binary text: cheaper than a Buffer for each id.
    const digest = hash('sha256', identity, 'binary');
    for (let i = 0; i < 4; i += 1) {
      const at = i * 4;
      words[i] =
        digest.charCodeAt(at) |
        (digest.charCodeAt(at + 1) << 8) |
        (digest.charCodeAt(at + 2) << 16) |
        (digest.charCodeAt(at + 3) << 24);
    }
    words[4] = crc32(content);
    return words;
  }

  /** `slot` is where the identity stands, also when it is too old to count. */
  #judge(words: Uint32Array, elapsed: number): { verdict: Verdict; slot: number } {
    const slot = this.#find(words);
    if (slot === -1 || elapsed - (this.#seconds[slot] ?? 0) * 1000 > MEMORY_MS) return { verdict: 'new', slot };
    return { verdict: this.#entries[slot * WORDS + 4] === words[4] ? 'repeat' : 'conflicting', slot };
  }

  #find(words: Uint32Array, offset = 0): number {
    const mask = this.#index.length - 1;
    for (let probe = (words[offset] ?? 0) & mask; ; probe = (probe + 1) & mask) {
      const slot = (this.#index[probe] ?? 0) - 1;
      if (slot === -1) return -1;
      const base = slot * WORDS;
      const entries = this.#entries;
      if (
        entries[base] === words[offset] &&
        entries[base + 1] === words[offset + 1] &&
        entries[base + 2] === words[offset + 2] &&
        entries[base + 3] === words[offset + 3]
      ) {
        return slot;
      }
    }
  }

  /** From a blob: an id that was forgotten and seen again stands in two of them, and the later one counts. */
  #addAgain(words: Uint32Array, offset: number, elapsed: number): void {
    const slot = this.#find(words, offset);
    if (slot === -1) {
      this.#add(words, offset, elapsed);
      return;
    }
    this.#seconds[slot] = Math.floor(elapsed / 1000);
    this.#entries[slot * WORDS + 4] = words[offset + 4] ?? 0;
  }

  #add(words: Uint32Array, offset: number, elapsed: number): void {
    if (this.#count === this.#capacity) {
      if (this.#capacity < this.#maxIds) this.#resize(Math.min(this.#maxIds, this.#capacity * 2));
      else this.#removeOldest();
    }
    const slot = (this.#oldest + this.#count) % this.#capacity;
    const base = slot * WORDS;
    for (let i = 0; i < WORDS; i += 1) this.#entries[base + i] = words[offset + i] ?? 0;
    this.#seconds[slot] = Math.floor(elapsed / 1000);
    this.#count += 1;
    this.#enter(slot);
  }

  #enter(slot: number): void {
    const mask = this.#index.length - 1;
    let probe = (this.#entries[slot * WORDS] ?? 0) & mask;
    while (this.#index[probe] !== 0) probe = (probe + 1) & mask;
    this.#index[probe] = slot + 1;
  }

  /** Linear probing without tombstones: what follows the freed place moves up if it may. */
  #removeOldest(): void {
    const index = this.#index;
    const mask = index.length - 1;
    const home = (slot: number) => (this.#entries[slot * WORDS] ?? 0) & mask;
    let hole = home(this.#oldest);
    while (index[hole] !== this.#oldest + 1) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; index[next] !== 0; next = (next + 1) & mask) {
      const wanted = home((index[next] ?? 0) - 1);
      if (((next - wanted) & mask) >= ((next - hole) & mask)) {
        index[hole] = index[next] ?? 0;
        hole = next;
      }
    }
    index[hole] = 0;
    this.#oldest = (this.#oldest + 1) % this.#capacity;
    this.#count -= 1;
  }

  #resize(capacity: number): void {
    const entries = new Uint32Array(capacity * WORDS);
    const seconds = new Uint32Array(capacity);
    for (let i = 0; i < this.#count; i += 1) {
      const slot = (this.#oldest + i) % this.#capacity;
      entries.set(this.#entries.subarray(slot * WORDS, (slot + 1) * WORDS), i * WORDS);
      seconds[i] = this.#seconds[slot] ?? 0;
    }
    this.#entries = entries;
    this.#seconds = seconds;
    this.#capacity = capacity;
    this.#oldest = 0;
    this.#index = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    for (let slot = 0; slot < this.#count; slot += 1) this.#enter(slot);
  }
}
