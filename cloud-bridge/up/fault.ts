/** A fault on the way to head office, and what it is told by. */
import type { LinkFailure } from './link-failure.ts';

/** What the words are about. */
export interface Surroundings {
  readonly hub: string;
  readonly brokers: readonly string[];
  readonly tls: boolean;
  /** This hub shows a certificate of its own. */
  readonly certificate: boolean;
  readonly login: { readonly username: string; readonly mechanism: string } | undefined;
}

export interface LinkFault {
  /** In kebab-case; equal codes are the same outage going on. */
  readonly code: string;
  readonly words: string;
}

/** One thing about an error that faults are told by. */
export interface Symptom {
  /** `host:port` of the broker, or all that are configured. */
  readonly where: string;
  /** The topic that was being sent to, or 'its topics'. */
  readonly topic: string;
  readonly error: Error;
  readonly failure: LinkFailure | undefined;
  readonly around: Surroundings;
}
