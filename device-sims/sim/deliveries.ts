/**
 * What suppliers bring: the shop orders by its books what it has too little of; the announcement says what was ordered,
 * the pallets hold what was truly packed: sometimes fewer, sometimes more, sometimes something else.
 */
import { checkDigit } from '../../edge/contracts/gtin.ts';
import type { Life } from './agenda.ts';
import { sgtin96 } from './epc.ts';
import type { Product } from './floor.ts';
import type { Random } from './random.ts';
import type { Shop } from './shop.ts';
import { holding, type Lot } from './stock.ts';

/** Items of one case. */
const CASE = 6;
const COMPANY_DIGITS = 7;

/** New items, as they come from a supplier. */
export interface Supplier {
  make(product: Product, count: number): Lot;
}

export function openSupplier(): Supplier {
  const serials = new Map<Product, number>();
  return {
    make(product, count) {
      if (!product.tagged) return { product, count, epcs: [] };
      const begun = serials.get(product) ?? 1;
      serials.set(product, begun + count);
      const epcs = Array.from({ length: count }, (_, i) => sgtin96(product.gtin, COMPANY_DIGITS, begun + i));
      return { product, count, epcs };
    },
  };
}

/** @param number counts the deliveries from 1 */
export function* deliver(shop: Shop, supplier: Supplier, number: number): Life {
  const random = shop.of('delivery', number);
  const plan = shop.floor.file.deliveries;
  const order = orderOf(shop);
  const delivery = `delivery-${String(number).padStart(4, '0')}`;
  for (let first = 0; first < order.length; first += plan.lines_per_pallet) {
    const lines = pack(shop, order.slice(first, first + plan.lines_per_pallet), random);
    bring(shop, supplier, delivery, ssccOf(shop, number, first / plan.lines_per_pallet), lines);
    yield random.between(60, 180) * 1000;
  }
}

interface Line {
  readonly product: Product;
  readonly advised: number;
  readonly received: number;
}

/** Up to a full shelf and the usual stock behind it, in whole cases. */
function orderOf({ floor, goods }: Shop): { product: Product; advised: number }[] {
  return floor.shelves.flatMap(({ product, capacity }) => {
    const target = capacity + product.daily * floor.file.staff.back_days;
    const lacking = target - (goods.book.get(product) ?? 0);
    const cases = Math.floor(lacking / CASE);
    return cases > 0 ? [{ product, advised: cases * CASE }] : [];
  });
}

function pack({ floor }: Shop, order: readonly { product: Product; advised: number }[], random: Random): Line[] {
  const { short, over, wrong } = floor.file.deliveries;
  const lines = order.map(({ product, advised }): Line => {
    const luck = random.next();
    if (luck < short) return { product, advised, received: random.whole(0, advised - 1) };
    if (luck < short + over) return { product, advised, received: advised + random.whole(1, CASE) };
    return { product, advised, received: advised };
  });
  if (lines.length === 0 || !random.chance(wrong)) return lines;
  // One line was packed from the place beside it.
  const place = random.whole(0, lines.length - 1);
  const other = random.pick(floor.products, () => 1);
  const meant = lines[place];
  if (!meant || lines.some(({ product }) => product === other)) return lines;
  lines[place] = { ...meant, received: 0 };
  return [...lines, { product: other, advised: 0, received: meant.advised }];
}

function bring(shop: Shop, supplier: Supplier, delivery: string, sscc: string, lines: readonly Line[]): void {
  const { goods, tags, floor } = shop;
  const pallet = holding();
  const lots = lines.map(({ product, received }) => supplier.make(product, received));
  for (const [index, lot] of lots.entries()) {
    pallet.put(lot);
    goods.delivered += lot.count;
    const booked = goods.book.get(lot.product) ?? 0;
    goods.book.set(lot.product, booked + (lines[index]?.advised ?? 0));
  }
  goods.pallets.push({ delivery, sscc, goods: pallet, products: lines.map(({ product }) => product), taken: false });
  shop.tell({
    kind: 'delivered',
    ...{ delivery, sscc },
    lines: lines.map(({ product: { gtin }, advised, received }, index) => {
      const epcs = lots[index]?.epcs ?? [];
      return { gtin, advised, received, ...(epcs.length > 0 ? { epcs } : {}) };
    }),
  });
  for (const lot of lots) tags.move(lot, floor.dock);
}

/** 18 digits: extension, company, serial, check digit. */
function ssccOf({ floor }: Shop, delivery: number, pallet: number): string {
  const body = `0${floor.file.company_prefix}${String(delivery * 1000 + pallet).padStart(9, '0')}`;
  return `${body}${checkDigit(body)}`;
}
