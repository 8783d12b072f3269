/**
 * The filters under which the hub has a session at brokers of the shop's own. A session that a broker keeps holds every
 * subscription ever made in it, and MQTT tells nobody which: those that the configuration no longer names are ended by
 * what stands here, in `outside-brokers.json` beside the journal. A filter is noted before it is subscribed to.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Kept = Readonly<Record<string, readonly string[]>>;

export interface KeptFiltersOptions {
  /** The edge's folder. */
  readonly dataDir: string;
  /** On disk when it returns. Throws the system's errors. */
  readonly write: (path: string, text: string) => void;
}

export class KeptFilters {
  readonly #options: KeptFiltersOptions;
  readonly #path: string;
  #kept: Kept | undefined;

  constructor(options: KeptFiltersOptions) {
    this.#options = options;
    this.#path = join(options.dataDir, 'outside-brokers.json');
  }

  /** Of the session at this address, by this client id. */
  of(session: string): readonly string[] {
    return this.#all()[session] ?? [];
  }

  /** Throws the system's errors. */
  set(session: string, filters: readonly string[]): void {
    const all = this.#all();
    const before = all[session] ?? [];
    if (before.length === filters.length && filters.every((filter) => before.includes(filter))) return;
    const { [session]: _, ...others } = all;
    const next: Kept = filters.length === 0 ? others : { ...others, [session]: [...filters] };
    this.#options.write(this.#path, `${JSON.stringify(next, undefined, 1)}\n`);
    this.#kept = next;
  }

  #all(): Kept {
    this.#kept ??= read(this.#path);
    return this.#kept;
  }
}

/** What is not there, or not readable, knows of no session. */
function read(path: string): Kept {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return {};
    const entries = Object.entries(value).filter((entry): entry is [string, string[]] => isTexts(entry[1]));
    return Object.fromEntries(entries);
  } catch {
    return {};
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
