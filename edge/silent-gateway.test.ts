/** A LoRaWAN gateway that loses its power, before a real edge: one alert, over a crash, and single ones after it is back. */
import { afterEach, expect, test } from 'vitest';
import { type Publisher, startPublisher } from '../device-sims/harness/mqtt-helpers.ts';
import { makeStore, type Store } from '../device-sims/harness/store.ts';
import { waitUntil } from '../device-sims/harness/wait-until.ts';

let store: Store | undefined;
let publisher: Publisher | undefined;
let talking: NodeJS.Timeout | undefined;

afterEach(async () => {
  clearInterval(talking);
  await publisher?.close();
  await store?.stop();
});

const SENSORS = ['fridge-1', 'fridge-2', 'freezer-1'];

test('devices behind a gateway that is silent are one alert, and the one that does not come back with it is another', async () => {
  store = await makeStore({
    config: {
      devices: SENSORS.map((name) => ({
        ...{ name, codec: 'chirpstack', model: 'em300-th', unit: name, rhythm: '4s' },
        mqtt: { topic: `application/1/device/${name}/event/up` },
      })),
    },
  });
  await store.edge.start();
  publisher = await startPublisher(store.mqttUrl);
  const talk = (...names: readonly string[]): void => {
    clearInterval(talking);
    // Not understood, and a sign of life all the same.
    const say = (name: string) => publisher?.publishRaw(`application/1/device/${name}/event/up`, '{}').catch(() => {});
    talking = setInterval(() => names.map(say), 1000);
  };
  const { httpUrl, edge } = store;
  const alerts = async () =>
    (await (await fetch(`${httpUrl}/api/alerts`)).json()) as { subject: string; title: string }[];
  const subjects = async (): Promise<string[]> => (await alerts()).map(({ subject }) => subject);
  const become = (...expected: readonly string[]) =>
    waitUntil(`alerts: ${expected}`, async () => String(await subjects()) === String(expected), { timeoutMs: 40_000 });

  talk(...SENSORS);
  await waitUntil('every sensor to be heard', async () => {
    const { stdout } = (await store?.run(['devices', 'list', '--json'])) ?? { stdout: '' };
    return SENSORS.every((name) => new RegExp(`"name":"${name}"[^}]*"last_seen":"`).test(stdout.replaceAll(/\s/g, '')));
  });
  talk();
  await become('lorawan/chirpstack');
  expect((await alerts())[0]?.title).toBe('LoRaWAN gateway: is silent, 3 devices behind it');
  await publisher.close();
  await edge.kill();
  await edge.start();
  expect(await subjects()).toEqual(['lorawan/chirpstack']);
  publisher = await startPublisher(store.mqttUrl);
  talk('fridge-1', 'fridge-2');
  await become('freezer-1');
  talk(...SENSORS);
  await become();
});
