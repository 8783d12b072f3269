/**
 * Cuts a line of text into telegrams. What was damaged may have lost its end, and then stands before the next telegram
 * on the same line: so it is the end of a line that must be a telegram, not all of it.
 */
import type { LineParser } from '../contracts/formats.ts';

const CR = 0x0d;
const LF = 0x0a;

export interface TextTelegrams {
  /** Of a telegram at the end of the text, ending with `$`, without the line's end. */
  readonly grammar: RegExp;
  /** Bytes of the longest telegram. */
  readonly longest: number;
  readonly ask?: LineParser['ask'];
}

export class TextParser implements LineParser {
  readonly ask: LineParser['ask'];
  readonly #grammar: RegExp;
  readonly #held: Buffer;
  #length = 0;
  #skipped = 0;

  constructor({ grammar, longest, ask }: TextTelegrams) {
    this.#grammar = grammar;
    this.#held = Buffer.alloc(2 * longest);
    this.ask = ask;
  }

  get skipped(): number {
    return this.#skipped;
  }

  push(chunk: Uint8Array): readonly Uint8Array[] {
    const telegrams: Uint8Array[] = [];
    for (const byte of chunk) {
      if (byte !== CR && byte !== LF) this.#hold(byte);
      else if (this.#length > 0) {
        const telegram = this.#cut();
        if (telegram !== undefined) telegrams.push(telegram);
      }
    }
    return telegrams;
  }

  #hold(byte: number): void {
    if (this.#length === this.#held.length) {
      // The newest half may be a telegram's beginning, as long as the longest one is.
      const half = this.#length / 2;
      this.#held.copyWithin(0, half);
      this.#skipped += half;
      this.#length -= half;
    }
    this.#held[this.#length] = byte;
    this.#length += 1;
  }

  #cut(): Uint8Array | undefined {
    const text = this.#held.toString('latin1', 0, this.#length);
    const at = text.search(this.#grammar);
    const start = at === -1 ? this.#length : at;
    this.#skipped += start;
    const telegram = at === -1 ? undefined : new Uint8Array(this.#held.subarray(start, this.#length));
    this.#length = 0;
    return telegram;
  }
}
