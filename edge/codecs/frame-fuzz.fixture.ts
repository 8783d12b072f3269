/** Mutated frames for a codec of a vendor's format: it answers each of them, and never throws. */
import type { Decoder, NotUnderstood, Understood } from '../contracts/formats.ts';
import { isKind } from '../contracts/readings.ts';
import { damaged, mutated, seeded } from './fuzzing.ts';

export interface Tally {
  understood: number;
  refused: number;
  readings: number;
}

export interface FuzzOptions {
  readonly frames: number;
  readonly seed: number;
  /** Valid JSON frames, and texts. */
  readonly valid: readonly unknown[];
  readonly topics?: readonly string[];
}

/** A frame that was valid, with something in it changed, some bytes of it damaged, or noise. */
export function* mutatedFrames({ frames, seed, valid, topics = [''] }: FuzzOptions) {
  const random = seeded(seed);
  for (let i = 0; i < frames; i += 1) {
    const original = valid[Math.floor(random() * valid.length)];
    const how = random();
    const odd = how < 0.7 && typeof original === 'object' ? changedWithin(original, random) : original;
    const whole = Buffer.from(typeof odd === 'string' ? odd : JSON.stringify(odd));
    const noise = (): Buffer =>
      Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
    const bytes = how < 0.6 ? whole : how < 0.95 ? damaged(whole, random) : noise();
    const topic = topics[Math.floor(random() * topics.length)] ?? '';
    yield { bytes, topic, received: 1_790_000_000_000 + i * 100 };
  }
}

/** Gives every frame to the decoder. Throws where its answer is none. */
export async function fuzz(decoder: Decoder, options: FuzzOptions): Promise<Tally> {
  const tally: Tally = { understood: 0, refused: 0, readings: 0 };
  for (const frame of mutatedFrames(options)) {
    const answer = decoder.decode(frame);
    judge('then' in answer ? await answer : answer, tally);
  }
  return tally;
}

function judge(answer: Understood | NotUnderstood, tally: Tally): void {
  if (!answer.ok) {
    tally.refused += 1;
    if (answer.reason.length < 10 || answer.reason.length > 500) throw new Error(`a poor reason: ${answer.reason}`);
    return;
  }
  tally.understood += 1;
  tally.readings += answer.said.length;
  for (const { kind, reading } of answer.said) {
    if (!isKind(kind) || typeof reading !== 'object') throw new Error(`no reading: ${JSON.stringify(answer)}`);
  }
}

/** A change at any depth: `mutated` alone stays near the top. */
function changedWithin(value: unknown, random: () => number): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  let at = copy;
  for (;;) {
    const inner = Object.entries(at).filter(([, child]) => typeof child === 'object' && child !== null);
    const [key, child] = inner[Math.floor(random() * inner.length)] ?? [];
    if (key === undefined || random() < 0.15) break;
    if (random() < 0.5) {
      at[key] = mutated(child, random);
      return copy;
    }
    at = child as Record<string, unknown>;
  }
  return mutated(copy, random);
}
