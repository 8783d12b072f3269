/** Frames of the cases with something in them changed: a field anywhere, a text or the bytes within it, the raw bytes. */
import { damaged, mutated, seeded } from '../../edge/codecs/fuzzing.ts';
import type { SentFrame } from './cases.ts';

type Random = () => number;

/** Endless; the same seed gives the same frames on every machine. */
export function* mutatedFrames(frames: readonly SentFrame[], seed: number): Generator<SentFrame, never> {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const originals = frames.map(({ bytes, topic }) => ({ bytes, topic, json: parsed(bytes) }));
  for (;;) {
    const { bytes, topic, json } = pick(originals);
    const how = random();
    let frame = bytes;
    if (how < 0.3 && json !== undefined) frame = Buffer.from(JSON.stringify(changedWithin(json, random)));
    else if (how < 0.5 && json !== undefined) frame = Buffer.from(JSON.stringify(withAnotherText(json, random)));
    else if (how < 0.95) frame = damaged(bytes, random);
    else frame = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
    yield { bytes: frame, topic: random() < 0.9 ? topic : pick(originals).topic };
  }
}

function parsed(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const isInner = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A change at any depth: `mutated` alone stays near the top. */
function changedWithin(value: object, random: Random): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  let at = copy;
  for (;;) {
    const inner = Object.entries(at).filter(([, child]) => isInner(child));
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

/** One text of it damaged; where it holds bytes, as hex or base64, these are. */
function withAnotherText(value: object, random: Random): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  const texts: [Record<string, unknown>, string, string][] = [];
  const gather = (at: Record<string, unknown>): void => {
    for (const [key, child] of Object.entries(at)) {
      if (isInner(child)) gather(child);
      else if (typeof child === 'string' && child !== '') texts.push([at, key, child]);
    }
  };
  gather(copy);
  const [at, key, text] = texts[Math.floor(random() * texts.length)] ?? [];
  if (at === undefined || key === undefined || text === undefined) return copy;
  const encoding = /^([0-9a-f]{2})+$/i.test(text) ? 'hex' : /^[\w+/-]{4,}={0,2}$/.test(text) ? 'base64' : 'utf8';
  at[key] = damaged(Buffer.from(text, encoding), random).toString(encoding);
  return copy;
}
