/** A queue before tills or cabins: one place to wait, one or several to be served at, first come first served. */
import type { Pause } from './agenda.ts';
import type { Fact } from './ledger-records.ts';

export interface Turn {
  /** Yielded by whoever waits; goes on when they are served. */
  readonly wait: Pause;
  /** Where they are served. Only after the wait. */
  by(): string;
  /** They are done: the next one's turn. */
  done(): void;
}

export interface Queue {
  readonly name: string;
  /** Of the tills: how many there are. */
  readonly places: number;
  /** Who waits or is served. */
  length(): number;
  join(who: number): Turn;
}

export function openQueue(name: string, places: readonly string[], tell: (fact: Fact) => void): Queue {
  const free = [...places];
  const waiting: { readonly who: number; readonly serve: (by: string) => void }[] = [];
  const next = (): void => {
    const [first] = waiting;
    const [by] = free;
    if (first === undefined || by === undefined) return;
    waiting.shift();
    free.shift();
    tell({ kind: 'served', who: first.who, queue: name, by });
    first.serve(by);
  };
  return {
    name,
    places: places.length,
    length: () => waiting.length + places.length - free.length,
    join(who) {
      let place: string | undefined;
      const by = (): string => {
        if (place === undefined) throw new Error(`${who} is not served yet by ${name}`);
        return place;
      };
      return {
        wait(goOn) {
          tell({ kind: 'queued', who, queue: name });
          waiting.push({
            who,
            serve(at) {
              place = at;
              goOn();
            },
          });
          next();
        },
        by,
        done() {
          free.push(by());
          next();
        },
      };
    },
  };
}
