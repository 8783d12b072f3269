/**
 * Warnings about single devices: one that does something wrong does it often, and must not fill the log, nor keep
 * others from being named. In each minute a subject (the message, whatever numbers are in it) has ten lines, and a
 * client one of them; what is not said is counted in the next line of its subject,
 * as suppressed_lines.
 */
import type { Logger } from './logging.ts';

const LINES_PER_WINDOW = 10;
const WINDOW_MS = 60_000;
/** Messages may quote what a device sent. */
const MOST_SUBJECTS = 100;

interface Fields {
  readonly client?: string | undefined;
  readonly address?: string | undefined;
  readonly [more: string]: unknown;
}

interface Subject {
  readonly named: Set<string>;
  left: number;
  unsaid: number;
}

export class CalmLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #subjects = new Map<string, Subject>();
  #windowEnd = Number.NEGATIVE_INFINITY;

  /** `now` is monotonic milliseconds. */
  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  warn(fields: Fields, message: string): void {
    if (this.#now() >= this.#windowEnd) this.#openWindow();
    const subject = this.#subjectOf(message.replace(/\d+/g, '0'));
    const who = fields.client || fields.address || '';
    if (subject.left === 0 || (who !== '' && subject.named.has(who))) {
      subject.unsaid += 1;
      return;
    }
    subject.left -= 1;
    subject.named.add(who);
    this.#logger.warn(subject.unsaid === 0 ? fields : { ...fields, suppressed_lines: subject.unsaid }, message);
    subject.unsaid = 0;
  }

  #openWindow(): void {
    this.#windowEnd = this.#now() + WINDOW_MS;
    for (const [name, subject] of this.#subjects) {
      if (subject.unsaid === 0) this.#subjects.delete(name);
      subject.left = LINES_PER_WINDOW;
      subject.named.clear();
    }
  }

  #subjectOf(name: string): Subject {
    const known = this.#subjects.get(name);
    if (known !== undefined) return known;
    if (this.#subjects.size >= MOST_SUBJECTS) return this.#subjectOf(this.#subjects.keys().next().value ?? '');
    const subject = { named: new Set<string>(), left: LINES_PER_WINDOW, unsaid: 0 };
    this.#subjects.set(name, subject);
    return subject;
  }
}
