/**
 * What a device's own time is worth. It is kept and flagged, never trusted for decisions: what counts as now is what
 * was received now. Only a record older than the device's last accepted time is history.
 */
import type { TimeQuality } from '../contracts/envelope.ts';

const AHEAD_MS = 5 * 60_000;
const BEHIND_MS = 60 * 60_000;

export interface Judgement {
  readonly time: number;
  readonly quality: TimeQuality;
  readonly history: boolean;
  /** The device time to compare later records with; nothing when this one is not to be trusted for that. */
  readonly lastTime: number | undefined;
}

/**
 * @param time the device's time, epoch ms, if it gave one
 * @param received the hub's wall clock at receipt, epoch ms
 * @param lastTime the device's last accepted time before this delivery
 * @param synced whether the hub's clock has been synchronised since boot
 */
export function judgeTime(
  time: number | undefined,
  received: number,
  lastTime: number | undefined,
  synced: boolean,
): Judgement {
  if (time === undefined) return { time: received, quality: synced ? 'ok' : 'hub-unsynced', history: false, lastTime };
  const history = lastTime !== undefined && time < lastTime;
  const quality = !synced
    ? 'hub-unsynced'
    : time > received + AHEAD_MS
      ? 'ahead'
      : time < received - BEHIND_MS
        ? 'behind'
        : 'ok';
  // One reading from a clock that runs ahead must not turn all that follow into history.
  const trusted = quality === 'ok' || quality === 'behind';
  return { time, quality, history, lastTime: trusted && !history ? time : lastTime };
}
