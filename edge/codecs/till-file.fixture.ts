/** A till that leaves files, for tests of their codecs: what its decoder makes of one, as sales or as a reason. */
import type { DeviceConfig } from '../contracts/devices.ts';
import type { Format, NotUnderstood, Understood } from '../contracts/formats.ts';

export const WATER = '9521234543213';

export type SaleReading = Record<string, unknown> & { lines: Record<string, unknown>[] };

type More = Partial<DeviceConfig>;

/** The answers of one format to files of a device, whose entry a test may change. */
export function tillFiles(format: Format, own: More = {}) {
  const device: DeviceConfig = {
    ...{ name: 'tills', codec: format.name, timezone: 'Europe/Berlin', calibration: { celsius: 0, weight: 1 } },
    ...own,
  };
  const understood = (bytes: Uint8Array | string, more: More = {}): Understood | NotUnderstood => {
    const frame = { bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes, received: 0 };
    const answer = format.open({ ...device, ...more }).decode(frame);
    if ('then' in answer) throw new Error('a promise');
    return answer;
  };
  return {
    device,
    understood,
    /** Throws where the file is refused. */
    sales(bytes: Uint8Array | string, more: More = {}): SaleReading[] {
      const answer = understood(bytes, more);
      if (!answer.ok) throw new Error(answer.reason);
      return answer.said.map(({ reading }) => reading as SaleReading);
    },
    reason(bytes: Uint8Array | string, more: More = {}): string {
      const answer = understood(bytes, more);
      return answer.ok ? 'it was understood' : answer.reason;
    },
  };
}

/** Of till 3, in the morning, without goods. */
export const MORNING = {
  workstation: '3',
  number: '1276',
  businessDay: '2026-11-20',
};
