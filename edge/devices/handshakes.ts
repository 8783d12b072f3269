/**
 * QoS 2, the receiver's side (MQTT 3.1.1, section 4.3.3, method A with the storing moved into the journal): a publish is
 * stored once however often it comes, until its client releases its packet id. The journal notes (client, packet id) in
 * the transaction that stores the publish, so what was stored and what is known to be stored cannot differ. The note
 * goes, committed, before PUBCOMP leaves: one left behind would swallow the next publish that uses the id again.
 */
import type { Handshake, SavedSessions, SessionChange } from '../contracts/sessions.ts';

export type Settled = (error: Error | null) => void;

/** One publish that was taken, or is on its way into the journal. */
export interface Entry extends Handshake {
  /** It is on disk, and so must its end be. */
  readonly durable: boolean;
  /** Whoever gave it to the journal. */
  readonly giver: object;
  state: 'pending' | 'taken';
  /** The same publish, come again meanwhile by another connection. */
  readonly waiting: Settled[];
  /** Monotonic ms. */
  readonly since: number;
}

/** A client that releases nothing can hold no more than this. */
const MOST_OF_A_CLIENT = 1000;
const MOST_OF_ALL = 100_000;
const KEEP_MS = 86_400_000;

export class Handshakes {
  readonly #keep: (changes: readonly SessionChange[]) => Promise<void>;
  readonly #now: () => number;
  readonly #clients = new Map<string, Map<number, Entry>>();
  #size = 0;

  /** `keep` resolves when the changes are on disk. `now` is monotonic ms. */
  constructor(keep: (changes: readonly SessionChange[]) => Promise<void>, now: () => number) {
    this.#keep = keep;
    this.#now = now;
  }

  /** How many are not released. */
  get size(): number {
    return this.#size;
  }

  restore(saved: SavedSessions['handshakes']): void {
    for (const { client, packet, age } of saved) {
      this.#add({
        client,
        packet,
        durable: true,
        giver: this,
        state: 'taken',
        waiting: [],
        since: this.#now() - age,
      });
    }
  }

  get(client: string, packet: number): Entry | undefined {
    return this.#clients.get(client)?.get(packet);
  }

  /** Begins a new one; undefined when the client, or all together, hold too many. */
  begin(giver: object, client: string, packet: number, durable: boolean): Entry | undefined {
    const held = this.#clients.get(client)?.size ?? 0;
    if (held >= MOST_OF_A_CLIENT || this.#size >= MOST_OF_ALL) return undefined;
    const entry: Entry = {
      client,
      packet,
      durable,
      giver,
      state: 'pending',
      waiting: [],
      since: this.#now(),
    };
    this.#add(entry);
    return entry;
  }

  /** The journal has answered: it is stored, or it could not be and the next one of this id is new. */
  settle(entry: Entry, error: Error | null): void {
    entry.state = 'taken';
    if (error !== null) this.#drop(entry);
    for (const settled of entry.waiting.splice(0)) settled(error);
  }

  /** Its client released it. Rejects when that could not be written: then it must not be confirmed. */
  async release(client: string, packet: number): Promise<void> {
    const entry = this.get(client, packet);
    if (entry === undefined) return;
    if (entry.durable) await this.#keep([{ is: 'released', client, packet }]);
    this.#drop(entry);
  }

  /** A clean session: nothing of an earlier one counts. Resolves when that is written; rejects when it could not be. */
  async forget(client: string): Promise<void> {
    const entries = this.#clients.get(client);
    if (entries === undefined) return;
    const durable = [...entries.values()].some((entry) => entry.durable);
    if (durable) await this.#keep([{ is: 'handshakes-forgotten', client }]);
    if (this.#clients.get(client) === entries) this.drop(client);
  }

  /** Its session ended, on disk too. */
  drop(client: string): void {
    this.#size -= this.#clients.get(client)?.size ?? 0;
    this.#clients.delete(client);
  }

  /** Lets go of those that were not released for a day. */
  async expire(): Promise<void> {
    const before = this.#now() - KEEP_MS;
    const old: Entry[] = [];
    for (const entries of this.#clients.values()) {
      for (const entry of entries.values()) if (entry.state === 'taken' && entry.since < before) old.push(entry);
    }
    const durable = old.filter((entry) => entry.durable);
    if (durable.length > 0) {
      await this.#keep(durable.map(({ client, packet }) => ({ is: 'released' as const, client, packet })));
    }
    for (const entry of old) this.#drop(entry);
  }

  #add(entry: Entry): void {
    let entries = this.#clients.get(entry.client);
    if (entries === undefined) {
      entries = new Map();
      this.#clients.set(entry.client, entries);
    }
    entries.set(entry.packet, entry);
    this.#size += 1;
  }

  #drop(entry: Entry): void {
    const entries = this.#clients.get(entry.client);
    // A clean session may have begun meanwhile, and the id be in use again.
    if (entries?.get(entry.packet) !== entry) return;
    entries.delete(entry.packet);
    this.#size -= 1;
    if (entries.size === 0) this.#clients.delete(entry.client);
  }
}
