/**
 * The main thread's side of the writer: the door into the journal. It gathers what arrives while the writer is busy
 * into the next batch, keeps two batches under way so that the writer never waits, and answers in order.
 */
import { Worker } from 'node:worker_threads';
import type { Alert } from './contracts/alerts.ts';
import { type ErrorCode, HubError } from './contracts/errors.ts';
import type { Delivery, Intake, Receipt, Refusal } from './contracts/intake.ts';
import type { SavedSessions } from './contracts/sessions.ts';
import {
  type Answer,
  type Figures,
  type Packed,
  packDelivery,
  packRefusal,
  type Reply,
  type Request,
} from './crossing.ts';
import type { OutMessage } from './notify/outbox.ts';
import type { WriterOptions } from './writer.ts';
import type { FromWriter, ToWriter } from './writer-thread.ts';

export interface JournalThreadOptions {
  readonly writer: WriterOptions;
  readonly synced: () => boolean;
  /** The disk failed: nothing may be acknowledged any more, the process must end. */
  readonly onFailure: (error: HubError) => void;
}

/** After each commit: what must go out, which alerts changed, what to count. */
export type CommitListener = (
  out: readonly OutMessage[],
  alerts: readonly Alert[],
  figures: Figures,
  /** Topics of shoppers: what waits for their readers is older than `out`, and not sent any more. */
  silenced: readonly string[],
) => void;

export interface Opened {
  readonly incarnation: string;
  /** What was not delivered when the last run ended. */
  readonly out: readonly OutMessage[];
  /** Alerts that have not ended. */
  readonly open: readonly Alert[];
  /** What the broker remembers of its clients. */
  readonly sessions: SavedSessions;
}

interface Pending {
  deliveries: Packed;
  count: number;
  refusals: Refusal[];
  requests: Request[];
  receipts: ((receipt: Receipt) => void)[];
  answers: ((answer: Answer) => void)[];
}

const MAX_DELIVERIES = 2000;
/**
 * Two batches under way keep the writer busy. Where a sync takes long, the second would only wait behind the first,
 * and what arrives meanwhile behind both: then one at a time is faster for everybody.
 */
const MAX_UNDER_WAY = 2;
const SLOW_COMMIT_MS = 3;
const COMMITS_LOOKED_AT = 8;
/**
 * With so many gathered and the writer short of work, they go at once: reading all sockets first would leave the
 * writer idle meanwhile, and then the main thread while it writes.
 */
const EAGER = 80;
const ACCEPTED: Receipt = { outcome: 'accepted', accepted: 1, repeated: 0 };

export class JournalThread implements Intake {
  readonly #options: JournalThreadOptions;
  #worker: Worker | undefined;
  #opened: Promise<Opened> | undefined;
  #listener: CommitListener | undefined;
  /** Commits before anybody listened: the writer may have run due wakes by itself. */
  #unheard: Reply[] = [];
  #gathering: Pending = emptyBatch();
  #waiting: Pending[] = [];
  #underWay: Pending[] = [];
  #scheduled = false;
  /** How long the last commits took, ms. */
  #commitMs: number[] = [];
  #failure: HubError | undefined;
  #settle: { resolve: () => void; reject: (error: HubError) => void } | undefined;

  constructor(options: JournalThreadOptions) {
    this.#options = options;
  }

