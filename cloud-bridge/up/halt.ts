/**
 * Why replication stops until an operator decides. Each reason is what the operator reads: what happened, what it
 * means, what to do. The shop goes on in every case, and the journal keeps everything.
 */

export type HaltCode =
  | 'other-hub'
  | 'other-partition'
  | 'head-office-behind'
  | 'head-office-ahead'
  | 'unknown-incarnation'
  | 'second-writer'
  | 'mixed-positions'
  | 'journal-restored'
  | 'checkpoint-unreadable'
  | 'journal-gap'
  /** Recorded by an earlier bridge, and not cleared. */
  | 'as-recorded';

/** Thrown by a protocol step; whoever runs the steps records it and stops sending. */
export class Halt extends Error {
  override readonly name = 'Halt';
  readonly code: HaltCode;

  constructor(code: HaltCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** These end by themselves when the configuration is corrected and the bridge started again: no data is in question. */
export function endsWithConfiguration(code: string): boolean {
  return code === 'other-hub' || code === 'other-partition';
}

const DRY_RUN = 'look first with `store-hub bridge resume --dry-run`';
const NEW_INCARNATION = `If this box is the only one with this hub name, ${DRY_RUN}, then \`store-hub bridge resume --new-incarnation\`; if another box still runs under this name, stop one of them`;

export const halts = {
  otherHub: (recorded: string, configured: string) =>
    new Halt(
      'other-hub',
      `This box has sent as hub ${recorded}, but the configuration says ${configured}. Sending under another name would mix two stores at head office. Set \`hub\` back to ${recorded}, or give the new hub its own empty data folders.`,
    ),
  otherPartition: (recorded: number, configured: number) =>
    new Halt(
      'other-partition',
      `This hub's events lie in partition ${recorded} of head office's topics, but the configuration says ${configured}. In another partition their order would be lost. Set \`cloud.partition\` back to ${recorded}, or move on purpose with \`store-hub bridge resume --repartition\`.`,
    ),
  headOfficeBehind: (what: string) =>
    new Halt(
      'head-office-behind',
      `Head office has less than it once confirmed (${what}): its Kafka was restored, exchanged, or lost records. Sending on would leave a gap there. Ask head office what happened; then ${DRY_RUN} and fill up with \`store-hub bridge resume --refill\`.`,
    ),
  headOfficeAhead: (what: string) =>
    new Halt(
      'head-office-ahead',
      `Head office has more from this hub than this box ever sent (${what}): the data folders were put back from a copy, or a second box runs under this name. Sending on would use identities twice. ${NEW_INCARNATION}.`,
    ),
  unknownIncarnation: (incarnation: string) =>
    new Halt(
      'unknown-incarnation',
      `Head office has events of this hub from a journal (${incarnation}) that this box does not know: the journal is new, was put back from a copy, or a second box runs under this name. Sending on would mix two histories. ${NEW_INCARNATION}.`,
    ),
  secondWriter: () =>
    new Halt(
      'second-writer',
      `Head office has the same positions as this box, but another one wrote them: two boxes, or two copies of one, send under this hub name. Sending on would mix two histories. ${NEW_INCARNATION}.`,
    ),
  mixedPositions: (what: string) =>
    new Halt(
      'mixed-positions',
      `Head office is ahead of this box in some streams and behind it in others (${what}): no single history explains that, so copies must have been mixed, here or there. Ask head office what happened, and ${DRY_RUN}.`,
    ),
  journalRestored: (what: string) =>
    new Halt(
      'journal-restored',
      `The journal of this box is older than what it already sent (${what}): it was put back from a copy. New events would get identities that head office has already. ${NEW_INCARNATION}.`,
    ),
  checkpointUnreadable: (offset: number) =>
    new Halt(
      'checkpoint-unreadable',
      `Head office's record of this hub (retail.checkpoints, offset ${offset}) cannot be read: somebody else wrote it. Nothing can be compared, so nothing is sent. Ask head office who writes to retail.checkpoints, and ${DRY_RUN}.`,
    ),
  journalGap: (stream: string, after: number, found: number) =>
    new Halt(
      'journal-gap',
      `The journal lacks events of ${stream} between ${after} and ${found} that were never sent: they left by age in a time without a cloud in the configuration, were removed from outside, or the disk lost them. Sending on would leave a gap at head office. Look at the disk's health, keep a copy of the data folder, and ${DRY_RUN}.`,
    ),
} as const;
