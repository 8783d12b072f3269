/**
 * What makes a reading a repeat of another. The journal hashes these texts, so they need not be short, only
 * impossible to confuse: lengths come before the parts that a device chooses.
 */
import type { Kind } from '../contracts/readings.ts';

export function idIdentity(kind: Kind, device: string, id: string): string {
  return `id ${kind} ${device.length} ${device}${id}`;
}

/** Of what tells of a shopper: devices that count their readings from 1 again after each start give many people one id. */
export function shopperIdentity(kind: Kind, device: string, id: string, shopper: string): string {
  return `${idIdentity(kind, device, id)} ${shopper.length} ${shopper}`;
}

/** The natural key of a sale. The day has a fixed length and comes last. */
export function saleIdentity(till: string, transaction: string, businessDay: string): string {
  return `sale ${till.length} ${transaction.length} ${till}${transaction}${businessDay}`;
}
