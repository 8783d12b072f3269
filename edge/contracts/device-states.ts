/** In which of a few states a device is: as `devices list` names them, and as the metrics count them. */

/** The first that holds, from the left: see `store-hub devices list --help`. */
export const DEVICE_STATES = ['trouble', 'never', 'quiet', 'refused', 'offline', 'ok'] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

export interface DeviceLook {
  /** There is no way to it. */
  readonly hasTrouble: boolean;
  /** Epoch ms. */
  readonly lastSeen: number | undefined;
  /** It says nothing any more, by the judgement of its rhythm. */
  readonly isQuiet: boolean;
  /** When something of it was refused last, epoch ms. */
  readonly refused: number | undefined;
  /** By its own word. */
  readonly online: boolean | undefined;
}

export function deviceState({ hasTrouble, lastSeen, isQuiet, refused, online }: DeviceLook): DeviceState {
  if (hasTrouble) return 'trouble';
  if (lastSeen === undefined) return 'never';
  if (isQuiet) return 'quiet';
  if (refused !== undefined && refused >= lastSeen) return 'refused';
  return online === false ? 'offline' : 'ok';
}
