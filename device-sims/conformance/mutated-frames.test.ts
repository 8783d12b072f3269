/**
 * 100,000 damaged frames for every codec, and for the parsers of its lines: each is answered, with a reason that an
 * installer can read where it is refused, and nothing of them is held.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HubJson } from '../../edge/codecs/hub-json.ts';
import type { NotUnderstood, Understood } from '../../edge/contracts/formats.ts';
import { isKind, readingSchemas } from '../../edge/contracts/readings.ts';
import { loadCases } from './cases.ts';
import { deviceOf, formatFor, VENDORS } from './codecs.fixture.ts';
import { mutatedFrames } from './mutated-frames.fixture.ts';

const FRAMES = 100_000;
/** Frames after which whatever is remembered within bounds is full. */
const WARM = 50_000;
/** Heap that may be in use beyond what was in use then, bytes. */
const MOST_GROWTH = 3_000_000;
const STEP_MS = 100;
/** Of the readings that are understood, every so many is judged. */
const JUDGED = 10;
/** Frames on their way to a process at once. */
const AT_ONCE = 500;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapInUse(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const stackTraceLimit = Error.stackTraceLimit;
// Codecs that throw within themselves would spend most of the time on stacks that nobody reads.
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

const CASES = loadCases();

it.each(VENDORS)('%s', { timeout: 120_000 }, async (codec) => {
  const format = formatFor(codec);
  const hub = new HubJson({ facing: () => undefined, dayAt: () => '2026-11-20', conceal: () => '' });
  const seats = CASES.filter((one) => one.codec === codec).map((one, seed) => {
    const device = deviceOf(one);
    return { decoder: format.open(device), line: format.line?.(device), frames: mutatedFrames(one.frames, seed + 1) };
  });
  const tally = { understood: 0, refused: 0, readings: 0 };
  const judge = (answer: Understood | NotUnderstood): void => {
    if (!answer.ok) {
      tally.refused += 1;
      const { reason } = answer;
      if (reason.length < 10 || reason.length > 500 || /codec failed/.test(reason))
        throw new Error(`a poor reason: ${reason}`);
      return;
    }
    tally.understood += 1;
    if (answer.said.length > 1000 || (answer.note ?? '').length > 600)
      throw new Error('it says more than one can read');
    for (const { kind, reading } of answer.said) {
      if (!isKind(kind) || typeof reading !== 'object') throw new Error(`no reading: ${JSON.stringify(answer)}`);
      tally.readings += 1;
      if (tally.readings % JUDGED > 0) continue;
      hub.judge(kind, 'dev', [reading], received);
      // What a line proves, by checksum or check digit, is a reading; a scale's digits may be too many for one.
      if (format.line !== undefined && kind !== 'shelf') readingSchemas[kind].parse(reading);
    }
  };
  let received = Date.UTC(2026, 10, 20, 9);
  let waiting: Promise<void>[] = [];
  let before = 0;
  for (let at = 0; at < FRAMES; at += 1) {
    const seat = seats[at % seats.length];
    if (seat === undefined) throw new Error(`no cases of ${codec}`);
    const { decoder, line, frames } = seat;
    const { bytes, topic } = frames.next().value;
    const telegrams = line === undefined || at % 10 === 0 ? [bytes] : [...line.push(bytes)];
    if (line !== undefined && at % 7 === 0) telegrams.push(...(line.idle?.() ?? []));
    for (const telegram of telegrams) {
      received += STEP_MS;
      const answer = decoder.decode({ bytes: telegram, topic, received });
      if ('then' in answer) waiting.push(answer.then(judge));
      else judge(answer);
    }
    if (waiting.length >= AT_ONCE) {
      await Promise.all(waiting);
      waiting = [];
    }
    if (at === WARM) before = heapInUse();
  }
  await Promise.all(waiting);
  const growth = heapInUse() - before;
  for (const { decoder } of seats) decoder.close?.();
  expect(tally.understood).toBeGreaterThan(1000);
  expect(tally.readings).toBeGreaterThan(100);
  expect(growth).toBeLessThan(MOST_GROWTH);
  if (process.env.CONFORMANCE_TALLY) console.log(codec, JSON.stringify({ ...tally, growth }));
});
