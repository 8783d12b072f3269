/**
 * All sessions, and the way of a message to them: whoever subscribed gets it once, with the highest quality of service
 * among the filters that match. Those of QoS 1 and 2 for a session that outlives its connection are on disk before
 * they are sent. Nobody waits for a client that reads slowly: what is for it waits in its own session, within bounds.
 */
import type { Client } from 'aedes';
import type { KeptSession, SavedSessions, SessionChange } from '../contracts/sessions.ts';
import type { CalmLog } from '../ops/calm-log.ts';
import type { DoorCounters } from './door-counters.ts';
import { FilterTree } from './filter-tree.ts';
import type { Keeper } from './keeper.ts';
import { type OutgoingMessage, publishBytes } from './outgoing.ts';
import { sessionsOf } from './saved-sessions.ts';
import { type Link, type Queued, Session } from './session.ts';
import { plain } from './topics.ts';
import { keptTopic } from './without-cards.ts';

export interface SessionLimits {
  /** Kept sessions whose clients are away; the one gone longest leaves first. */
  readonly sessions: number;
  /** Messages, and bytes of them, for one client that is away; one that is there may have ten times as many waiting. */
  readonly offlineMessages: number;
  readonly offlineSize: number;
  /** Milliseconds after which the session of a client that is away ends. */
  readonly offlineAge: number;
  /** Bytes of the messages of all sessions. */
  readonly queued: number;
  /** Bytes that wait in all sockets together, from which on messages of QoS 0 are dropped sooner. */
  readonly unread: number;
}

export interface SessionsParts {
  readonly limits: SessionLimits;
  readonly keeper: Keeper;
  readonly counters: DoorCounters;
  readonly log: CalmLog;
  /** A session ended: nothing of its client counts any more. */
  readonly onEnd: (client: string) => void;
  /** Monotonic ms. */
  readonly now: () => number;
}

