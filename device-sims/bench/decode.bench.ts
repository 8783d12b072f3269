/**
 * What one frame of each vendor's format costs, from its bytes to readings; the hub's schemas come on top. The frames are
 * those of the conformance cases, by turns; of a serial line the cutting into telegrams is in it.
 */
import { deviceSchema } from '../../config/devices.ts';
import { formatOf } from '../../edge/codecs/all-formats.fixture.ts';
import type { Frame } from '../../edge/contracts/formats.ts';
import { type ConformanceCase, loadCases, type SentFrame } from '../conformance/cases.ts';
import type { BenchContext, Measurement } from './context.ts';
import { type Line, median, type Outcome } from './report.ts';

const ROUNDS = 15;
/** Beacons and weights are said again after so long. */
const STEP_MS = 10_000;

export const decode: Measurement = {
  name: 'decode',
  about: "decoding one frame of each vendor's format, in microseconds",
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const cases = loadCases().filter(({ says = [] }) => says.length > 0);
  const lines: Line[] = [];
  const raw: Record<string, readonly number[]> = {};
  for (const codec of new Set(cases.map((one) => one.codec))) {
    const own = cases.filter((one) => one.codec === codec);
    const each = await microsecondsOf(own, context.quick ? 200 : 2000);
    raw[codec] = each;
    lines.push({ what: `decode a frame of ${codec}`, unit: 'us', measured: median(each) });
  }
  return { name: decode.name, lines, raw, remarks: [] };
}

/** Of one frame, by round; `count` of them in each. Throws where one is refused. */
async function microsecondsOf(cases: readonly ConformanceCase[], count: number): Promise<readonly number[]> {
  const seats = cases.map(opened);
  const each: number[] = [];
  let received = Date.UTC(2026, 10, 20, 9, 15);
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    let frames = 0;
    const began = performance.now();
    for (let turn = 0; frames < count; turn += 1) {
      const seat = seats[turn % seats.length];
      for (const { bytes, topic } of seat?.frames ?? []) {
        for (const telegram of seat?.line?.push(bytes) ?? [bytes]) {
          received += STEP_MS;
          frames += 1;
          const frame: Frame = { bytes: telegram, topic, received };
          const answer = seat?.decoder.decode(frame);
          const told = answer !== undefined && 'then' in answer ? await answer : answer;
          if (!told?.ok) throw new Error(`${cases[0]?.codec}: ${told?.reason}`);
        }
      }
      // A scan without an end waits for the line to be quiet.
      seat?.line?.idle?.();
    }
    if (round > 0) each.push(((performance.now() - began) * 1000) / frames);
  }
  for (const { decoder } of seats) decoder.close?.();
  return each;
}

function opened({ codec, device, timezone, frames }: ConformanceCase) {
  const format = formatOf(codec);
  if (format === undefined) throw new Error(`no codec ${codec}`);
  const entry = { ...deviceSchema.parse(device), ...(timezone !== undefined && { timezone }) };
  const sent: readonly SentFrame[] = frames;
  return { decoder: format.open(entry), line: format.line?.(entry), frames: sent };
}
