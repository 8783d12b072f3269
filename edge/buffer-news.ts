/**
 * What the rules hear of the disk budget: that it becomes full of what head office does not have, that there is room
 * again, and that events are dropped for want of room. What was told last is remembered, so that a restart says nothing
 * twice.
 */
import type { Database } from 'better-sqlite3';
import type { EventType } from './contracts/events.ts';
import { addDropped, type DroppedCounts, type Dropping, newsOf, TOLD_MS } from './dropping.ts';
import type { Now } from './journal/elapsed-clock.ts';
import type { Remembered } from './journal/remembered.ts';

/** Under this kind is remembered what was told of the disk budget. */
export const BUFFER = 'buffer';

/** What of the bookkeeper's it concerns. */
interface Books {
  readonly now: Now;
  readonly remembered: Pick<Remembered, 'get' | 'set'>;
  readonly options: { readonly hub: string; readonly retention: { readonly cloud: boolean } };
  dirty: boolean;
  journal(type: EventType, source: string, subject: string, data: Record<string, unknown>): void;
}

/** As last told to the rules. */
export function bufferLevel({ remembered }: Pick<Books, 'remembered'>): 'high' | 'normal' {
  return remembered.get(BUFFER, 'level') === 'high' ? 'high' : 'normal';
}

/** The disk budget became full of what head office does not have (a share of it), or has room again. */
export function tellLevel(books: Books, level: 'high' | 'normal', filled: number): void {
  const { hub, retention } = books.options;
  books.remembered.set(BUFFER, 'level', level);
  const data = { level, percent: Math.round(filled * 100), cloud: retention.cloud };
  books.journal('local.buffer.changed.v1', 'journal', hub, data);
}

/** What was dropped for want of room lately. */
export function droppingOf({ remembered }: Pick<Books, 'remembered'>): Dropping | undefined {
  return (remembered.get(BUFFER, 'dropped') as Dropping | null | undefined) ?? undefined;
}

/** In the transaction that drops them. */
export function noteDropped(books: Books, dropped: DroppedCounts): void {
  if (Object.keys(dropped).length === 0) return;
  const { elapsed, wall } = books.now;
  books.remembered.set(BUFFER, 'dropped', addDropped(droppingOf(books), dropped, wall, elapsed));
  books.dirty = true;
}

/** Lets the rules know when dropping began, grew or is over. */
export function tellDropping(books: Books, filled: number): void {
  const dropping = droppingOf(books);
  const news = dropping && newsOf(dropping, books.now.elapsed);
  if (!news) return;
  const { hub, retention } = books.options;
  books.remembered.set(BUFFER, 'dropped', news);
  if (!news.isOver) books.remembered.set(BUFFER, 'level', 'high');
  books.journal('local.buffer.changed.v1', 'journal', hub, {
    level: bufferLevel(books),
    percent: Math.round(filled * 100),
    cloud: retention.cloud,
    dropped: news.counts,
    since: new Date(news.since).toISOString(),
    over: news.isOver,
  });
}

/** What was dropped long ago, and head office has been told of. */
export function forgetDropping(books: Books, db: Database): void {
  const dropping = droppingOf(books);
  if (!dropping || books.now.elapsed - dropping.elapsed < TOLD_MS) return;
  const lies = books.options.retention.cloud && db.prepare('SELECT 1 FROM drops LIMIT 1').get() !== undefined;
  if (lies) return;
  books.remembered.set(BUFFER, 'dropped', null);
  books.dirty = true;
}
