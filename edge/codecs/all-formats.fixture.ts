/** All formats at once, for tests. */
import { CODECS } from '../contracts/devices.ts';
import { formatsOf } from './formats.ts';

export const formatOf = await formatsOf(CODECS);
