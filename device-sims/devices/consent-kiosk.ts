/** The loyalty programme's kiosk at the door: who grants consent to offers, or withdraws it. */
import type { Who } from '../world/facts.ts';
import type { Device, Surroundings } from './device.ts';
import { device } from './reporter.ts';

export const KIOSK = 'loyalty-kiosk';

export function consentKiosk(surroundings: Surroundings): Device {
  const waiting: { who: Who; granted: boolean }[] = [];
  surroundings.shop.watch((fact) => {
    if (fact.kind === 'consent') waiting.push(fact);
  });
  return device(
    {
      name: KIOSK,
      everyMs: 50,
      look(report) {
        for (const { who, granted } of waiting.splice(0)) {
          const text = `${who.app} ${granted ? 'grants' : 'withdraws'} consent to offers`;
          report('consent', { shopper: who.app, granted, scope: 'offers' }, text);
        }
      },
    },
    surroundings,
  );
}
