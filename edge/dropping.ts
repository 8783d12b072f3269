/** A time in which events are dropped for want of room: what health, the log and the alert say of it. */
import type { Stream } from './contracts/streams.ts';

export type DroppedCounts = Readonly<Partial<Record<Stream, number>>>;

export interface Dropping {
  /** Epoch ms of the first and the newest drop. */
  readonly since: number;
  readonly last: number;
  /** Of the newest, on the elapsed clock, ms. */
  readonly elapsed: number;
  readonly counts: DroppedCounts;
  /** Events that the rules know of; 0: not told that it began. */
  readonly told: number;
  readonly isOver: boolean;
}

/** Without a further drop it is over after so long, ms. */
export const OVER_MS = 60_000;
/** And told in health so long at least. */
export const TOLD_MS = 3_600_000;

export function addDropped(
  before: Dropping | undefined,
  dropped: DroppedCounts,
  wall: number,
  elapsed: number,
): Dropping {
  const counts: Partial<Record<Stream, number>> = { ...before?.counts };
  for (const [stream, events] of Object.entries(dropped) as [Stream, number][])
    counts[stream] = (counts[stream] ?? 0) + events;
  const told = before === undefined || before.isOver ? 0 : before.told;
  return { since: before?.since ?? wall, last: wall, elapsed, counts, told, isOver: false };
}

/** What is to be told now, if anything: that it began, is ten times as much, or is over. */
export function newsOf(dropping: Dropping, elapsed: number): Dropping | undefined {
  const total = Object.values(dropping.counts).reduce((sum, events) => sum + events, 0);
  const isOver = elapsed - dropping.elapsed >= OVER_MS;
  const isNews = dropping.told === 0 || (isOver ? !dropping.isOver : total >= 10 * dropping.told);
  return isNews ? { ...dropping, told: total, isOver } : undefined;
}

export function droppedText({ since, last, counts }: Dropping): string {
  const events = Object.entries(counts).map(([stream, count]) => `${count} events of ${stream}`);
  const [from, to] = [new Date(since).toISOString(), new Date(last).toISOString()];
  return `${events.join(', ')} were dropped for want of room since ${from}; the last at ${to}`;
}
