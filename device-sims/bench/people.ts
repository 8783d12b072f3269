/** Shoppers of a bench: they consent, and gateways tell where they are. */
import { shopperName } from '../load/sales.ts';
import { MqttSession } from './mqtt-session.ts';

const GATEWAYS = 20;
/** Consents that wait for their acknowledgement. */
const WINDOW = 50;

export class People {
  readonly #session: MqttSession;

  private constructor(session: MqttSession) {
    this.#session = session;
  }

  /** Connects, and everybody of the first `count` shoppers grants consent. */
  static async open(port: number, count: number): Promise<People> {
    const session = await MqttSession.open(port, 'bench-gateways');
    for (let n = 0; n < count; n += WINDOW) {
      const some = Array.from({ length: Math.min(WINDOW, count - n) }, (_, k) => shopperName(n + k));
      const granted = { granted: true, scope: 'offers' };
      await Promise.all(some.map((shopper) => session.publish('in/consent/phones', { shopper, ...granted })));
    }
    return new People(session);
  }

  /** Resolves when it is acknowledged. */
  tell(n: number, zone: string, present: boolean): Promise<void> {
    return this.#session.publish(`in/presence/gateway-${n % GATEWAYS}`, { shopper: shopperName(n), zone, present });
  }

  close(): void {
    this.#session.close();
  }
}
