/** How the demo calls things. */

const STAFF = ['Ann', 'Ben', 'Cem', 'Dana', 'Emil', 'Fay', 'Gus'];

/** @param staff as the ledger names them: `staff-3` */
export function staffName(staff: string): string {
  return STAFF[Number(/\d+$/.exec(staff)?.[0] ?? 0) - 1] ?? staff;
}

/** `40 s`, `3 min`. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
