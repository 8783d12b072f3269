/** Configuration of the shelf-gap rule: a shelf holds fewer items than its minimum. */
import { z } from 'zod';
import { duration } from '../values.ts';

export const shelfGapConfig = z.strictObject({
  settle: duration({ max: '1d' })
    .prefault('20s')
    .describe('how long a shelf must stay below its minimum before staff are told, and refilled before it ends'),
  remind: duration({ min: '1s', max: '7d' })
    .prefault('30m')
    .describe('an acknowledged gap that is still there after this time is open again'),
});
