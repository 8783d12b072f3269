/** Looked at once a second: connections that said nothing for too long, and those that take nothing. */
import type { CalmLog } from '../ops/calm-log.ts';
import { type Connection, named } from './connection.ts';
import type { DoorCounters } from './door-counters.ts';
import type { DoorLimits } from './door-options.ts';
import { Stalled } from './stalled.ts';

export interface WatchParts {
  readonly limits: Pick<DoorLimits, 'packetAge' | 'stalled'>;
  readonly counters: DoorCounters;
  readonly log: CalmLog;
  readonly onBroken: (connection: Connection, what: string) => void;
}

export class Watch {
  readonly #parts: WatchParts;
  readonly #stalled: Stalled;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#stalled = new Stalled(parts.limits.stalled);
  }

  /** Closes those that are past their keep-alive, or began a packet and do not end it. Not while reading is held. */
  silent(connections: Iterable<Connection>): void {
    const { limits, counters, onBroken } = this.#parts;
    for (const connection of connections) {
      if (connection.silent) {
        counters.keepAliveClosed += 1;
        connection.condemned = true;
        connection.socket.destroy(new Error('keep alive timeout'));
      } else if (connection.packetAge > limits.packetAge) {
        onBroken(connection, `a packet was begun and not ended in ${limits.packetAge} s`);
      }
    }
  }

  /** Closes those that take nothing; returns the bytes that wait in all sockets. `now` is monotonic ms. */
  stalled(connections: Iterable<Connection>, now: number): number {
    const { limits, counters, log } = this.#parts;
    let unread = 0;
    for (const connection of connections) {
      unread += connection.socket.writableLength;
      if (!this.#stalled.has(connection.socket, now)) continue;
      counters.stalledClosed += 1;
      log.warn(named(connection), `closed: it read nothing for ${limits.stalled / 1000} s`);
      connection.condemned = true;
      connection.socket.destroy(new Error('stalled'));
    }
    return unread;
  }
}
