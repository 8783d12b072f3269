/** What one frame of each vendor's format costs, from its bytes to readings; the hub's schemas come on top. */
import { formatOf } from '../../edge/codecs/formats.ts';
import type { Frame } from '../../edge/contracts/formats.ts';
import type { BenchContext, Measurement } from './context.ts';
import { type Line, median, type Outcome } from './report.ts';
import { VENDOR_FRAMES, type VendorFrame } from './vendor-frames.ts';

const ROUNDS = 15;
/** Beacons are said again after so long. */
const STEP_MS = 10_000;

export const decode: Measurement = {
  name: 'decode',
  about: "decoding one frame of each vendor's format, in microseconds",
  run,
};

async function run(context: BenchContext): Promise<Outcome> {
  const lines: Line[] = [];
  const raw: Record<string, readonly number[]> = {};
  for (const frame of VENDOR_FRAMES) {
    const { codec } = frame.device;
    const what = `${codec}${frame.topic === undefined ? '' : ` (${frame.topic.split('/').at(-1)})`}`;
    const each = await microsecondsOf(frame, context.quick ? 200 : 2000);
    raw[what] = each;
    lines.push({ what: `decode a frame of ${what}`, unit: 'us', measured: median(each) });
  }
  return { name: decode.name, lines, raw, remarks: [] };
}

/** Of one frame, by round. Throws where it is refused. */
async function microsecondsOf({ device, topic, content }: VendorFrame, frames: number): Promise<readonly number[]> {
  const calibration = { celsius: 0, weight: 1 };
  const decoder = formatOf(device.codec)?.open({ name: 'bench', ...device, calibration });
  if (decoder === undefined) throw new Error(`no codec ${device.codec}`);
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const bytes = content instanceof Uint8Array ? content : Buffer.from(text);
  const each: number[] = [];
  let received = Date.UTC(2026, 10, 20, 9, 15);
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const began = performance.now();
    for (let i = 0; i < frames; i += 1) {
      received += STEP_MS;
      const frame: Frame = { bytes, topic, received };
      const answer = decoder.decode(frame);
      const told = 'then' in answer ? await answer : answer;
      if (!told.ok) throw new Error(`${device.codec}: ${told.reason}`);
    }
    if (round > 0) each.push(((performance.now() - began) * 1000) / frames);
  }
  decoder.close?.();
  return each;
}
