/** Small facts about an event, packed into one integer column: the time's quality and whether it is history. */
import { TIME_QUALITIES, type TimeQuality } from '../contracts/envelope.ts';

const HISTORY = 8;

export function packFlags(quality: TimeQuality, history: boolean): number {
  return TIME_QUALITIES.indexOf(quality) + (history ? HISTORY : 0);
}

export function unpackFlags(flags: number): { quality: TimeQuality; history: boolean } {
  return { quality: TIME_QUALITIES[flags & 7] ?? 'ok', history: (flags & HISTORY) !== 0 };
}
