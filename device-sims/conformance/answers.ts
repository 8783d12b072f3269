/** What a codec makes of the bytes of a device, by the way by which they come: telegrams of a line, or frames. */
import type { DeviceConfig } from '../../edge/contracts/devices.ts';
import type { Decoder, FileReader, Format, NotUnderstood, Said, Understood } from '../../edge/contracts/formats.ts';
import type { SentFrame } from './cases.ts';

export interface Answers {
  readonly said: readonly Said[];
  /** Of all frames. */
  readonly notes: string;
  readonly refusals: readonly string[];
  /** Bytes of a line that belonged to no telegram. */
  readonly skipped: number;
}

/** Between two frames; between two telegrams of a line as well. */
const STEP_MS = 500;

/** A device with its decoder, and the parser of its line where it has one. */
export class Listener {
  readonly #decoder: Decoder;
  readonly #line: ReturnType<NonNullable<Format['line']>> | undefined;
  #received: number;

  /** `received`: when its first frame comes, epoch ms. */
  constructor(format: Format, device: DeviceConfig, received: number) {
    this.#decoder = format.open(device);
    this.#line = format.line?.(device);
    this.#received = received;
  }

  async hear(frames: readonly SentFrame[]): Promise<Answers> {
    const answers: (Understood | NotUnderstood)[] = [];
    const decode = async (bytes: Uint8Array, topic?: string): Promise<void> => {
      answers.push(await this.#decoder.decode({ bytes, topic, received: this.#received }));
      this.#received += STEP_MS;
    };
    for (const { bytes, topic } of frames) {
      if (this.#line === undefined) await decode(bytes, topic);
      // Copies: a parser may give views of what it holds.
      else for (const telegram of this.#line.push(bytes).map((one) => Uint8Array.from(one))) await decode(telegram);
    }
    for (const telegram of this.#line?.idle?.() ?? []) await decode(telegram);
    return {
      said: answers.flatMap((answer) => (answer.ok ? answer.said : [])),
      notes: answers.flatMap((answer) => (answer.ok && answer.note !== undefined ? [answer.note] : [])).join('; '),
      refusals: answers.flatMap((answer) => (answer.ok ? [] : [answer.reason])),
      skipped: this.#line?.skipped ?? 0,
    };
  }

  close(): void {
    this.#decoder.close?.();
  }
}

/** What a file says that comes in pieces of so many bytes. */
export function saidInPieces(reader: FileReader, bytes: Uint8Array, size: number): Said[] | NotUnderstood {
  const said: Said[] = [];
  for (let at = 0; at <= bytes.length; at += size) {
    const records = at < bytes.length ? reader.push(bytes.subarray(at, at + size)) : [];
    if ('reason' in records) return records;
    said.push(...records.map((record) => record.said));
  }
  const last = reader.end();
  if ('reason' in last) return last;
  return [...said, ...last.map((record) => record.said)];
}

/** As cases write it. */
export function written({ kind, reading, device, history }: Said): Readonly<Record<string, unknown>> {
  return { kind, ...reading, ...(device !== undefined && { device }), ...(history && { history }) };
}
