/**
 * A device's own status -> a `seen` fact when it came, went or its battery moved; a beat that says the same is none, nor
 * is one that says nothing of the battery, as of a device that joins its network.
 */
import type { Sensed, SensedReading, SensingViews } from './sensed.ts';

interface StatusBody {
  readonly online: boolean;
  readonly battery_percent?: number;
}

export function senseStatus(reading: SensedReading, views: SensingViews): Sensed {
  const { online, battery_percent } = JSON.parse(reading.body) as StatusBody;
  const status: StatusBody = battery_percent === undefined ? { online } : { online, battery_percent };
  const last = views.recall('status', reading.device) as StatusBody | undefined;
  const same =
    last !== undefined && last.online === online && [undefined, last.battery_percent].includes(battery_percent);
  if (same && !reading.history) return { facts: [], remember: [] };
  return {
    facts: [
      {
        type: 'retail.devices.seen.v1',
        subject: reading.device,
        data: JSON.stringify({ device: reading.device, ...status }),
      },
    ],
    remember: reading.history
      ? []
      : [['status', reading.device, { battery_percent: last?.battery_percent, ...status }]],
  };
}
