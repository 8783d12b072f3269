/** What Frigate publishes: events of objects that its detector follows, and how many of a label are in a zone. */

export interface FrigateObject {
  readonly id: string;
  readonly camera: string;
  readonly label: string;
  /** Of the detector, 0 to 1. */
  readonly score: number;
  /** Of the picture, epoch ms. */
  readonly time: number;
  /** Since when it is followed, epoch ms. */
  readonly since: number;
  readonly zones: readonly string[];
}

/** `end`: it is in no zone any more. */
export function frigateEvent(type: 'new' | 'update' | 'end', object: FrigateObject): string {
  const { id, camera, label, score, time, since, zones } = object;
  const of = (current_zones: readonly string[], score: number): object => ({
    ...{ id, camera, label, sub_label: null, score, top_score: object.score, false_positive: false },
    ...{ frame_time: time / 1000, start_time: since / 1000, end_time: type === 'end' ? time / 1000 : null },
    ...{ current_zones, entered_zones: zones, box: [424, 500, 536, 712], has_snapshot: true, stationary: true },
  });
  // Before its first event it was followed without being told of.
  return JSON.stringify({
    type,
    before: of(type === 'new' ? [] : zones, type === 'new' ? 0 : score),
    after: of(zones, score),
  });
}
