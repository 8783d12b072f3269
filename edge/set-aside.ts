/** Readings on which the hub itself failed: kept as dead letters, each part of a frame as one, inside a transaction. */
import type { Bookkeeper } from './bookkeeper.ts';
import type { Delivery, Part, Receipt } from './contracts/intake.ts';
import { keepPosition } from './deliveries.ts';
import { deviceOf } from './shoppers.ts';

/** The receipt names the letter of the first part. */
export function setAside(books: Bookkeeper, delivery: Delivery, reason: string): Receipt {
  keepPosition(books, delivery.position);
  const receipt = keepPart(books, delivery, reason);
  for (const part of delivery.also ?? []) keepPart(books, part, reason);
  return receipt;
}

function keepPart(books: Bookkeeper, part: Part, reason: string): Receipt {
  const { kind, received, readings } = part;
  // What tells of a person is not kept for an operator.
  const names = readings.some(({ shopper }) => shopper !== undefined);
  const bytes = names ? null : Buffer.from(`[${readings.map(({ body }) => body).join(',')}]`);
  return books.refuse({ kind, device: deviceOf(part), received, reason, pointers: [], bytes });
}
