/** Errors of the link to Kafka that know what was being done. */
import { gunzipSync } from 'node:zlib';
import type { PackedPart } from './packed-records.ts';

type During = 'connecting' | 'fencing' | 'reading' | 'sending' | 'committing';

export interface Circumstances {
  readonly during: During;
  readonly topic?: string;
  /** What was being sent. */
  readonly part?: PackedPart;
}

/** Whatever the client library threw, as the cause. */
export class LinkFailure extends Error {
  override readonly name = 'LinkFailure';
  readonly during: During;
  readonly topic: string | undefined;
  readonly part: PackedPart | undefined;

  constructor({ during, topic, part }: Circumstances, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.during = during;
    this.topic = topic;
    this.part = part;
  }

  /** Id of the event, when the part is a single one. */
  get event(): string | undefined {
    if (this.part?.count !== 1) return undefined;
    return /"id":"([^"]+)"/.exec(gunzipSync(this.part.records).toString('utf8'))?.[1];
  }

  /** Something was on its way when it failed. */
  get isUnderWay(): boolean {
    return this.during === 'sending' || this.during === 'committing';
  }

  /** The brokers found a part too large that can still be made smaller. */
  get isDivisible(): boolean {
    return this.isTooLarge && (this.part?.count ?? 0) > 1;
  }

  get isTooLarge(): boolean {
    for (let one = this.cause; one instanceof Error; one = one.cause) {
      const type: unknown = Reflect.get(one, 'type');
      if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return true;
    }
    return false;
  }
}

/** Resolves like `work`; what it throws says what was being done. */
export async function during<T>(circumstances: Circumstances, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof LinkFailure || error instanceof TopicsMissing) throw error;
    throw new LinkFailure(circumstances, error);
  }
}

/** Head office's topics are not as they must be; the message says what to do. */
export class TopicsMissing extends Error {
  override readonly name = 'TopicsMissing';
}

/** A transaction did not end before its deadline. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
}
