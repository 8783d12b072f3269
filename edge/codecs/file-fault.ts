/** What is wrong with a file, thrown within its codec and answered at its edge: a codec never throws. */
import { maskCardData } from '../contracts/card-data.ts';
import { messageOf } from '../contracts/errors.ts';
import type { FileReader, FileRecord, Frame, NotUnderstood, Understood } from '../contracts/formats.ts';

/** The message is a sentence for an installer, with the place in the file. */
export class FileFault extends Error {}

/** Text in, records out; both throw FileFault. */
export interface TextReader {
  write(text: string): void;
  end(): void;
  /** The records since the last call. */
  take(): FileRecord[];
  note(): string | undefined;
}

interface Text {
  push(piece: Uint8Array): string;
  end(): string;
}

export function fileReader(text: Text, inner: TextReader): FileReader {
  const step = (work: () => void): readonly FileRecord[] | NotUnderstood => {
    try {
      work();
      return inner.take();
    } catch (error) {
      const reason = error instanceof FileFault ? error.message : `the codec failed on it: ${messageOf(error)}`;
      // It quotes the file, in which a card may stand where a product should.
      return { ok: false, reason: maskCardData(reason.slice(0, 500)) };
    }
  };
  return {
    push: (piece) => step(() => inner.write(text.push(piece))),
    end: () =>
      step(() => {
        inner.write(text.end());
        inner.end();
      }),
    note: () => inner.note(),
  };
}

/** A whole file at once, as a till pushes it. */
export function wholeFile(reader: FileReader, { bytes }: Frame): Understood | NotUnderstood {
  const first = reader.push(bytes);
  if ('reason' in first) return first;
  const last = reader.end();
  if ('reason' in last) return last;
  return { ok: true, said: [...first, ...last].map(({ said }) => said), note: reader.note() };
}

/** What was left out on purpose, by the reason why. */
export class LeftOut {
  readonly #counts = new Map<string, number>();

  add(why: string): void {
    this.#counts.set(why, (this.#counts.get(why) ?? 0) + 1);
  }

  note(): string | undefined {
    if (this.#counts.size === 0) return undefined;
    return `left out: ${[...this.#counts].map(([why, count]) => `${count} ${why}`).join(', ')}`;
  }
}
