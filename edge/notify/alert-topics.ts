/** How an alert goes out over MQTT: retained while it lives, cleared when it has ended. */
import { type Alert, hasEnded } from '../contracts/alerts.ts';

export function alertTopic(alert: Alert): string {
  return `out/alerts/${alert.rule}/${encodeURIComponent(alert.subject)}`;
}

/** The element of `GET /api/alerts`, or nothing once the alert has ended. */
export function alertPayload(alert: Alert): string {
  return hasEnded(alert.state) ? '' : JSON.stringify(alert);
}
