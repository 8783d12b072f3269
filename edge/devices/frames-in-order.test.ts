import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Receipt } from '../contracts/intake.ts';
import { FramesInOrder } from './frames-in-order.ts';

test('what is refused after the stop is not handed over again: nothing keeps the process', async () => {
  const answers: ((receipt: Receipt) => void)[] = [];
  const frames = new FramesInOrder({ take: (_frame, done) => void answers.push(done), onRoom: () => undefined });
  frames.push({ bytes: Buffer.from('1'), received: 0 });
  await frames.stop(10);
  for (const answer of answers) answer({ outcome: 'not-stored', reason: 'the hub stops' });
  await delay(1200);
  expect(answers).toHaveLength(1);
});
