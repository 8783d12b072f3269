/**
 * What a rule decided for a key and what cannot be carried out must not take the readings of its batch with it: the
 * transaction is rolled back, the key set aside, and the batch is done again from the beginning.
 */
import type { RuleEngine } from './rules/engine.ts';
import { RuleFault } from './rules/rule-fault.ts';

/** So many keys that fail are found in one batch; then the rules that go on failing in it sit it out. */
const MOST_FAULTS = 32;

interface Books {
  readonly engine: RuleEngine;
  dirty: boolean;
  load(): void;
}

/** Runs `body`, in which rules decide, by `transaction`. */
export function withoutFailing<T>(books: Books, transaction: (body: () => T) => T, body: () => T): T {
  const faults: RuleFault[] = [];
  for (;;) {
    try {
      return transaction(() => {
        for (const fault of faults) books.engine.setAside(fault);
        books.engine.rest(new Set(faults.slice(MOST_FAULTS).map(({ rule }) => rule)));
        if (faults.length > 0) books.dirty = true;
        return body();
      });
    } catch (error) {
      const isKnown = ({ rule, key }: RuleFault): boolean =>
        error instanceof RuleFault && rule === error.rule && key === error.key;
      if (!(error instanceof RuleFault) || faults.some(isKnown)) throw error;
      books.load();
      faults.push(error);
    }
  }
}
