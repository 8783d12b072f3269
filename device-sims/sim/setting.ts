/** The shop on its first morning: what stands where, told to the ledger before anything happens. */
import type { Supplier } from './deliveries.ts';
import type { Shelf } from './floor.ts';
import type { Shop } from './shop.ts';
import type { Lot } from './stock.ts';

export function tellSetting(shop: Shop, supplier: Supplier, run: { seed: number; days: number }): void {
  const { floor, tell, fridges, tags, goods } = shop;
  const { file } = floor;
  const { world, timezone, currency } = file;
  tell({ kind: 'world', format: 1, world, ...run, coverage: floor.coverage, timezone });
  for (const { zone, is, area, next_to } of file.zones) tell({ kind: 'zone', zone, is, area, next_to });
  for (const { line, zone } of file.lines) tell({ kind: 'line', line, zone });
  for (const { till, is, zone } of file.tills) tell({ kind: 'till', till, is, zone });
  for (const [unit, { plan, cold }] of fridges.units) {
    const { zone, setpoint, limit } = plan;
    const [celsius, product_celsius] = [cold.celsius, cold.productCelsius];
    tell({ kind: 'unit', unit, zone, setpoint, limit, celsius, product_celsius });
  }
  for (const { gtin, name, department, price, weightG, tagged } of floor.products) {
    tell({
      kind: 'product',
      gtin,
      name,
      department,
      price: { amount: price, currency },
      unit_weight_g: weightG,
      tagged,
    });
  }
  for (const shelf of floor.shelves) stockUp(shop, supplier, shelf);
  for (const shelf of floor.shelves) tellShelf(shop, shelf);
  for (const { product } of floor.shelves) {
    const count = goods.backRoom.count(product);
    if (count > 0) tell({ kind: 'backstock', gtin: product.gtin, count });
  }
  const tellItems = ({ product: { gtin }, epcs }: Lot): void => {
    for (const epc of epcs) tell({ kind: 'item', epc, gtin, zone: tags.zoneOf(epc) ?? '' });
  };
  for (const shelf of floor.shelves) goods.on(shelf).lots().forEach(tellItems);
  goods.backRoom.lots().forEach(tellItems);
  goods.judgeAll();
}

/** Most shelves are well filled; the back room holds what sells. */
function stockUp({ floor, goods, tags, of }: Shop, supplier: Supplier, shelf: Shelf): void {
  const { product, capacity, zone } = shelf;
  const { opening_fill, back_days } = floor.file.staff;
  const random = of('opening', product.gtin);
  const onShelf = supplier.make(product, Math.round(capacity * random.between(...opening_fill)));
  const behind = supplier.make(product, Math.floor(product.daily * back_days * random.between(0.5, 1.5)));
  goods.stock(shelf, onShelf);
  goods.backRoom.put(behind);
  goods.opening += onShelf.count + behind.count;
  goods.book.set(product, onShelf.count + behind.count);
  tags.begin(onShelf, zone);
  tags.begin(behind, floor.backRoom);
}

function tellShelf({ tell, goods }: Shop, shelf: Shelf): void {
  const { product, zone, aisle, x, y, facings, capacity, minimum, refill, sensor } = shelf;
  tell({
    kind: 'shelf',
    ...{ shelf: shelf.shelf, zone, aisle, x, y, gtin: product.gtin, facings, capacity, minimum, refill },
    ...{ unit_weight_g: product.weightG, tare_g: shelf.tareG, sensor },
    count: goods.on(shelf).count(product),
  });
}
