/** What devices send and how they are, by codec: never by name, because a shop may have hundreds. */

import { DEVICE_STATES, type DeviceState } from '../contracts/device-states.ts';
import type { CodecName } from '../contracts/devices.ts';
import { counter, gauge, type PulledMetric, type Sample } from './pulled-metrics.ts';

/** Counted since start. */
export interface FrameTally {
  frames: number;
  refused: number;
}

export interface DeviceFigures {
  readonly tallies: ReadonlyMap<CodecName, Readonly<FrameTally>>;
  /** Devices that were heard or are configured, each by its codec and its state. */
  readonly devices: readonly { readonly codec: string; readonly state: DeviceState }[];
  /** Topics and paths that no device is mapped to, as far as they are known, and frames that came on any. */
  readonly strangers: number;
  readonly strangerFrames: number;
}

export function deviceMetrics(figures: () => DeviceFigures | undefined): readonly PulledMetric[] {
  const tallied = (of: keyof FrameTally) => (): Sample[] | undefined =>
    [...(figures()?.tallies ?? [])].map(([codec, tally]) => ({ labels: { codec }, value: tally[of] }));
  return [
    counter(
      'device_frames_total',
      'Frames that came from devices, understood or not, by codec: publishes, pushes, telegrams, portions of files. `hub` is its own JSON.',
      tallied('frames'),
      'codec',
    ),
    counter(
      'device_frames_refused_total',
      'Frames that could not be understood, by codec. Rising: new firmware or a wrong entry; `store-hub devices list` says whose and why.',
      tallied('refused'),
      'codec',
    ),
    gauge(
      'devices',
      'Devices that are configured or were heard, by codec and state: trouble (no way to it), never (heard since start), quiet, refused, offline, ok.',
      () => byState(figures()?.devices),
      'codec',
      'state',
    ),
    gauge(
      'strangers',
      'Topics and push paths on which something comes that no device is configured for: `store-hub devices adopt` takes them in.',
      () => figures()?.strangers,
    ),
    counter(
      'stranger_frames_total',
      'Frames that came on topics and push paths of no device.',
      () => figures()?.strangerFrames,
    ),
  ];
}

/** Every state of each codec that there is, so that none disappears when it is over. */
function byState(devices: DeviceFigures['devices'] | undefined): Sample[] | undefined {
  if (devices === undefined) return undefined;
  const counts = new Map<string, Map<DeviceState, number>>();
  for (const { codec, state } of devices) {
    const states = counts.get(codec) ?? new Map<DeviceState, number>();
    counts.set(codec, states);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return [...counts].flatMap(([codec, states]) =>
    DEVICE_STATES.map((state) => ({ labels: { codec, state }, value: states.get(state) ?? 0 })),
  );
}
