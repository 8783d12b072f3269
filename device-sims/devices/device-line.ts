/**
 * One device's own MQTT connection. Readings go out at QoS 1 and are kept, in order, until the hub acknowledged them;
 * a line that broke is mended and what was not acknowledged is sent again, as a careful device does.
 */
import { randomBytes } from 'node:crypto';
import { connectAsync } from 'mqtt';
import type { Kind } from '../../edge/contracts/readings.ts';

/** Counts over all devices of a run. */
export interface Tally {
  sent: number;
  acknowledged: number;
}

export interface DeviceLine {
  readonly device: string;
  /** Sends one reading; the `id` is added, so that a resend is recognised. Gives that id. */
  send(kind: Kind, fields: Readonly<Record<string, unknown>>): string;
  /** Waits until everything is acknowledged, then disconnects; gives up after `patienceMs`. */
  close(patienceMs: number): Promise<void>;
}

export async function openLine(url: string, device: string, tally: Tally): Promise<DeviceLine> {
  const client = await connectAsync(url, {
    clientId: `${device}-${randomBytes(3).toString('hex')}`,
    clean: true,
    reconnectPeriod: 500,
    connectTimeout: 5_000,
  });
  client.on('error', () => undefined);
  // A device that starts again begins a new series, or its first readings would pass for repeats.
  const series = randomBytes(4).toString('hex');
  const open = new Set<Promise<unknown>>();
  let count = 0;
  return {
    device,
    send(kind, fields) {
      count += 1;
      const id = `${device}-${series}-${count}`;
      tally.sent += 1;
      const acknowledged = client
        .publishAsync(`in/${kind}/${device}`, JSON.stringify({ id, ...fields }), { qos: 1 })
        .then(
          () => {
            tally.acknowledged += 1;
          },
          // It stays counted as sent and not acknowledged.
          () => undefined,
        );
      open.add(acknowledged);
      void acknowledged.finally(() => open.delete(acknowledged));
      return id;
    },
    async close(patienceMs) {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => {
        timer = setTimeout(resolve, patienceMs);
      });
      await Promise.race([Promise.all(open), patience]);
      clearTimeout(timer);
      await client.endAsync(true);
    },
  };
}
