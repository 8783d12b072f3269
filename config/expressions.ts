/** JSONata in the configuration: whether it is well-formed. The library is loaded only where there is any. */
import { createRequire } from 'node:module';
import type jsonata from 'jsonata';

const require = createRequire(import.meta.url);

/** What is wrong with an expression, and where; undefined: nothing. */
export function expressionFault(text: string): string | undefined {
  const parse = require('jsonata') as typeof jsonata;
  try {
    parse(text);
    return undefined;
  } catch (thrown) {
    const { message, position } = thrown as Partial<jsonata.JsonataError>;
    return `is no JSONata: ${message ?? 'it cannot be read'}${position === undefined ? '' : ` (character ${position})`}`;
  }
}
