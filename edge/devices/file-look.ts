/** How a file looks from outside: whether it is still the one that was looked at. */
export interface FileLook {
  /** Bytes. */
  readonly size: number;
  /** Time of change, ns since 1970 as text: a number would round it. */
  readonly changed: string;
}

export function looksAlike(a: FileLook, b: FileLook): boolean {
  return a.size === b.size && a.changed === b.changed;
}
