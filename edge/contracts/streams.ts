/** The streams of the journal, their Kafka topics, and who goes first when the link is scarce. */

/** Every stream that head office receives. The order is fixed: the journal stores a stream by its index here. */
export const STREAMS = [
  'items',
  'shelves',
  'sales',
  'traffic',
  'shoppers',
  'climate',
  'alerts',
  'offers',
  'stock',
  'devices',
] as const;

export type Stream = (typeof STREAMS)[number];

/** Master data, commands and due wakes: sequenced like everything else, never replicated. */
export const LOCAL_STREAM = 'local';

export type JournalStream = Stream | typeof LOCAL_STREAM;

export const JOURNAL_STREAMS: readonly JournalStream[] = [...STREAMS, LOCAL_STREAM];

/** Urgent first: what staff and head office act on goes up ahead of a backlog of counts. */
export const SENDING_ORDER: readonly Stream[] = [
  'alerts',
  'devices',
  'offers',
  'climate',
  'sales',
  'stock',
  'shoppers',
  'items',
  'shelves',
  'traffic',
];

export const CHECKPOINT_TOPIC = 'retail.checkpoints';

export function topicOf(stream: Stream): string {
  return `retail.${stream}`;
}
