/** What edge.sock alone answers about devices: it shows what they send, so only whoever runs this hub may ask. */
import type { FastifyInstance } from 'fastify';
import type { DevicesReport, FramesReport, StrangerFramesReport } from './contracts/device-reports.ts';
import type { ShownFrame } from './device-frames.ts';
import type { DeviceRegister, DeviceView } from './device-register.ts';
import { Problem } from './ops/problem.ts';
import type { DeadAntenna } from './sensing/tag-presence.ts';
import type { Stranger } from './strangers.ts';

/** `dead`: antennas that read nothing. */
export function deviceRoutes(app: FastifyInstance, register: DeviceRegister, dead: () => readonly DeadAntenna[]): void {
  const started = iso(Date.now());
  app.get(
    '/devices',
    (): DevicesReport => ({
      started,
      devices: register.list(Date.now()).map((device) => deviceReport(device, dead())),
      strangers: register.strangers.list().map(strangerReport),
      others: register.others + register.strangers.others,
    }),
  );
  app.get(
    '/strangers/frames',
    (): StrangerFramesReport => ({
      strangers: register.strangers.frames().map(({ topic, frames }) => ({
        topic,
        frames: frames.map((frame) => Buffer.from(frame).toString('base64')),
      })),
    }),
  );
  app.get<{ Params: { name: string }; Querystring: { after?: string } }>(
    '/devices/:name/frames',
    ({ params, query }): FramesReport => {
      const frames = register.frames(params.name, Date.now(), Number(query.after ?? 0) || 0);
      if (frames === undefined) throw new Problem(404, 'no device of this name is configured or was heard');
      return { frames: frames.map(frameReport) };
    },
  );
}

const iso = (ms: number): string => new Date(ms).toISOString();
const base64 = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('base64');

function deviceReport(device: DeviceView, dead: readonly DeadAntenna[]): DevicesReport['devices'][number] {
  const {
    name,
    configured,
    codec,
    way,
    place,
    lastSeen,
    frames,
    readings,
    batteryPercent,
    online,
    trouble,
    error,
    hint,
  } = device;
  return {
    ...{ name, configured, codec, way, place, frames, readings },
    through: device.through ?? null,
    last_seen: lastSeen === undefined ? null : iso(lastSeen),
    frames_per_minute: device.framesPerMinute,
    readings_per_minute: device.readingsPerMinute,
    battery_percent: batteryPercent ?? null,
    online: online ?? null,
    dead_antennas: dead.filter(({ reader }) => reader === name).map(({ antenna }) => antenna ?? null),
    trouble: trouble ?? null,
    error: error === undefined ? null : { reason: error.reason, at: iso(error.at) },
    hint: hint === undefined ? null : { reason: hint.reason, at: iso(hint.at) },
  };
}

function strangerReport({ first, last, sample, ...stranger }: Stranger): DevicesReport['strangers'][number] {
  return { ...stranger, first: iso(first), last: iso(last), sample: base64(sample) };
}

function frameReport({ received, raw, topic, reason, note, ...frame }: ShownFrame): FramesReport['frames'][number] {
  const { number, size, decoded } = frame;
  return {
    ...{ number, size, decoded: [...decoded] },
    received: iso(received),
    topic: topic ?? null,
    raw: base64(raw),
    reason: reason ?? null,
    note: note ?? null,
  };
}
