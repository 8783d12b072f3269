/** What is to happen in the shop and when, in seconds of its own time; of things due at once the first entered goes first. */

export interface Agenda {
  readonly now: number;
  after(seconds: number, act: () => void): void;
  /** Does everything that is due up to here, in order. */
  advance(to: number): void;
}

export function agenda(): Agenda {
  const dues: { readonly at: number; readonly act: () => void }[] = [];
  let now = 0;
  return {
    get now() {
      return now;
    },
    after(seconds, act) {
      const due = { at: now + seconds, act };
      const place = dues.findIndex((other) => other.at > due.at);
      dues.splice(place === -1 ? dues.length : place, 0, due);
    },
    advance(to) {
      for (let due = dues[0]; due && due.at <= to; due = dues[0]) {
        dues.shift();
        now = due.at;
        due.act();
      }
      now = Math.max(now, to);
    },
  };
}
