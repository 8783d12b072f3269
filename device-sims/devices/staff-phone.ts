/**
 * A member of staff with a phone: sees an alert as it comes (MQTT, as a phone's page would), acknowledges it by HTTP
 * as the staff page does, walks to the back room and fills the shelf.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { type Alert, alertSchema } from '../../edge/contracts/alerts.ts';

export interface StaffOptions {
  readonly url: string;
  readonly httpUrl: string;
  readonly name: string;
  /** How long they look before they answer, and how long the walk takes. */
  readonly reactionMs: number;
  readonly walkMs: number;
  /** Brings items to the shelf; how many. */
  readonly refill: (shelf: string) => number;
  /** Every state of an alert as the hub publishes it; `undefined` when a topic was cleared. */
  readonly seen: (topic: string, alert: Alert | undefined) => void;
  readonly did: (deed: 'acknowledged' | 'refilled', alert: Alert, count: number) => void;
  readonly failed: (error: Error) => void;
}

export interface StaffPhone {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function staffPhone(options: StaffOptions): StaffPhone {
  const busy = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let client: MqttClient | undefined;

  const acknowledge = async (alert: Alert): Promise<void> => {
    const response = await fetch(`${options.httpUrl}/api/alerts/${alert.id}/acknowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ by: options.name }),
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(10_000)]),
    });
    const text = await response.text();
    // 409: it resolved while they were looking.
    if (!response.ok && response.status !== 409) {
      throw new Error(`acknowledging was answered with ${response.status}: ${text.slice(0, 200)}`);
    }
    if (response.ok) options.did('acknowledged', alert, 0);
  };
  const attend = async (alert: Alert): Promise<void> => {
    await sleep(options.reactionMs, undefined, { signal: stopping.signal });
    await acknowledge(alert);
    await sleep(options.walkMs, undefined, { signal: stopping.signal });
    options.did('refilled', alert, options.refill(alert.subject));
  };
  const message = (topic: string, payload: Buffer): void => {
    if (payload.length === 0) {
      options.seen(topic, undefined);
      return;
    }
    const alert = alertSchema.parse(JSON.parse(payload.toString('utf8')));
    options.seen(topic, alert);
    if (alert.rule !== 'shelf-gap' || alert.state !== 'open' || busy.has(alert.id)) return;
    const work = attend(alert).catch((error: unknown) => {
      if (!stopping.signal.aborted) options.failed(error instanceof Error ? error : new Error(String(error)));
    });
    busy.set(
      alert.id,
      work.finally(() => busy.delete(alert.id)),
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
          options.failed(error instanceof Error ? error : new Error(String(error)));
        }
      });
      await client.subscribeAsync('out/alerts/#', { qos: 1 });
    },
    async stop() {
      stopping.abort();
      await Promise.all(busy.values());
      await client?.endAsync(true);
    },
  };
}
