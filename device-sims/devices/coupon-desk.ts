/** How a till asks the hub for a coupon, by HTTP, before it rings up the sale. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { CouponAnswer } from './device.ts';

const grantedSchema = z.object({ claim: z.string(), campaign: z.string() });
const refusedSchema = z.object({ reason: z.string() });

const ATTEMPTS = 3;
const PAUSE_MS = 300;
/** A customer waits. */
const PATIENCE_MS = 3_000;

export interface Asked {
  readonly till: string;
  readonly transaction: string;
  readonly business_day: string;
  readonly code: string;
  readonly shopper?: string | undefined;
}

/** The hub's word; asking again for the same transaction is safe. Throws when there is none after a few attempts. */
export async function askForCoupon(httpUrl: string, asked: Asked): Promise<CouponAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(httpUrl, asked);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function askOnce(httpUrl: string, asked: Asked): Promise<CouponAnswer> {
  const response = await fetch(`${httpUrl}/api/claims`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(asked),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const text = await response.text();
  if (response.status === 200) return { granted: true, ...grantedSchema.parse(JSON.parse(text)) };
  if (response.status === 409) return { granted: false, ...refusedSchema.parse(JSON.parse(text)) };
  throw new Error(`the coupon was answered with ${response.status}: ${text.slice(0, 200)}`);
}
