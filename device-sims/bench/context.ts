/** What every measurement gets: a folder, how thorough to be, and a local Kafka for those that need one. */
import type { LocalKafka } from '../kafka/local-kafka.ts';
import type { Outcome } from './report.ts';

export interface BenchContext {
  /** A temporary folder of this bench run. */
  readonly folder: string;
  /** Few and short rounds: shows that it works, the figures mean little. */
  readonly quick: boolean;
  readonly say: (text: string) => void;
  /** One Kafka for all measurements of a run, started by the first that asks. */
  readonly kafka: () => Promise<LocalKafka>;
}

/** One measurement of the table. Throws when something broke or lost data, never because it was slow. */
export interface Measurement {
  readonly name: string;
  readonly about: string;
  readonly run: (context: BenchContext) => Promise<Outcome>;
}
