/** What a transport of files needs of the hub: a reader for each file, a judge of what it says, the way into the journal. */
import type { FileReader, FileRecord, NotUnderstood } from './formats.ts';
import type { Receipt, SourcePosition } from './intake.ts';

/** Calls name a configured device. Times are the wall clock at receipt, epoch ms. */
export interface FileIntake {
  open(device: string): FileReader;
  /** What the hub's schemas say against a record; nothing is counted or kept. */
  check(device: string, record: FileRecord, received: number): NotUnderstood | undefined;
  /**
   * The records in order, and how far the file is read with them: the position is stored with the last of them, when
   * all others are. Every record was checked before.
   */
  give(
    device: string,
    records: readonly FileRecord[],
    received: number,
    position: SourcePosition,
    done: (receipt: Receipt) => void,
  ): void;
  /** Nothing of the file is taken: it becomes a dead letter, without its content, which may name persons. */
  refuse(
    device: string,
    reason: string,
    received: number,
    position: SourcePosition,
    done: (receipt: Receipt) => void,
  ): void;
  positionsOf(prefix: string): Promise<readonly SourcePosition[]>;
  forget(sources: readonly string[]): Promise<void>;
}
