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

export type SessionChange =
  /** The client released it (PUBREL), or it is too old. */
  | ({ readonly is: 'released' } & Handshake)
  /** The client began a clean session. */
  | { readonly is: 'handshakes-forgotten'; readonly client: string };

/** What was kept when the last run ended. Ages are milliseconds on the elapsed clock. */
export interface SavedSessions {
  readonly handshakes: readonly (Handshake & { readonly age: number })[];
}
