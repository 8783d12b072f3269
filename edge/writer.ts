/**
 * The writer: one transaction for each batch, on the only write connection, in a thread of its own. Whatever queued
 * during the last fsync is the next batch (group commit). Here is how transactions are run and what happens when one
 * fails; what is done inside them is the bookkeeper's.
 *
 * After a failed transaction memory is read again from the disk: on an error forget, and recompute.
 */
import { Bookkeeper, type BookkeeperOptions } from './bookkeeper.ts';
import { droppingOf } from './buffer-news.ts';
import type { Alert } from './contracts/alerts.ts';
import { messageOf } from './contracts/errors.ts';
import type { Receipt } from './contracts/intake.ts';
import type { SavedSessions } from './contracts/sessions.ts';
import { type Answer, type Batch, type Figures, NOTHING_TOLD, type Reply, type Told, Unpacker } from './crossing.ts';
import { deliver, keepPosition } from './deliveries.ts';
import { lookAtDevices } from './device-news.ts';
import { withoutFailing } from './failing-rules.ts';
import { checkpoint, type Database } from './journal/database.ts';
import { DISK_FULL, refusalOf } from './journal/disk-faults.ts';
import { ElapsedClock, type Now, type Sources } from './journal/elapsed-clock.ts';
import { FullDisk, openWithBallast } from './journal/full-disk.ts';
import type { RetentionOptions } from './journal/retention.ts';
import type { OutMessage } from './notify/outbox.ts';
import { answer } from './requests.ts';
import { setAside } from './set-aside.ts';
import { HOUSEKEEPING_MS, Upkeep } from './upkeep.ts';

export interface WriterOptions extends BookkeeperOptions {
  readonly dataDir: string;
  readonly retention: RetentionOptions;
  /** Whether the wall clock is synchronised as the edge starts. */
  readonly synced: boolean;
}

/** How long the writer rests after the disk refused, before it tries again. */
const REST_MS = 1000;
/** A closed shop commits this often: progress for the watchdog, and the elapsed clock is saved. */
const IDLE_COMMIT_MS = 60_000;

export class Writer {
  readonly #options: WriterOptions;
  readonly #clock: ElapsedClock;
  readonly #db: Database;
  readonly #books: Bookkeeper;
  readonly #upkeep: Upkeep;

  #now: Now;
  #synced: boolean;
  readonly #disk: FullDisk;
  #refusing: { reason: string; until: number } | undefined;
  /** Wakes may be due that wait for room. */
  #lacksRoom = false;
  #trouble: string | undefined;
  #committedAt = 0;

  /** Opens the journal and brings everything in memory up to it. Throws HubErrors of the database and the hub's name. */
  constructor(options: WriterOptions, sources: Sources) {
    this.#options = options;
    this.#synced = options.synced;
    this.#db = openWithBallast(options.dataDir, options.diskBudget);
    try {
      this.#books = new Bookkeeper(this.#db, options);
      this.#disk = new FullDisk(this.#db, options.dataDir, options.diskBudget);
      this.#clock = new ElapsedClock(sources, this.#books.log.load());
      this.#upkeep = new Upkeep({
        db: this.#db,
        books: this.#books,
        disk: this.#disk,
        options,
        elapsed: () => this.#clock.now().elapsed,
        transaction: (body) => this.#transaction(body),
      });
      this.#now = this.#clock.now();
      this.#books.load();
      this.#begin();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** The first transaction of a run; on a full disk with what the ballast has left. */
  #begin(): void {
    const begin = (): void => this.#ruled(() => this.#books.open());
    try {
      begin();
    } catch (error) {
      if (this.#refusalOf(error) !== DISK_FULL || !this.#disk.met()) throw error;
      this.#books.load();
      begin();
    }
    this.#disk.start();
  }

  get incarnation(): string {
    return this.#books.log.incarnation;
  }

