/**
 * What the broker remembers of its clients beyond a restart, as it crosses between the door, which holds it in memory,
 * and the journal, which keeps it. A change is idempotent: given twice it does what it does once.
 */

/** A QoS 2 publish that was taken and is not released by its client yet (MQTT 3.1.1, section 4.3.3). */
export interface Handshake {
  readonly client: string;
  /** The client's packet identifier, 1 to 65,535. */
  readonly packet: number;
}

/** A message of QoS 1 or 2 that a session has not confirmed. */
export interface QueuedMessage {
  /** Its order among all messages of all sessions; never used again. */
  readonly number: number;
  readonly client: string;
  /** The packet id that it is or will be sent with. */
  readonly packet: number;
  readonly qos: number;
  /** The client has it (PUBREC), only the end of its handshake is open. */
  readonly released: boolean;
  readonly retain: boolean;
  readonly topic: string;
  readonly payload: Uint8Array;
}

export interface RetainedMessage {
  readonly topic: string;
  readonly qos: number;
  readonly payload: Uint8Array;
}

export interface KeptSession {
  readonly client: string;
  /** How long the client has been away, ms on the elapsed clock; null: it is there, or was when the hub ended. */
  readonly away: number | null;
  /** Number of the newest message that may have been sent to it. */
  readonly sent: number;
}

export interface KeptSubscription {
  readonly client: string;
  readonly filter: string;
  readonly qos: number;
}

export type SessionChange =
  /** A QoS 2 publish was taken. */
  | ({ readonly is: 'noted' } & Handshake)
  /** The client released it (PUBREL), or it is too old. */
  | ({ readonly is: 'released' } & Handshake)
  /** The client began a clean session. */
  | { readonly is: 'handshakes-forgotten'; readonly client: string }
  | ({ readonly is: 'session' } & KeptSession)
  /** With everything that belongs to it. */
  | { readonly is: 'session-ended'; readonly client: string }
  | ({ readonly is: 'subscribed' } & KeptSubscription)
  | { readonly is: 'unsubscribed'; readonly client: string; readonly filter: string }
  | ({ readonly is: 'queued' } & QueuedMessage)
  /** The client has it, and will be told that it may forget its id. */
  | { readonly is: 'half-way'; readonly number: number }
  /** Confirmed, or given up. */
  | { readonly is: 'unqueued'; readonly number: number }
  | ({ readonly is: 'retained' } & RetainedMessage)
  | { readonly is: 'cleared'; readonly topic: string }
  /** What follows is all there is, besides handshakes. */
  | { readonly is: 'all-anew' };

/** What was kept when the last run ended. Ages are milliseconds on the elapsed clock. */
export interface SavedSessions {
  readonly handshakes: readonly (Handshake & { readonly age: number })[];
  /** The one that has been away longest first. */
  readonly sessions: readonly KeptSession[];
  readonly subscriptions: readonly KeptSubscription[];
  /** In the order of their numbers. */
  readonly queued: readonly QueuedMessage[];
  readonly retained: readonly RetainedMessage[];
}
