/** How sensing makes facts of what devices say, where a shop may choose. */
import { z } from 'zod';
import { duration } from './values.ts';

const rfid = z.strictObject({
  algorithm: z.enum(['edgex']).default('edgex').describe('how sightings of tags become arrivals, moves and departures'),
  profile: z
    .enum(['default', 'garment'])
    .default('default')
    .describe('how readily items move: garment holds them longer, where many tags hang close together'),
  departed_after: duration({ min: '10s', max: '7d' })
    .prefault('10m')
    .describe('an item that no reader saw for so long has departed; time without a word of its readers does not count'),
});

export const sensingSchema = z.strictObject({
  rfid: rfid.prefault({}).describe('items with RFID tags'),
});
