/** The way of a frame of a device that has a format of its own, from its publish to the acknowledgement. */
import type { Receipt } from '../contracts/intake.ts';
import type { Handshake } from '../contracts/sessions.ts';
import type { CalmLog } from '../ops/calm-log.ts';
import type { Acknowledge } from './acknowledgements.ts';
import type { Connection } from './connection.ts';
import type { DoorCounters } from './door-counters.ts';
import type { FramesIn } from './frames-in.ts';
import type { Entry, Handshakes } from './handshakes.ts';
import type { InFlight } from './in-flight.ts';
import { type IncomingPublish, messageOfPublish, within } from './incoming.ts';
import type { OutgoingMessage } from './outgoing.ts';
import { Unacknowledged } from './unacknowledged.ts';

export interface FramePublishingParts {
  readonly inFlight: InFlight;
  readonly handshakes: Handshakes;
  readonly counters: DoorCounters;
  readonly log: CalmLog;
  /** Absent: there are no devices with formats of their own. */
  readonly frames?: FramesIn | undefined;
  /** Sends it round to subscribers; undefined: nothing of it has to be on disk. */
  readonly carry: (message: OutgoingMessage, handshake?: Handshake) => Promise<void> | undefined;
  /** Wall clock, epoch ms. */
  readonly now: () => number;
}

interface Manner {
  /** Of a publish of QoS 2. */
  readonly entry: Entry | undefined;
  /** The same, where it outlives the connection. */
  readonly note: Handshake | undefined;
  /** It goes round to subscribers, too. */
  readonly travels: boolean;
}

export class FramePublishing {
  readonly #parts: FramePublishingParts;
  readonly #unwritten = new Unacknowledged();

  constructor(parts: FramePublishingParts) {
    this.#parts = parts;
  }

  /**
   * A frame may be read in a later turn, so its receipt does not come in the order of the others: it is acknowledged in
   * its turn all the same. What it makes is noted with its handshake: a crash may send it round to subscribers twice,
   * but stores nothing twice. What goes round is on disk before, for it comes not again after.
   */
  publish(
    device: string,
    packet: IncomingPublish,
    payload: Uint8Array,
    connection: Connection,
    acknowledge: Acknowledge,
    { entry, note, travels }: Manner,
  ): void {
    const { counters, log, handshakes, frames } = this.#parts;
    const sender = `${connection.user?.name ?? ''}\0${connection.client.id}`;
    const isQos1 = packet.qos === 1;
    const written: Acknowledge = (error) => {
      if (isQos1 && !error) this.#unwritten.acknowledged(sender, packet);
      acknowledge(error);
    };
    const before = isQos1 ? this.#unwritten.before(sender, packet, payload) : undefined;
    if (before !== undefined) {
      connection.acknowledgements.whenStored(packet, written, before);
      return;
    }
    connection.tookUp(payload.length);
    const take = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.take(device, packet.topic, payload, note, (receipt) => {
          if (receipt.outcome !== 'not-stored') {
            resolve();
            return;
          }
          counters.notStored += 1;
          const { reason } = receipt;
          log.warn({ client: connection.client.id, reason }, 'a publish could not be stored, connection closed');
          reject(new Error('not stored'));
        });
      });
    const sent = travels ? this.#sendRound(packet, payload) : undefined;
    const stored =
      sent === undefined
        ? take()
        : note === undefined
          ? Promise.all([take(), sent]).then(() => undefined)
          : sent.then(take);
    const settle = (error: Error | null): void => {
      connection.gaveBack(payload.length);
      if (entry !== undefined) handshakes.settle(entry, error);
    };
    stored.then(
      () => settle(null),
      () => settle(new Error('not stored')),
    );
    if (isQos1) this.#unwritten.keep(sender, packet, payload, stored);
    connection.acknowledgements.whenStored(packet, written, stored);
    connection.waitForRoom((again) => frames?.hasRoom(device, again) ?? true);
  }

  /** As the broker would if it were nobody's frame; a fault of it is a publish that was not stored. */
  #sendRound(packet: IncomingPublish, payload: Uint8Array): Promise<void> | undefined {
    try {
      return this.#parts.carry(messageOfPublish(packet, payload));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  /** Nothing of it goes round. */
  take(
    device: string,
    topic: string,
    payload: Uint8Array,
    handshake: Handshake | undefined,
    settle: (receipt: Receipt) => void,
  ): void {
    const { frames, inFlight, counters, now } = this.#parts;
    const frame = { bytes: payload, topic, received: now() };
    within(inFlight, counters, payload.length, settle, (done) =>
      frames?.take(device, frame, done, undefined, handshake),
    );
  }
}
