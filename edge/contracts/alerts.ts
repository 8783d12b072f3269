/** What staff see: an alert, as `GET /api/alerts`, MQTT `out/alerts/...` and the event stream carry it. */
import { z } from 'zod';
import { maskCardData } from './card-data.ts';

export const ALERT_STATES = ['open', 'acknowledged', 'snoozed', 'dismissed', 'resolved'] as const;
export const DISMISS_REASONS = ['full', 'wrong-count', 'other'] as const;

export const alertSchema = z.object({
  id: z.string().length(26).describe('26 URL-safe characters; the same alert keeps its id through every change'),
  rule: z.string().describe('the rule that raised it, in kebab-case'),
  subject: z.string().describe('what it is about: for shelf-gap the shelf'),
  state: z.enum(ALERT_STATES),
  severity: z.enum(['info', 'warning', 'critical']),
  title: z.string(),
  detail: z.string(),
  raised: z.string().describe('ISO 8601'),
  changed: z.string().describe('ISO 8601'),
  events: z.array(z.string()).describe('ids of the events that caused the latest change'),
});

export type Alert = z.infer<typeof alertSchema>;
export type AlertState = Alert['state'];

export function hasEnded(state: AlertState): boolean {
  return state === 'dismissed' || state === 'resolved';
}

const by = z
  .string()
  .min(1)
  .max(64)
  .transform((name) => maskCardData(name))
  .optional()
  .describe('who did it, as the staff page knows them');

/** A staff action on one alert, by HTTP; it enters the journal as a local command. */
export const alertActions = {
  acknowledge: z.object({ by }),
  snooze: z.object({ minutes: z.number().int().min(1).max(1440), by }),
  dismiss: z.object({ reason: z.enum(DISMISS_REASONS), by }),
  resolve: z.object({ by }),
} as const;

export type AlertAction = keyof typeof alertActions;

export interface AlertCommand {
  readonly alert: string;
  readonly action: AlertAction;
  readonly by?: string | undefined;
  readonly minutes?: number | undefined;
  readonly reason?: string | undefined;
}
