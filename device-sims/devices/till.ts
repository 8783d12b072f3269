/**
 * The till with its scanner: one sale for each shopper who pays. Who shows the app is named on the receipt; who shows a
 * coupon gets it off when the hub grants it, and pays the full price otherwise.
 */
import type { PaidLine, ShownOffer, Who } from '../world/facts.ts';
import { askForCoupon } from './coupon-desk.ts';
import type { Device, Surroundings } from './device.ts';
import { device, itemsText, type Report } from './reporter.ts';

export function totalOf(lines: readonly PaidLine[]): number {
  return lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
}

interface Waiting {
  readonly who: Who;
  readonly transaction: string;
  readonly lines: readonly PaidLine[];
  readonly coupons: readonly ShownOffer[];
}

/** What is off, by product, and the code on the receipt. */
interface Granted {
  readonly percentOff: ReadonlyMap<string, number>;
  readonly code: string | undefined;
}

export function till(surroundings: Surroundings): Device {
  const { shop, httpUrl, did, failed } = surroundings;
  const { till: name, currency, timezone, campaigns } = shop.plan;
  const waiting: Waiting[] = [];
  const ringing = new Set<Promise<void>>();
  // In this language a date reads as ISO 8601 has it.
  const calendar = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone });
  shop.watch((fact) => {
    if (fact.kind === 'paid') waiting.push(fact);
  });

  const redeem = async ({ who, transaction, coupons }: Waiting, business_day: string): Promise<Granted> => {
    const percentOff = new Map<string, number>();
    let granted: string | undefined;
    for (const offer of coupons) {
      const { code, gtin } = offer;
      if (code === undefined || percentOff.has(gtin)) continue;
      const answer = await askForCoupon(httpUrl, { till: name, transaction, business_day, code, shopper: who.app });
      did({ kind: 'claimed', app: who.app, transaction, offer, answer });
      if (!answer.granted) continue;
      granted ??= code;
      percentOff.set(gtin, campaigns.find(({ id }) => id === answer.campaign)?.percentOff ?? 0);
    }
    return { percentOff, code: granted };
  };
  const ring = async (report: Report, sale: Waiting): Promise<void> => {
    const { who, transaction, lines } = sale;
    const business_day = calendar.format(Date.now());
    let granted: Granted = { percentOff: new Map(), code: undefined };
    if (sale.coupons.length > 0) {
      try {
        granted = await redeem(sale, business_day);
      } catch (error) {
        failed(error instanceof Error ? error : new Error(String(error)));
      }
    }
    const offOf = ({ gtin, quantity, price }: PaidLine): number =>
      Math.round((quantity * price * (granted.percentOff.get(gtin) ?? 0)) / 100);
    const off = lines.reduce((sum, line) => sum + offOf(line), 0);
    const total = { amount: totalOf(lines) - off, currency };
    const items = lines.reduce((sum, { quantity }) => sum + quantity, 0);
    const said = `sale ${transaction}: ${itemsText(items)}, ${(total.amount / 100).toFixed(2)} ${currency}`;
    report(
      'sale',
      {
        ...{ till: name, transaction, business_day },
        lines: lines.map((line) => ({
          ...{ gtin: line.gtin, quantity: line.quantity, price: { amount: line.price, currency } },
          ...(offOf(line) > 0 ? { discount: { amount: offOf(line), currency } } : {}),
        })),
        total,
        ...(who.app === undefined ? {} : { shopper: who.app }),
        ...(granted.code === undefined ? {} : { coupon: granted.code }),
      },
      off === 0 ? said : `${said}, ${(off / 100).toFixed(2)} off`,
    );
  };
  return device(
    {
      name,
      everyMs: 100,
      look(report) {
        for (const sale of waiting.splice(0)) {
          const rung = ring(report, sale).finally(() => ringing.delete(rung));
          ringing.add(rung);
        }
      },
      settled: () => Promise.all(ringing),
    },
    surroundings,
  );
}
