/**
 * The phones of shoppers with the shop's app, one MQTT connection each while its owner is in the shop: a phone shows
 * the offers that are sent to it, tells the hub that one was seen, and shows it no more when it was withdrawn.
 */
import { connectAsync, type MqttClient } from 'mqtt';
import { z } from 'zod';
import type { Device, Surroundings } from './device.ts';

/** After its owner has left, so that what was sent meanwhile still comes. */
const STAYS_MS = 2_000;

const offerSchema = z.object({
  id: z.string(),
  campaign: z.string(),
  gtin: z.string(),
  text: z.string(),
  code: z.string().optional(),
  withdrawn: z.string().optional(),
});

export function phones(surroundings: Surroundings): Device {
  const { url, httpUrl, shop, did, failed } = surroundings;
  const open = new Map<string, Promise<MqttClient>>();
  const underWay = new Set<Promise<unknown>>();
  const leaving = new Set<NodeJS.Timeout>();
  const stopping = new AbortController();

  const inBackground = (work: Promise<unknown>): void => {
    const done: Promise<unknown> = work
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) failed(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => underWay.delete(done));
    underWay.add(done);
  };
  const tellSeen = async (id: string): Promise<void> => {
    const response = await fetch(`${httpUrl}/api/offers/${id}/seen`, {
      method: 'POST',
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(10_000)]),
    });
    const text = await response.text();
    // 404 and 409: it was withdrawn while they were looking.
    if (response.ok || response.status === 404 || response.status === 409) return;
    throw new Error(`that an offer was seen was answered with ${response.status}: ${text.slice(0, 200)}`);
  };
  const message = (app: string, payload: string): void => {
    const { withdrawn, ...offer } = offerSchema.parse(JSON.parse(payload));
    if (withdrawn === undefined) {
      did({ kind: 'shown', app, offer });
      shop.show(app, offer);
      inBackground(tellSeen(offer.id));
    } else {
      did({ kind: 'hidden', app, offer, reason: withdrawn });
      shop.hide(app, offer.id);
    }
  };
  const connect = async (app: string): Promise<MqttClient> => {
    const client = await connectAsync(url, { clientId: `phone-${app}`, reconnectPeriod: 500 });
    client.on('error', () => undefined);
    client.on('message', (_, payload) => {
      try {
        message(app, payload.toString('utf8'));
      } catch (error) {
        failed(error instanceof Error ? error : new Error(String(error)));
      }
    });
    await client.subscribeAsync(`out/offers/shopper/${encodeURIComponent(app)}`, { qos: 1 });
    return client;
  };
  const close = async (app: string): Promise<void> => {
    const client = open.get(app);
    open.delete(app);
    await (await client)?.endAsync(true);
  };
  shop.watch((fact) => {
    if (stopping.signal.aborted || (fact.kind !== 'entered' && fact.kind !== 'left')) return;
    const { app } = fact.who;
    if (app === undefined) return;
    if (fact.kind === 'entered') {
      const client = connect(app);
      open.set(app, client);
      inBackground(client);
      return;
    }
    const timer = setTimeout(() => {
      leaving.delete(timer);
      inBackground(close(app));
    }, STAYS_MS);
    leaving.add(timer);
  });
  return {
    name: 'phones',
    async start() {},
    async stop(patienceMs) {
      if (patienceMs > 0) await Promise.all(underWay);
      stopping.abort();
      for (const timer of leaving) clearTimeout(timer);
      await Promise.allSettled([...open.keys()].map(close));
      await Promise.all(underWay);
    },
  };
}
