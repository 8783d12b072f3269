/**
 * The conformance suite: every codec against what devices truly send (cases/), and against what the simulator's encoders
 * make of the same facts. A codec without either fails here.
 */
import { describe, expect, it } from 'vitest';
import { HubJson } from '../../edge/codecs/hub-json.ts';
import { facingSchema } from '../../edge/contracts/planogram.ts';
import { type Answers, Listener, saidInPieces, written } from './answers.ts';
import { type ConformanceCase, loadCases, type SentFrame } from './cases.ts';
import { deviceOf, formatFor, VENDORS } from './codecs.fixture.ts';
import { heardOfServer } from './opcua-frames.fixture.ts';
import { SIMULATED, type Simulated } from './simulated.ts';

const CASES = loadCases();

/** It needs a server and the hub's own client, because a frame is what that client made of its notifications. */
const OPCUA: Simulated = {
  ...{ codec: 'opcua', as: 'a cabinet with its door and its defrost', ownTime: true },
  frames: () => heardOfServer({ celsius: 4.25, humidity: 60, door_open: true, defrost: false }),
};

async function answersTo(one: ConformanceCase, frames: readonly SentFrame[] = one.frames): Promise<Answers> {
  const listener = new Listener(formatFor(one.codec), deviceOf(one), one.received);
  try {
    return await listener.hear(frames);
  } finally {
    listener.close();
  }
}

/** Of every shelf. */
const FACING = facingSchema.parse({
  ...{ shelf: 'A1-3', zone: 'floor', gtin: '4006381333931', name: 'Water' },
  ...{ capacity: 100, minimum: 10, unit_weight_g: 10 },
});

/** The hub's own judgement of what a codec said, as the edge asks for it. */
function judged({ said }: Answers): void {
  const hub = new HubJson({ facing: () => FACING, dayAt: () => '2026-11-20', conceal: () => '' });
  for (const { kind, reading, device = 'dev' } of said) {
    const verdict = hub.judge(kind, device, [reading], Date.now());
    if (!verdict.ok) throw new Error(`${kind}: ${verdict.reason}`);
  }
  expect([...hub.counters.unknownFields.keys()], 'fields that the hub does not know').toEqual([]);
}

describe.each(VENDORS)('%s', (codec) => {
  const cases = CASES.filter((one) => one.codec === codec);

  it('has frames of real devices or of documents, and bad ones', () => {
    expect(cases.filter(({ source }) => source.is !== 'derived')).not.toEqual([]);
    expect(cases.filter(({ says }) => says === undefined)).not.toEqual([]);
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const answers = await answersTo(one);
    judged(answers);
    if (one.refuses !== undefined) expect(answers.refusals[0]).toContain(one.refuses);
    else {
      expect(answers.refusals).toEqual([]);
      expect(answers.said.map(written)).toEqual(one.says ?? []);
    }
    if (one.skips !== undefined) expect(answers.skipped).toBe(one.skips);
    if (one.notes !== undefined) expect(answers.notes).toContain(one.notes);
    // The way by a folder, in pieces of any size.
    const fileOf = formatFor(codec).file;
    for (const size of [1, 7, 4096]) {
      if (fileOf === undefined) break;
      const pieces = saidInPieces(fileOf(deviceOf(one)), one.frames[0]?.bytes ?? new Uint8Array(), size);
      if ('reason' in pieces) expect(pieces.reason).toBe(answers.refusals[0]);
      else expect(pieces).toEqual(answers.said);
    }
  });

  const simulated = [...SIMULATED, OPCUA].filter((one) => one.codec === codec);

  it('has an encoder in the simulator', () => {
    expect(simulated).not.toEqual([]);
  });

  it.each(simulated.map((one) => [one.as, one] as const))(
    'of the simulator: %s',
    async (_, row) => {
      const { as, device, frames, ownTime = false } = row;
      const original = cases.find(({ name }) => name === as);
      if (original === undefined) throw new Error(`there is no case ${as}`);
      const one = device === undefined ? original : { ...original, device: { ...original.device, ...device } };
      const answers = await answersTo(one, await frames());
      expect(answers.refusals).toEqual([]);
      judged(answers);
      const facts = (said: Readonly<Record<string, unknown>>): unknown => asFacts(said, ownTime);
      expect(answers.said.map(written).map(facts)).toEqual(original.says?.map(facts));
    },
    90_000,
  );
});

/** Without what an encoder chooses for itself; times as moments, however they are written. */
function asFacts({ id: _, time, ...facts }: Readonly<Record<string, unknown>>, ownTime: boolean): unknown {
  if (ownTime || time === undefined) return facts;
  return { ...facts, time: typeof time === 'string' ? Date.parse(time) : time };
}
