/**
 * How many connections this process may have: each takes an open file, and the journal, the logs and the local socket
 * need theirs. Where the system allows fewer open files than the configuration allows connections, the doors have fewer
 * places, so that the hub itself never runs out.
 */
import { readFileSync } from 'node:fs';
import type { Logger } from './logging.ts';

/** For the hub itself: the runtime, the journal with its readers, listeners, the bridge, a backup. */
const OWN_FILES = 64;
const FEWEST = 4;
const SAY_MS = 60_000;
const LOOK_MS = 1000;

export interface Places {
  readonly mqtt: number;
  readonly http: number;
}

/** Open files that the system allows this process; undefined where it does not say. */
export function mostOpenFiles(limits = readLimits()): number | undefined {
  const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return most === undefined ? undefined : Number(most);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}

/** What is wanted, or less: then a quarter is for HTTP. */
export function placesWithin(files: number | undefined, wanted: Places): Places {
  const room = (files ?? Number.POSITIVE_INFINITY) - OWN_FILES;
  if (room >= wanted.mqtt + wanted.http) return wanted;
  const http = Math.min(wanted.http, Math.max(FEWEST, Math.floor(room / 4)));
  return { http, mqtt: Math.min(wanted.mqtt, Math.max(FEWEST, room - http)) };
}

export interface DescriptorsParts {
  readonly files: number | undefined;
  readonly places: Places;
  readonly wanted: Places;
  /** Connections that are open now. */
  readonly open: () => Places;
  readonly logger: Logger;
}

/** Says so while the places that are there are taken. */
export class Descriptors {
  readonly #parts: DescriptorsParts;
  #timer: NodeJS.Timeout | undefined;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(parts: DescriptorsParts) {
    this.#parts = parts;
  }

  /** For an operator; empty when there are enough. */
  get reasons(): readonly string[] {
    const { files, places, wanted, open } = this.#parts;
    const now = open();
    const short = (['mqtt', 'http'] as const).filter(
      (door) => places[door] < wanted[door] && now[door] >= places[door],
    );
    return short.map(
      (door) =>
        `out of file descriptors: with ${files} open files there are ${places[door]} connections by ${door.toUpperCase()}, ` +
        `and further ones are turned away: raise LimitNOFILE, or ulimit -n, to ${wanted.mqtt + wanted.http + OWN_FILES}`,
    );
  }

  start(): void {
    const { places, wanted } = this.#parts;
    if (places.mqtt === wanted.mqtt && places.http === wanted.http) return;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const [reason] = this.reasons;
    if (reason === undefined || performance.now() - this.#saidAt < SAY_MS) return;
    this.#saidAt = performance.now();
    this.#parts.logger.warn(reason);
  }
}
