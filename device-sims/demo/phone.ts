/**
 * A member of staff with a phone: sees an alert as it comes, takes it as the staff page does, and sends somebody. By the
 * shop's clock a look takes a minute or two.
 */
import { connectAsync, type MqttClient } from 'mqtt';
import { type Alert, alertSchema } from '../../edge/contracts/alerts.ts';

export interface PhoneOptions {
  readonly url: string;
  readonly httpUrl: string;
  readonly name: string;
  /** Resolves when they have looked. */
  readonly look: (alert: Alert) => Promise<unknown>;
  /** Every state of an alert as the hub publishes it; `undefined` when a topic was cleared. */
  readonly seen: (topic: string, alert: Alert | undefined) => void;
  /** The hub has noted who looks after it. */
  readonly took: (alert: Alert) => void;
  readonly failed: (error: Error) => void;
}

export interface Phone {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 10_000;

export function phone(options: PhoneOptions): Phone {
  const busy = new Map<string, Promise<void>>();
  let isStopped = false;
  let client: MqttClient | undefined;
  const fail = (error: unknown): void => {
    if (!isStopped) options.failed(error instanceof Error ? error : new Error(String(error)));
  };
  const attend = async (alert: Alert): Promise<void> => {
    await options.look(alert);
    if (isStopped) return;
    const response = await fetch(`${options.httpUrl}/api/alerts/${alert.id}/acknowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ by: options.name }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    // It was resolved while they were looking.
    if (response.status === 409) return;
    if (!response.ok) throw new Error(`taking an alert was answered with ${response.status}: ${text.slice(0, 200)}`);
    options.took(alert);
  };
  const message = (topic: string, payload: Buffer): void => {
    if (isStopped) return;
    if (payload.length === 0) {
      options.seen(topic, undefined);
      return;
    }
    const alert = alertSchema.parse(JSON.parse(payload.toString('utf8')));
    options.seen(topic, alert);
    if (alert.state !== 'open' || busy.has(alert.id)) return;
    busy.set(
      alert.id,
      attend(alert)
        .catch(fail)
        .finally(() => busy.delete(alert.id)),
    );
  };
  return {
    async start() {
      client = await connectAsync(options.url, { clientId: `staff-${options.name}`, reconnectPeriod: 500 });
      client.on('error', () => undefined);
      client.on('message', (topic, payload) => {
        try {
          message(topic, payload);
        } catch (error) {
          fail(error);
        }
      });
      await client.subscribeAsync('out/alerts/#', { qos: 1 });
    },
    async stop() {
      isStopped = true;
      await client?.endAsync(true);
    },
  };
}