const PRESENT_FACTOR = 10;
/** Each message of a session has a packet id of its own, of which there are 65,535. */
const MOST_OF_A_SESSION = 60_000;

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #sessions = new Map<string, Session>();
  /** Kept sessions whose clients are away, the one gone longest first. */
  readonly #away = new Map<string, Session>();
  readonly #tree = new FilterTree<Session>();
  #number = 0;
  /** Messages up to this number are on disk, or cannot be brought there now. */
  #settled = 0;
  /** Bytes of the messages of all sessions. */
  bytes = 0;
  /** Bytes that wait in all sockets: as they were last counted, with those of QoS 0 that came on top. */
  unread = 0;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /** All sessions, those whose clients are away, and messages that wait for anyone. */
  get figures(): { all: number; away: number; queued: number } {
    let queued = 0;
    for (const session of this.#sessions.values()) queued += session.size;
    return { all: this.#sessions.size, away: this.#away.size, queued };
  }

  restore(saved: SavedSessions): void {
    const { sessions, wereThere, newest } = sessionsOf(saved, this.#parts.now());
    this.#number = newest;
    this.#settled = newest;
    for (const session of sessions) {
      this.#sessions.set(session.client, session);
      this.#away.set(session.client, session);
      for (const [filter, qos] of session.subscriptions) this.#tree.add(filter, session, qos);
      this.bytes += session.bytes;
    }
    // From now on they are known to be away.
    for (const session of wereThere) this.#tell(session);
  }

  /** Everything, as changes. */
  *all(): Iterable<SessionChange> {
    for (const session of this.#sessions.values()) {
      if (!session.kept) continue;
      yield this.#described(session);
      for (const [filter, qos] of session.subscriptions)
        yield { is: 'subscribed', client: session.client, filter, qos };
      for (const queued of session.messages()) yield { is: 'queued', ...described(queued) };
    }
  }

  /** Whether a client that wants its session kept finds one. */
  has(client: string): boolean {
    const session = this.#sessions.get(client);
    // Whoever has lost filters must subscribe again, and does so when there is no session.
    return session?.kept === true && !session.lostFilters;
  }

  /** A client was let in, and any other connection under its name is closed. */
  begin(client: Client): void {
    const { id, clean } = client;
    const before = this.#sessions.get(id);
    let session = before;
    if (session?.kept !== true || clean) {
      if (before !== undefined) this.#end(before);
      session = new Session(id, !clean);
      this.#sessions.set(id, session);
      if (session.kept) this.#tell(session);
    }
    session.holder = client;
  }

  /** Whether the session under its name is that of this connection. */
  isHeldBy(client: Client): boolean {
    return this.#sessions.get(client.id)?.holder === client;
  }

  /** It has its CONNACK: what waits for it is sent. */
  attach(link: Link): void {
    const session = this.#sessions.get(link.client.id);
    if (session === undefined || session.holder !== link.client) return;
    session.lostFilters = false;
    const wasAway = this.#away.delete(session.client);
    session.attach(link);
    if (wasAway) this.#tell(session);
    this.#send(session);
  }

  /** Its connection is closed. */
  detach(client: Client): void {
    const session = this.#sessions.get(client.id);
    // Another connection may have taken its place.
    if (session === undefined || session.holder !== client) return;
    session.detach();
    session.holder = undefined;
    if (!session.kept) {
      this.#end(session);
      return;
    }
    session.awaySince = this.#parts.now();
    this.#away.delete(session.client);
    this.#away.set(session.client, session);
    this.#tell(session);
    this.#trim(session);
    this.#endTheOldest();
  }

  /** A client asked for a clean session: the one that was kept ends. Resolves when that is written. */
  async clean(client: string): Promise<void> {
    const session = this.#sessions.get(client);
    if (session?.kept !== true) return;
    this.#end(session);
    await this.#parts.keeper.committed();
  }

  /** Resolves when it holds, for a kept session on disk. Rejects when it could not be written. */
  async subscribe(client: Client, wanted: string, qos: number): Promise<void> {
    const filter = keptTopic(wanted);
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    const before = session.subscriptions.get(filter);
    session.subscriptions.set(filter, qos);
    this.#tree.add(filter, session, qos);
    if (!session.kept || before === qos) return;
    this.#parts.keeper.add({ is: 'subscribed', client: session.client, filter, qos });
    try {
      await this.#parts.keeper.committed();
    } catch (thrown) {
      if (before === undefined) this.#unsubscribe(session, filter);
      throw thrown;
    }
  }

  /** Resolves when it holds, for a kept session on disk if that can be. */
  async unsubscribe(client: Client, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    const held = filters.map(keptTopic).filter((filter) => session.subscriptions.has(filter));
    for (const filter of held) this.#unsubscribe(session, filter);
    if (held.length === 0 || !session.kept) return;
    await this.#parts.keeper.committed().catch(() => undefined);
  }

  #unsubscribe(session: Session, filter: string): void {
    session.subscriptions.delete(filter);
    this.#tree.remove(filter, session);
    if (session.kept) this.#parts.keeper.add({ is: 'unsubscribed', client: session.client, filter });
  }

  /** What is wrong with one subscription more; undefined: nothing. */
  tooMany(client: Client, filter: string, most: number): string | undefined {
    const held = this.#sessions.get(client.id)?.subscriptions;
    return held === undefined || held.size < most || held.has(keptTopic(filter))
      ? undefined
      : `one client may have ${most}`;
  }

  /** Retained messages for a subscription that was just granted. */
  sendRetained(client: Client, messages: Iterable<OutgoingMessage>, qos: number): void {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    const later: OutgoingMessage[] = [];
    for (const message of messages) {
      const granted = Math.min(qos, message.qos);
      if (granted === 0) later.push({ ...message, qos: 0 });
      else this.#enqueue(session, message, granted);
    }
    if (!session.later(later)) this.#parts.counters.slowDropped += later.length;
    this.#sendWhenKept([session]);
  }

  /** Sends a message to everybody who subscribed to it; whether something of it must be on disk first. */
  forward(message: OutgoingMessage): boolean {
    const plain = { ...message, retain: false };
    const queued: Session[] = [];
    let bytes: Buffer | undefined;
    for (const [session, granted] of this.#tree.match(keptTopic(message.topic))) {
      const qos = Math.min(granted, message.qos);
      if (qos > 0) {
        this.#enqueue(session, plain, qos);
        queued.push(session);
        continue;
      }
      bytes ??= publishBytes(plain, 0, 0, false);
      const waiting = session.sendNow(plain, bytes, this.unread > this.#parts.limits.unread);
      if (waiting === undefined) this.#parts.counters.slowDropped += 1;
      else this.unread += waiting;
    }
    return this.#sendWhenKept(queued);
  }

  /** Who has it queued does not get it any more. */
  forget(topic: string): void {
    for (const session of this.#sessions.values()) {
      const queued = [...session.messages()].filter((message) => message.topic === topic && message.qos === 1);
      for (const message of queued) this.#remove(session, message);
      if (queued.length > 0) this.#send(session);
    }
  }

  /** PUBACK or PUBCOMP. */
  confirmed(client: Client, packet: number, qos: number): void {
    const session = this.#sessions.get(client.id);
    const before = session?.bytes ?? 0;
    const queued = session?.confirmed(packet, qos);
    if (session === undefined || queued === undefined) return;
    this.bytes += session.bytes - before;
    if (session.kept) this.#parts.keeper.add({ is: 'unqueued', number: queued.number });
    this.#send(session);
  }

  /** PUBREC. Resolves when PUBREL may be sent: were it sent again as a new message after a crash, it would be one. */
  async received(client: Client, packet: number): Promise<void> {
    const session = this.#sessions.get(client.id);
    const before = session?.bytes ?? 0;
    const queued = session?.received(packet);
    if (session === undefined || queued === undefined) return;
    this.bytes += session.bytes - before;
    if (!session.kept) return;
    this.#parts.keeper.add({ is: 'half-way', number: queued.number });
    // When the disk takes nothing, the handshake goes on all the same: only a crash meanwhile could repeat it.
    await this.#parts.keeper.committed().catch(() => undefined);
  }

  /** Ends the sessions that nobody came back to. */
  expire(): void {
    const before = this.#parts.now() - this.#parts.limits.offlineAge;
    for (const session of [...this.#away.values()]) {
      if ((session.awaySince ?? before) >= before) return;
      this.#parts.counters.sessionsExpired += 1;
      this.#end(session);
    }
  }

  #endTheOldest(): void {
    while (this.#away.size > this.#parts.limits.sessions) {
      const [oldest] = this.#away.values();
      if (oldest === undefined) return;
      this.#parts.counters.sessionsExpired += 1;
      this.#parts.log.warn(
        { client: plain(oldest.client, 128) },
        'its session ended: more are kept than mqtt.limits.sessions',
      );
      this.#end(oldest);
    }
  }

  #end(session: Session): void {
    for (const filter of session.subscriptions.keys()) this.#tree.remove(filter, session);
    session.subscriptions.clear();
    session.detach();
    this.bytes -= session.bytes;
    if (this.#sessions.get(session.client) === session) this.#sessions.delete(session.client);
    this.#parts.onEnd(session.client);
    if (!session.kept) return;
    this.#away.delete(session.client);
    this.#parts.keeper.add({ is: 'session-ended', client: session.client });
  }

  #enqueue(session: Session, message: OutgoingMessage, qos: number): void {
    this.#number += 1;
    const before = session.bytes;
    const queued = session.enqueue(this.#number, message, qos);
    this.bytes += session.bytes - before;
    if (session.kept) this.#parts.keeper.add({ is: 'queued', ...described(queued) });
    this.#trim(session);
  }

  /** Within its bounds, and all together within theirs; the oldest leaves. */
  #trim(session: Session): void {
    const { offlineMessages, offlineSize, queued } = this.#parts.limits;
    const factor = session.link === undefined ? 1 : PRESENT_FACTOR;
    const most = Math.min(offlineMessages * factor, MOST_OF_A_SESSION);
    while (session.size > most || session.bytes > offlineSize * factor) {
      if (!this.#giveUp(session)) break;
    }
    while (this.bytes > queued) {
      const longest = [...this.#away.values()].find((away) => away.size > 0 && away.oldest() !== undefined);
      if (!this.#giveUp(longest ?? session)) break;
    }
  }

  #giveUp(session: Session): boolean {
    const oldest = session.oldest();
    if (oldest === undefined) return false;
    this.#remove(session, oldest);
    this.#parts.counters.queuedDropped += 1;
    if (!session.warned) {
      session.warned = true;
      const what = session.link === undefined ? 'is away' : 'confirms too slowly';
      this.#parts.log.warn(
        { client: plain(session.client, 128) },
        `it ${what}, and the oldest messages for it are dropped`,
      );
    }
    return true;
  }

  #remove(session: Session, queued: Queued): void {
    const before = session.bytes;
    session.remove(queued);
    this.bytes += session.bytes - before;
    if (session.kept) this.#parts.keeper.add({ is: 'unqueued', number: queued.number });
  }

  /** Sends what was queued: to kept sessions when it is on disk. Whether anything must be there first. */
  #sendWhenKept(sessions: readonly Session[]): boolean {
    const kept = sessions.filter((session) => session.kept);
    for (const session of sessions) this.#send(session);
    if (kept.length === 0) return false;
    const number = this.#number;
    const settled = (): void => {
      this.#settled = Math.max(this.#settled, number);
      for (const session of kept) this.#send(session);
    };
    this.#parts.keeper.committed().then(settled, settled);
    return true;
  }

  #send(session: Session): void {
    const refused = session.sendQueued(session.kept ? this.#settled : this.#number);
    for (const queued of refused) this.#remove(session, queued);
    session.whenRead(() => this.#send(session));
  }

  #tell(session: Session): void {
    this.#parts.keeper.add(this.#described(session));
  }

  #described({ client, awaySince, sent }: Session): SessionChange & KeptSession {
    const away = awaySince === undefined ? null : Math.max(0, Math.round(this.#parts.now() - awaySince));
    return { is: 'session', client, away, sent };
  }
}

function described({ sent: _, ...message }: Queued): Omit<Queued, 'sent'> {
  return message;
}