  /** What was to go out when the last run ended, every open alert, and what the broker remembers. */
  leftovers(): { out: OutMessage[]; open: Alert[]; sessions: SavedSessions } {
    return { ...this.#books.leftovers(), sessions: this.#books.sessions.saved(this.#clock.now()) };
  }

  /** Milliseconds until the writer wants to run by itself: a due wake or the idle commit. */
  restMs(): number {
    const { elapsed } = this.#clock.now();
    const due = this.#books.dueAt - elapsed;
    const work = this.#lacksRoom ? Math.max(due, REST_MS) : due;
    const idle = IDLE_COMMIT_MS - (elapsed - this.#committedAt);
    const refused = this.#refusing ? this.#refusing.until - performance.now() : 0;
    const news = droppingOf(this.#books)?.told === 0 ? 0 : HOUSEKEEPING_MS;
    return Math.max(0, refused, Math.min(work, idle, this.#upkeep.restMs(), news));
  }

  /** Runs what is due without any input. */
  tick(synced: boolean): Reply {
    return this.process({ deliveries: [], count: 0, refusals: [], requests: [], synced });
  }

  /** A batch, or a part of one, and what is to be done after it. */
  process(batch: Batch, earlier: Told = NOTHING_TOLD): Reply {
    const reply = this.answer(batch, earlier);
    this.settle();
    return reply;
  }

  /**
   * One batch, one transaction. Throws only when the disk failed in a way after which nothing may be acknowledged any
   * more; a full disk is answered with not-stored receipts. `earlier`: what the parts of the batch before this one tell;
   * the answer tells it, too, as far as it still is to be.
   */
  answer(batch: Batch, earlier: Told = NOTHING_TOLD): Reply {
    this.#books.beginBatch(earlier);
    this.#synced = batch.synced;
    const started = performance.now();
    if (this.#refusing && !this.#triesAgain(started))
      return this.#withoutStoring(batch, this.#refusing.reason, started);
    let done: Pick<Reply, 'receipts' | 'answers'>;
    try {
      done = this.#ruled(() => this.#work(batch));
    } catch (error) {
      this.#books.load();
      const reason = this.#refusalOf(error);
      if (reason === undefined) return this.#oneByOne(batch, error);
      this.#refuse(reason);
      return this.#withoutStoring(batch, reason, started);
    }
    this.#refusing = undefined;
    const { dirty } = this.#books;
    const told = this.#told();
    if (batch.requests.some(({ op }) => op === 'erase')) done = this.#wipe(batch, done);
    return { ...done, ...told, figures: this.#figures(started, dirty) };
  }

  /** The last copy of an erased person's key is in the log: whoever asked waits until it is gone. */
  #wipe<Done extends Pick<Reply, 'answers'>>(batch: Batch, done: Done): Done {
    try {
      this.#books.shoppers.wipe();
      return done;
    } catch (error) {
      this.#refusalOf(error);
      this.#trouble = `the key of an erased shopper is still in a log, it is tried again: ${messageOf(error)}`;
      const failed: Answer = { ok: false, code: 'NOT_STORED', message: this.#trouble };
      return {
        ...done,
        answers: done.answers.map((given, at) => (batch.requests[at]?.op === 'erase' ? failed : given)),
      };
    }
  }

  /** What nobody has to wait for: eviction and housekeeping. Throws what must end the process. */
  settle(): void {
    if (this.#refusing) return;
    this.#afterwards(() => this.#upkeep.makeRoom());
    if (this.#upkeep.isDue) this.#afterwards(() => this.#housekeep());
  }

  /** Gives back what the database's cache holds and could read again. */
  shrink(): void {
    this.#db.pragma('shrink_memory');
  }

  /** Afterwards everything is in journal.db itself: whoever copies that file alone has all of it. */
  close(): void {
    try {
      this.#transaction(() => {
        this.#books.dirty = true;
      });
      checkpoint(this.#db, 'TRUNCATE');
    } finally {
      this.#db.close();
      this.#books.shoppers.close();
    }
  }

  /** Why facts are not stored now although the disk takes them. */
  get #refusal(): string | undefined {
    return this.#upkeep.refusal ?? this.#disk.refusal(performance.now());
  }

  /** Runs `body` in a transaction; what it changed in memory is flushed before the commit. */
  #transaction<T>(body: () => T): T {
    this.#now = this.#clock.now();
    this.#books.begin(this.#now, this.#synced);
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      if (this.#books.dirty) {
        this.#books.flush();
        this.#upkeep.mark();
        this.#committedAt = this.#now.elapsed;
      }
      this.#db.exec('COMMIT');
      this.#books.committed();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      this.#upkeep.forget();
      throw error;
    }
  }

  /** A transaction in which rules decide. */
  #ruled<T>(body: () => T): T {
    return withoutFailing(this.#books, (work) => this.#transaction(work), body);
  }

  #work(batch: Batch): Pick<Reply, 'receipts' | 'answers'> {
    const step = this.#clock.step();
    if (step) this.#books.clockStepped(step);
    this.#upkeep.lookAtFill();
    this.#books.catchUp();
    this.#lacksRoom = this.#refusal !== undefined;
    this.#books.runDue(!this.#lacksRoom);
    if (!this.#lacksRoom) this.#books.items.sweep(this.#books);
    if (!this.#lacksRoom) lookAtDevices(this.#books);
    const receipts: (Receipt | undefined)[] = [];
    for (const unpacker = new Unpacker(batch.deliveries); !unpacker.done; ) {
      const unit = unpacker.next();
      if (typeof unit === 'object') {
        const receipt = deliver(this.#books, unit, batch.synced, this.#refusal, !this.#disk.isFull);
        if (unpacker.handshake && receipt?.outcome !== 'not-stored') this.#books.note(unpacker.handshake);
        receipts.push(receipt);
        continue;
      }
      const refusal = batch.refusals[unit];
      if (!refusal) throw new Error('a refusal was lost on the way to the writer');
      const why = this.#disk.refusal(performance.now());
      if (why !== undefined) {
        receipts.push({ outcome: 'not-stored', reason: why });
        continue;
      }
      receipts.push(this.#books.refuse(refusal));
      if (refusal.handshake) this.#books.note(refusal.handshake);
      keepPosition(this.#books, refusal.position);
    }
    const answers = batch.requests.map((request) => answer(this.#books, request, this.#refusal));
    // What head office has taken may go.
    if (batch.requests.some(({ op }) => op === 'acknowledge')) this.#upkeep.tryAgain();
    if (this.#now.elapsed - this.#committedAt >= IDLE_COMMIT_MS) this.#books.dirty = true;
    return { receipts, answers };
  }

  /** What was just committed stands, whatever becomes of what is done after it. Throws what must end the process. */
  #afterwards(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#books.load();
      const reason = this.#refusalOf(error);
      if (reason !== undefined) this.#refuse(reason);
      this.#trouble = `housekeeping failed: ${messageOf(error)}`;
      this.#upkeep.postpone();
    }
  }

  #housekeep(): void {
    this.#books.shoppers.wipe();
    this.#upkeep.housekeep();
    this.#trouble = undefined;
  }

  /** A fault that is no disk's: the batch is done again one by one, and what causes it is set aside. */
  #oneByOne(batch: Batch, fault: unknown): Reply {
    const all: Batch[] = [];
    for (const unpacker = new Unpacker(batch.deliveries); !unpacker.done; ) all.push(unpacker.single(batch));
    for (const request of batch.requests) all.push({ ...batch, deliveries: [], count: 0, requests: [request] });
    if (all.length <= 1) return this.#setAside(batch, fault);
    const replies: Reply[] = [];
    for (const one of all) replies.push(this.process(one, replies.at(-1)));
    const last = replies.at(-1);
    if (!last) throw fault;
    return {
      // What a later one took back is not told.
      ...last,
      receipts: replies.flatMap((reply) => reply.receipts),
      answers: replies.flatMap((reply) => reply.answers),
      figures: { ...last.figures, appended: replies.flatMap((reply) => reply.figures.appended) },
    };
  }

  /** The one delivery or request that makes the writer fail: a dead letter, or an answer, never a loop. */
  #setAside(batch: Batch, fault: unknown): Reply {
    const started = performance.now();
    const reason = `the hub failed on this reading: ${messageOf(fault)}`;
    const unpacker = new Unpacker(batch.deliveries);
    const unit = batch.count > 0 ? unpacker.next() : undefined;
    const answers = batch.requests.map((): Answer => ({ ok: false, code: 'INTERNAL', message: messageOf(fault) }));
    if (unit === undefined && answers.length === 0) throw fault;
    const receipts: Receipt[] = [];
    if (typeof unit === 'object') {
      receipts.push(
        this.#transaction(() => {
          if (unpacker.handshake) this.#books.note(unpacker.handshake);
          return setAside(this.#books, unit, reason);
        }),
      );
    } else if (unit !== undefined) {
      receipts.push({ outcome: 'not-stored', reason });
    }
    return { receipts, answers, ...this.#told(), figures: this.#figures(started, true) };
  }

  /** The disk refused: nothing more is tried for a while, unless something could be done about it. */
  #refuse(reason: string): void {
    const mended = reason === DISK_FULL && this.#disk.met();
    this.#refusing = { reason, until: performance.now() + (mended ? 0 : REST_MS) };
  }

  /** After the rest: whether the disk takes a small commit again. What is in memory is not touched by it. */
  #triesAgain(started: number): boolean {
    if (!this.#refusing || started < this.#refusing.until) return false;
    try {
      this.#db.exec('BEGIN IMMEDIATE; UPDATE head SET id = id; COMMIT');
      this.#refusing = undefined;
      return true;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      const reason = this.#refusalOf(error);
      if (reason === undefined) throw error;
      this.#refuse(reason);
      return false;
    }
  }

  #refusalOf(error: unknown): string | undefined {
    return refusalOf(error, this.#options.dataDir);
  }

  /** Nothing can be stored now: what needs no storing is still acknowledged. */
  #withoutStoring(batch: Batch, reason: string, started: number): Reply {
    this.#books.liveness.pause();
    const receipts: (Receipt | undefined)[] = [];
    for (const unpacker = new Unpacker(batch.deliveries); !unpacker.done; ) {
      const unit = unpacker.next();
      const needsNote = typeof unit !== 'object' || unpacker.handshake !== undefined;
      try {
        receipts.push(needsNote ? { outcome: 'not-stored', reason } : deliver(this.#books, unit, batch.synced, reason));
      } catch {
        receipts.push({ outcome: 'not-stored', reason });
      }
    }
    return {
      receipts,
      answers: batch.requests.map(() => ({ ok: false as const, code: 'NOT_STORED', message: reason })),
      ...this.#told(),
      figures: this.#figures(started, false),
    };
  }

  #told(): Told {
    const { out, changed: alerts, silenced } = this.#books;
    return { out, alerts, silenced };
  }

  #figures(started: number, committed: boolean): Figures {
    const { log, engine, conflicting } = this.#books;
    return {
      appended: [...log.appended].map(([type, { count, bytes }]) => ({ type, count, bytes })),
      conflicting,
      committed,
      commitMs: performance.now() - started,
      refusing: this.#refusing?.reason ?? this.#refusal,
      trouble: this.#trouble,
      quarantined: engine.quarantined,
      shoppersRemoved: this.#books.shoppers.removed,
      noOffers: { ...this.#books.offers.counted },
      shoppersLost: this.#books.shoppers.areLost,
      lettersExpired: this.#books.lettersExpired,
      quiet: this.#books.liveness.quiet,
      forgotten: this.#books.forgotten,
      ...this.#upkeep.figures,
      dropping: droppingOf(this.#books),
      items: this.#books.items.figures,
    };
  }
}
