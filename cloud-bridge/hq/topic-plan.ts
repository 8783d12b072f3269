/**
 * What head office's topics must look like, and why. All eleven have the same partitions and replication, because a
 * hub sends to one partition number everywhere.
 */
import { CHECKPOINT_TOPIC, STREAMS, topicOf } from '../../edge/contracts/streams.ts';

/** How a setting is judged: exactly this text, or a number of at least this (-1 is without end). */
export interface Setting {
  readonly key: string;
  readonly want: string;
  readonly rule: 'exactly' | 'at-least' | 'at-most';
}

const DAY = 86_400_000;

/** Event topics keep this long, at least; head office may keep longer. */
const EVENT_RETENTION = 30 * DAY;
/**
 * `retail.devices` holds the records that explain gaps in the other topics, so it outlives them: whole segments are
 * deleted, hence the extra time.
 */
const DEVICES_EXTRA = 30 * DAY;

export const EVENT_TOPICS: readonly string[] = STREAMS.map(topicOf);
export const DEVICES_TOPIC = topicOf('devices');
export const ALL_TOPICS: readonly string[] = [...EVENT_TOPICS, CHECKPOINT_TOPIC];

function exactly(key: string, want: string): Setting {
  return { key, want, rule: 'exactly' };
}

function common(replication: number): Setting[] {
  return [
    // Every reader can unpack gzip; kafkajs stops at zstd.
    exactly('compression.type', 'gzip'),
    { key: 'min.insync.replicas', want: replication >= 3 ? '2' : '1', rule: replication >= 3 ? 'at-least' : 'exactly' },
    exactly('unclean.leader.election.enable', 'false'),
    // By the broker's clock: a box that boots in 1970 must not have its records deleted as decades old.
    exactly('message.timestamp.type', 'LogAppendTime'),
    { key: 'max.message.bytes', want: String(2 * 1024 * 1024), rule: 'at-least' },
  ];
}

/** The settings of one topic; `longestEventRetention` (ms, -1 without end) is that of the event topics as they are. */
export function settingsOf(topic: string, replication: number, longestEventRetention = EVENT_RETENTION): Setting[] {
  if (topic === CHECKPOINT_TOPIC) {
    return [
      exactly('cleanup.policy', 'compact'),
      // Compaction leaves the active segment alone: without these a store would read a week of checkpoints at a start.
      { key: 'segment.ms', want: String(600_000), rule: 'at-most' },
      { key: 'max.compaction.lag.ms', want: String(3_600_000), rule: 'at-most' },
      ...common(replication),
    ];
  }
  const retention =
    topic !== DEVICES_TOPIC
      ? EVENT_RETENTION
      : longestEventRetention < 0
        ? -1
        : Math.max(longestEventRetention, EVENT_RETENTION + DEVICES_EXTRA);
  return [
    exactly('cleanup.policy', 'delete'),
    { key: 'retention.ms', want: String(retention), rule: 'at-least' },
    { key: 'retention.bytes', want: '-1', rule: 'at-least' },
    exactly('segment.ms', String(DAY)),
    ...common(replication),
  ];
}

/** Whether a setting is as it must be. */
export function satisfied(setting: Setting, is: string): boolean {
  if (setting.rule === 'exactly') return is === setting.want;
  const value = Number(is);
  const want = Number(setting.want);
  if (!Number.isFinite(value)) return false;
  if (setting.rule === 'at-most') return value >= 0 && value <= want;
  return value < 0 || (want >= 0 && value >= want);
}