  /**
   * Starts the thread and opens the journal; called again it gives the same answer. Throws the HubErrors of opening it.
   */
  start(): Promise<Opened> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** Hears of every commit, those before the call included. */
  listen(listener: CommitListener): void {
    this.#listener = listener;
    for (const reply of this.#unheard.splice(0)) this.#committed(reply);
  }

  async #open(): Promise<Opened> {
    const worker = new Worker(new URL('./writer-thread.js', import.meta.url), {
      workerData: this.#options.writer,
      name: 'writer',
    });
    this.#worker = worker;
    const ready = await new Promise<Extract<FromWriter, { is: 'ready' }>>((resolve, reject) => {
      const refuse = (error: HubError): void => {
        this.#failure = error;
        reject(error);
      };
      worker.once('error', (error) => refuse(new HubError('NOT_STORED', error.message, { cause: error })));
      worker.once('message', (message: FromWriter) => {
        if (message.is === 'ready') resolve(message);
        else refuse(errorOf(message));
      });
    });
    worker.removeAllListeners('error');
    worker.on('error', (error) =>
      this.#fail(new HubError('NOT_STORED', `the writer ended: ${error.message}`, { cause: error })),
    );
    worker.on('message', (message: FromWriter) => this.#onMessage(message));
    return ready;
  }

  /** Commits what was accepted and closes the journal. */
  async stop(): Promise<void> {
    await this.#stop();
    // The thread holds the database's files until it is gone.
    await this.#worker?.terminate();
  }

  async #stop(): Promise<void> {
    if (!this.#worker || this.#failure) return;
    const closed = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    while (
      this.#underWay.length + this.#waiting.length > 0 ||
      this.#gathering.count + this.#gathering.requests.length > 0
    ) {
      // Answered behind everything before it, also when nothing can be stored.
      await this.request({ op: 'delivered', ids: [] }).catch(() => undefined);
      if (this.#failure) return;
    }
    this.#post('close');
    await closed;
  }

  /** Somebody else than the writer found that nothing may be stored any more. */
  giveUp(error: HubError): void {
    this.#fail(error);
  }

  deliver(delivery: Delivery, done: (receipt: Receipt) => void): void {
    packDelivery(this.#gathering.deliveries, delivery);
    this.#took(done);
  }

  refuse(refusal: Refusal, done: (receipt: Receipt) => void): void {
    packRefusal(this.#gathering.deliveries, this.#gathering.refusals.length);
    this.#gathering.refusals.push(refusal);
    this.#took(done);
  }

  /** Something else to journal or to write; throws the HubError that it was answered with. */
  async request(request: Request): Promise<unknown> {
    const answer = await new Promise<Answer>((resolve) => {
      this.#gathering.requests.push(request);
      this.#gathering.answers.push(resolve);
      this.#schedule();
    });
    if (answer.ok) return answer.value;
    throw new HubError(answer.code as ErrorCode, answer.message);
  }

  #took(done: (receipt: Receipt) => void): void {
    this.#gathering.count += 1;
    this.#gathering.receipts.push(done);
    if (this.#gathering.count >= MAX_DELIVERIES) {
      this.#waiting.push(this.#gathering);
      this.#gathering = emptyBatch();
    }
    if (this.#gathering.count >= EAGER && this.#underWay.length < this.#most) this.#send();
    else this.#schedule();
  }

  /** At the end of this turn of the event loop: what one read of the sockets brought goes together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#failure) {
      this.#answerAll(this.#failure.message);
      return;
    }
    while (this.#underWay.length < this.#most) {
      const next = this.#waiting.shift() ?? this.#takeGathering();
      if (!next) return;
      this.#underWay.push(next);
      const { deliveries, count, refusals, requests } = next;
      this.#post({ deliveries, count, refusals, requests, synced: this.#options.synced() });
    }
  }

  /** How many batches may be under way: the quickest of the last commits tells what the disk can do. */
  get #most(): number {
    return Math.min(...this.#commitMs) > SLOW_COMMIT_MS && this.#commitMs.length > 0 ? 1 : MAX_UNDER_WAY;
  }

  #takeGathering(): Pending | undefined {
    if (this.#gathering.count + this.#gathering.requests.length === 0) return undefined;
    const taken = this.#gathering;
    this.#gathering = emptyBatch();
    return taken;
  }

  #post(message: ToWriter): void {
    this.#worker?.postMessage(message);
  }

  #onMessage(message: FromWriter): void {
    if (message.is === 'reply') this.#onReply(message.reply);
    else if (message.is === 'tick') this.#committed(message.reply);
    else if (message.is === 'closed') this.#settle?.resolve();
    else if (message.is === 'failed') this.#fail(errorOf(message));
  }

  #onReply(reply: Reply): void {
    const batch = this.#underWay.shift();
    if (reply.figures.committed)
      this.#commitMs = [...this.#commitMs.slice(1 - COMMITS_LOOKED_AT), reply.figures.commitMs];
    this.#send();
    this.#committed(reply);
    batch?.receipts.forEach((done, index) => {
      done(reply.receipts[index] ?? ACCEPTED);
    });
    batch?.answers.forEach((done, index) => {
      done(reply.answers[index] ?? { ok: false, code: 'NOT_STORED', message: 'no answer' });
    });
  }

  #committed(reply: Reply): void {
    if (this.#listener) this.#listener(reply.out, reply.alerts, reply.figures, reply.silenced);
    else this.#unheard.push(reply);
  }

  #fail(error: HubError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#answerAll(error.message);
    this.#settle?.reject(error);
    this.#options.onFailure(error);
  }

  #answerAll(reason: string): void {
    const batches = [...this.#underWay, ...this.#waiting, this.#gathering];
    this.#underWay = [];
    this.#waiting = [];
    this.#gathering = emptyBatch();
    for (const batch of batches) {
      for (const done of batch.receipts) done({ outcome: 'not-stored', reason });
      for (const done of batch.answers) done({ ok: false, code: 'NOT_STORED', message: reason });
    }
  }
}

function emptyBatch(): Pending {
  return { deliveries: [], count: 0, refusals: [], requests: [], receipts: [], answers: [] };
}

function errorOf(message: FromWriter): HubError {
  if (message.is !== 'failed') return new HubError('NOT_STORED', 'the writer did not start');
  return new HubError((message.code ?? 'NOT_STORED') as ErrorCode, message.message);
}
