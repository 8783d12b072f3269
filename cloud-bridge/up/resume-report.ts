/** What resuming found, as data for `--json` and as lines for a person. */
import { STREAMS } from '../../edge/contracts/streams.ts';
import { at, type Vector } from '../../edge/contracts/vector.ts';
import { isRefused, planNewIncarnation, planRefill, planRepartition, type Refused } from './resume-plans.ts';
import { claimOf, type Situation } from './resume-situation.ts';
import { strangeText, vectorText } from './resume-words.ts';
import type { Halted } from './state.ts';

/** One way to go on: the sentences say what it would do, or `refused` why not. */
export interface ResumeChoice {
  readonly possible: boolean;
  readonly says: readonly string[];
}

/** Stream sequences of one stream: at head office by its records, by its checkpoint, as this box knows, and its journal. */
export interface StreamStanding {
  readonly incarnation: string;
  readonly stream: string;
  readonly head_office: number;
  readonly checkpoint: number;
  readonly acknowledged: number;
  readonly journal: number;
}

export interface ResumeReport {
  readonly mode: string;
  /** Whether something was changed. */
  readonly done: boolean;
  readonly hub: string;
  readonly partition: number;
  readonly halt: Halted | null;
  readonly streams: readonly StreamStanding[];
  readonly choices: Readonly<Record<'refill' | 'new-incarnation' | 'repartition', ResumeChoice>>;
  /** All of it for a person. */
  readonly summary: string;
}

function choice(plan: Refused | { readonly says: readonly string[] }): ResumeChoice {
  return isRefused(plan) ? { possible: false, says: [`${plan.refused}.`] } : { possible: true, says: plan.says };
}

function standings({ office, journal, state }: Situation): StreamStanding[] {
  const claims = new Map(office.checkpoint?.value.chain.map(({ incarnation, last }) => [incarnation, last]));
  const known = new Map<string, Vector>(state.closed.map(({ incarnation, vector }) => [incarnation, vector]));
  const position = state.position ?? (journal.acked && { ...journal.acked, acked: journal.acked.vector });
  if (position) known.set(position.incarnation, position.acked);
  const incarnations = [...office.chain, ...journal.chain.filter((one) => !office.chain.includes(one))];
  return incarnations.flatMap((incarnation) =>
    STREAMS.map((stream) => ({
      incarnation,
      stream,
      head_office: at(office.real.get(incarnation) ?? {}, stream),
      checkpoint: at(claims.get(incarnation) ?? {}, stream),
      acknowledged: at(known.get(incarnation) ?? {}, stream),
      journal: at(journal.heads.get(incarnation) ?? {}, stream),
    })).filter((row) => Math.max(row.head_office, row.checkpoint, row.acknowledged, row.journal) > 0),
  );
}

const COLUMNS = ['incarnation', 'stream', 'head office', 'its checkpoint', 'known here', 'journal'];

function table(rows: readonly StreamStanding[]): string[] {
  if (rows.length === 0) return ['Head office has nothing of this hub, and the journal is empty.'];
  const cells = rows.map((row) =>
    [row.incarnation, row.stream, row.head_office, row.checkpoint, row.acknowledged, row.journal].map(String),
  );
  const widths = COLUMNS.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(COLUMNS), ...cells.map(line)];
}

function checkpointLines({ office }: Situation): string[] {
  const lines: string[] = [];
  if (office.unreadable !== undefined) lines.push(`Head office's checkpoint cannot be read: ${office.unreadable}.`);
  if (office.checkpoint === undefined) lines.push('Head office has no checkpoint of this hub.');
  else {
    const claim = claimOf(office.checkpoint.value);
    lines.push(`Head office's checkpoint says ${vectorText(claim.vector)} of ${claim.incarnation}.`);
  }
  const [strange] = office.strange;
  if (strange !== undefined) {
    const text = strangeText(strange, office.strangeCount);
    lines.push(`${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
  }
  return lines;
}

export function reportOf(
  mode: string,
  halt: Halted | null,
  situation: Situation,
  done: readonly string[] | undefined,
): ResumeReport {
  const streams = standings(situation);
  const choices = {
    refill: choice(planRefill(situation)),
    'new-incarnation': choice(planNewIncarnation(situation)),
    repartition: choice(planRepartition(situation)),
  } as const;
  const offered = Object.entries(choices).flatMap(([name, { possible, says }]) => [
    `--${name} ${possible ? 'would do this' : 'is not possible'}:`,
    ...says.map((sentence) => `  ${sentence}`),
  ]);
  const summary = done ?? [
    halt === null ? 'The bridge is not halted.' : `The bridge is halted: ${halt.reason}`,
    '',
    ...table(streams),
    '',
    ...checkpointLines(situation),
    '',
    ...offered,
  ];
  const { hub, partition } = situation;
  return { mode, done: done !== undefined, hub, partition, halt, streams, choices, summary: summary.join('\n') };
}
