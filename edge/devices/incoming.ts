/** A publish as it comes in, and what it is until the journal's receipt is here. */
import { messageOf } from '../contracts/errors.ts';
import type { Receipt } from '../contracts/intake.ts';
import type { DoorCounters } from './door-counters.ts';
import type { InFlight } from './in-flight.ts';
import type { OutgoingMessage } from './outgoing.ts';

export interface IncomingPublish {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  qos: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly messageId?: number | undefined;
}

export function messageOfPublish(
  { topic, qos, retain = false }: IncomingPublish,
  payload: Uint8Array,
): OutgoingMessage {
  // A copy: what was read is part of something larger, which would stay in memory with it.
  return { topic, payload: new Uint8Array(payload), qos, retain };
}

export function bytesOf(payload: Uint8Array | string): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** Gives something to the journal, which is in flight until its receipt; a fault is one that was not stored. */
export function within(
  inFlight: InFlight,
  counters: DoorCounters,
  size: number,
  settle: (receipt: Receipt) => void,
  give: (done: (receipt: Receipt) => void) => void,
): void {
  let settled = false;
  const once = (receipt: Receipt): void => {
    if (settled) return;
    settled = true;
    inFlight.done(size);
    settle(receipt);
  };
  inFlight.add(size);
  try {
    give(once);
  } catch (thrown) {
    counters.faults += 1;
    once({ outcome: 'not-stored', reason: messageOf(thrown) });
  }
}
