/** The words in which resuming speaks to an operator. */
import { STREAMS } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import type { Range } from '../hq/ranges.ts';
import type { Strange } from './resume-comparison.ts';

/** 'sales 120, climate 4', or 'nothing'. */
export function vectorText(vector: Vector): string {
  const parts = STREAMS.filter((stream) => at(vector, stream) > 0).map((stream) => `${stream} ${at(vector, stream)}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

export function rangeText({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

const WHY = {
  lacking: 'which the journal does not have',
  'other-content': 'which the journal has with other content',
  unreadable: 'which cannot be read as an event',
} as const;

export function strangeText(strange: Strange, count: number): string {
  const which =
    strange.why === 'unreadable'
      ? `a record of ${strange.stream}`
      : `event ${strange.streamSequence} of ${strange.stream} (${strange.incarnation})`;
  const more = count > 1 ? ` (and ${count - 1} more like it)` : '';
  return `head office holds ${which}, ${WHY[strange.why]}${more}`;
}
