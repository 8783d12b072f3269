/** The till with its scanner: one sale for each shopper who pays. */
import type { PaidLine } from '../world/facts.ts';
import type { Device, Surroundings } from './device.ts';
import { device, itemsText, type Report } from './reporter.ts';

export function totalOf(lines: readonly PaidLine[]): number {
  return lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
}

export function till(surroundings: Surroundings): Device {
  const { shop } = surroundings;
  const { till: name, currency } = shop.plan;
  const waiting: { transaction: string; lines: readonly PaidLine[] }[] = [];
  shop.watch((fact) => {
    if (fact.kind === 'paid') waiting.push(fact);
  });
  const ring = (report: Report): void => {
    for (const { transaction, lines } of waiting.splice(0)) {
      const total = { amount: totalOf(lines), currency };
      const items = lines.reduce((sum, { quantity }) => sum + quantity, 0);
      report(
        'sale',
        {
          till: name,
          transaction,
          lines: lines.map(({ gtin, quantity, price }) => ({ gtin, quantity, price: { amount: price, currency } })),
          total,
        },
        `sale ${transaction}: ${itemsText(items)}, ${(total.amount / 100).toFixed(2)} ${currency}`,
      );
    }
  };
  return device({ name, everyMs: 100, look: ring }, surroundings);
}
