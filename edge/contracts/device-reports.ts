/**
 * What edge.sock tells of devices, for the command line: `GET /devices`, `GET /devices/<name>/frames?after=<number>`,
 * `GET /strangers/frames`.
 */
import { z } from 'zod';

/** ISO 8601. */
const moment = z.string();

export const deviceReportSchema = z.object({
  name: z.string(),
  /** False: no entry of `devices` names it; it speaks the hub's own JSON, or another device speaks for it. */
  configured: z.boolean(),
  codec: z.string(),
  /** The configured device that speaks for it. */
  through: z.string().nullable(),
  way: z.string(),
  place: z.string(),
  last_seen: moment.nullable(),
  frames: z.number(),
  readings: z.number(),
  frames_per_minute: z.number(),
  readings_per_minute: z.number(),
  battery_percent: z.number().nullable(),
  online: z.boolean().nullable(),
  /** Of an RFID reader: those that read nothing; null: it does not tell which. */
  dead_antennas: z.array(z.number().nullable()),
  trouble: z.string().nullable(),
  error: z.object({ reason: z.string(), at: moment }).nullable(),
  /** What its entry lacks, though it works. */
  hint: z.object({ reason: z.string(), at: moment }).nullable(),
});
export type DeviceReport = z.infer<typeof deviceReportSchema>;

export const strangerReportSchema = z.object({
  /** A topic, or `POST /push/<name>`. */
  topic: z.string(),
  client: z.string(),
  first: moment,
  last: moment,
  count: z.number(),
  /** Bytes of the last one. */
  size: z.number(),
  /** Base64 of its beginning, masked. */
  sample: z.string().nullable(),
});
export type StrangerReport = z.infer<typeof strangerReportSchema>;

export const devicesReportSchema = z.object({
  /** Since when the edge listens; what was heard before is not in here. */
  started: moment,
  devices: z.array(deviceReportSchema),
  strangers: z.array(strangerReportSchema),
  /** Frames of devices and strangers for which there was no place. */
  others: z.number(),
});
export type DevicesReport = z.infer<typeof devicesReportSchema>;

export const framesReportSchema = z.object({
  frames: z.array(
    z.object({
      number: z.number(),
      received: moment,
      topic: z.string().nullable(),
      size: z.number(),
      /** Base64, masked; null where it may name a person. */
      raw: z.string().nullable(),
      decoded: z.array(z.string()),
      reason: z.string().nullable(),
      note: z.string().nullable(),
    }),
  ),
});
export type FramesReport = z.infer<typeof framesReportSchema>;

export const strangerFramesReportSchema = z.object({
  /** The last frames of each, whole, base64, masked; those that may name a person are left out. */
  strangers: z.array(z.object({ topic: z.string(), frames: z.array(z.string()) })),
});
export type StrangerFramesReport = z.infer<typeof strangerFramesReportSchema>;
