/** The tills of the shop: each sale as the hub's own JSON on `in/sale/<till>`, told from a resend by its transaction. */
import type { LedgerRecord } from '../sim/ledger-records.ts';
import { Said } from './said.ts';
import type { DeviceParts, SimDevice } from './sim-device.ts';

type Sold = Extract<LedgerRecord, { kind: 'sold' }>;

export function openTill(till: string, { world, links, clock }: DeviceParts): SimDevice {
  const said = new Said();
  const ring = (sale: Sold): void => {
    const { transaction, business_day, lines, total, shopper } = sale;
    const reading = {
      time: new Date(clock(sale.ms)).toISOString(),
      ...{ till, transaction, business_day, total },
      lines: lines.map(({ gtin, count, price }) => ({ gtin, quantity: count, price })),
      ...(shopper !== undefined && { shopper }),
    };
    said.add(links.publish(till, `in/sale/${till}`, JSON.stringify(reading)));
  };
  return {
    name: till,
    entry: undefined,
    async start() {
      world.watch((record) => {
        if (record.kind === 'sold' && record.till === till) ring(record);
      });
    },
    look: () => undefined,
    settled: () => said.settled(),
    stop: () => said.settled(),
  };
}
