/**
 * What a codec of a vendor's format is: bytes of one frame in, readings of the hub's own kinds out. What it says is
 * checked by the schemas of those kinds afterwards, so a codec only translates.
 */
import type { CodecName, DeviceConfig } from './devices.ts';
import type { Kind } from './readings.ts';

/** What a transport gives at once: a publish, a push, a file, a telegram. One frame is one unit of acknowledgement. */
export interface Frame {
  readonly bytes: Uint8Array;
  /** Of a publish. */
  readonly topic?: string | undefined;
  /** Wall clock at receipt, epoch ms. */
  readonly received: number;
}

/** One reading that a frame holds. */
export interface Said {
  readonly kind: Kind;
  /** The fields of contracts/readings.ts; `id` where the vendor numbers what it says: a resend is told by it. */
  readonly reading: Readonly<Record<string, unknown>>;
  /** Whose reading it is, where one device speaks for several; absent: the device's own. */
  readonly device?: string | undefined;
  /** A record of the past by the device's own word: it changes no current state. */
  readonly history?: boolean | undefined;
}

export interface Understood {
  readonly ok: true;
  readonly said: readonly Said[];
  /** Parts that are no readings, such as a reader's own events, in a few words for whoever watches the device. */
  readonly note?: string | undefined;
}

export interface NotUnderstood {
  readonly ok: false;
  /** One sentence for an installer: what is wrong and what was expected. */
  readonly reason: string;
  readonly pointers?: readonly string[] | undefined;
  /** Nothing is wrong with it, there is no room for it now: it is not acknowledged, and comes again. */
  readonly later?: true;
}

/**
 * Reads the frames of one device; it may remember what earlier ones said, within a bound. What it says must not depend on
 * it that an earlier frame is stored: a frame may come again after it was read, with others between, and after a crash.
 */
export interface Decoder {
  /** Never throws, never rejects. */
  decode(frame: Frame): Understood | NotUnderstood | Promise<Understood | NotUnderstood>;
  /**
   * Whether there is room for more frames. If not, who brings them should wait: `again` is called once, when there is. What
   * comes all the same is taken, within a bound.
   */
  hasRoom?(again?: () => void): boolean;
  /** What this frame said is not stored: it may come again, as the same object, and is news then as it was. */
  unstored?(frame: Frame): void;
  /** Gives back what it holds, such as a thread. */
  close?(): void;
}

/** Cuts the bytes of a serial line into telegrams, each a frame, and finds its way again after damaged ones. */
export interface LineParser {
  /** The telegrams that end in this chunk, checksums proven; never throws, and holds no more than one telegram's bytes. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** Bytes that belonged to no telegram, since start. */
  readonly skipped: number;
  /** Where telegrams may end without a mark: nothing came for so long (ms), `idle` gives what is there. */
  readonly idleMs?: number;
  idle?(): readonly Uint8Array[];
  /** Sent when the line was opened; several, with a pause after each. */
  readonly greeting?: Uint8Array | readonly Uint8Array[] | undefined;
  /** The greeting is sent again when no telegram came for so long (ms): a device that lost its power has forgotten it. */
  readonly greetAgainMs?: number;
  /** Sent again and again, where the device only answers. */
  readonly ask?: { readonly bytes: Uint8Array; readonly everyMs: number } | undefined;
}

/** One record of a file, such as a transaction with its lines. */
export interface FileRecord {
  readonly said: Said;
  /** Where it begins, for whoever looks at the file: `line 12`. */
  readonly where: string;
}

/** Reads one file, piece by piece from its beginning, and holds no more of it than a record. Never throws. */
export interface FileReader {
  /** The records that end in this piece. What was not understood is the whole file. */
  push(piece: Uint8Array): readonly FileRecord[] | NotUnderstood;
  /** The last records; after it, and after a refusal, nothing more is pushed. */
  end(): readonly FileRecord[] | NotUnderstood;
  /** What was left out on purpose, such as cancelled transactions, in a few words for whoever watches the device. */
  note(): string | undefined;
}

export interface Format {
  readonly name: CodecName;
  /** Its frames may name persons: they are shown to nobody and never kept. */
  readonly personal?: boolean;
  /** Throws HubError CONFIG_INVALID where the device's entry lacks what the codec needs. */
  open(device: DeviceConfig): Decoder;
  /** Of devices on a serial line. */
  line?(device: DeviceConfig): LineParser;
  /** Of devices that leave files: the same records as a decoder gives, for files of any length. */
  file?(device: DeviceConfig): FileReader;
}
