/** What the door needs of a codec. edge/codecs gives it; rooms do not import each other, so the shape is told here. */
import type { AcceptedReading } from '../contracts/intake.ts';
import type { Kind } from '../contracts/readings.ts';

export type DecodedPayload =
  | {
      readonly ok: true;
      readonly readings: readonly AcceptedReading[];
      /** Valid readings of which nothing is kept. */
      readonly counted: number;
    }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly pointers: readonly string[];
      readonly bytes: Uint8Array | null;
    };

export interface Codec {
  /** Never throws. `received` is epoch ms. */
  decode(kind: Kind, device: string, payload: Uint8Array, received: number): DecodedPayload;
  /** A copy of bytes that nobody decodes, without what must not be kept. */
  mask(payload: Uint8Array): Uint8Array;
  /** A copy without payment cards, of what clients say to each other. */
  maskCards(payload: Uint8Array): Uint8Array;
}

/** What a dead letter keeps of a payload that was never decoded: of presence and consent nothing, they name a person. */
export function keptBytes(codec: Codec, kind: string, payload: Uint8Array): Uint8Array | null {
  return /^(presence|consent)$/i.test(kind) ? null : codec.mask(payload);
}
