/** The shop's app, as far as the demo needs it: hears every offer that goes to a phone, whoever's it is, and shows it. */
import { connectAsync, type MqttClient } from 'mqtt';
import { z } from 'zod';

const PATIENCE_MS = 10_000;
const TOPIC = 'out/offers/shopper/';

const offerSchema = z.object({
  id: z.string(),
  campaign: z.string(),
  gtin: z.string(),
  text: z.string(),
  withdrawn: z.string().optional(),
});

export interface ShownOffer {
  /** Pseudonym: the name of the phone's beacon. */
  readonly shopper: string;
  readonly id: string;
  readonly campaign: string;
  readonly gtin: string;
  readonly text: string;
}

export interface ShoppersApp {
  readonly shown: readonly ShownOffer[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function shoppersApp(
  { url, httpUrl }: { readonly url: string; readonly httpUrl: string },
  heard: (offer: ShownOffer) => void,
  failed: (error: Error) => void,
): ShoppersApp {
  const shown: ShownOffer[] = [];
  let client: MqttClient | undefined;
  let isStopped = false;
  const seen = async (id: string): Promise<void> => {
    const response = await fetch(`${httpUrl}/api/offers/${id}/seen`, {
      method: 'POST',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    // 404 and 409: it was withdrawn while they were looking.
    if (response.ok || response.status === 404 || response.status === 409) return;
    throw new Error(`that an offer was seen was answered with ${response.status}: ${text.slice(0, 200)}`);
  };
  const fail = (error: unknown): void => {
    if (!isStopped) failed(error instanceof Error ? error : new Error(String(error)));
  };
  const message = (topic: string, payload: string): void => {
    const { withdrawn, ...offer } = offerSchema.parse(JSON.parse(payload));
    if (withdrawn !== undefined) return;
    const one = { shopper: decodeURIComponent(topic.slice(TOPIC.length)), ...offer };
    shown.push(one);
    heard(one);
    seen(one.id).catch(fail);
  };
  return {
    shown,
    async start() {
      client = await connectAsync(url, { clientId: 'shoppers-app', reconnectPeriod: 500 });
      client.on('error', () => undefined);
      client.on('message', (topic, payload) => {
        try {
          message(topic, payload.toString('utf8'));
        } catch (error) {
          fail(error);
        }
      });
      await client.subscribeAsync(`${TOPIC}+`, { qos: 1 });
    },
    async stop() {
      isStopped = true;
      await client?.endAsync(true);
    },
  };
}
