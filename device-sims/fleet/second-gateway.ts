/**
 * A LoRaWAN uplink that two gateways heard, the second of them over a slow line. ChirpStack puts copies together that
 * come within its deduplication delay; a later one it refuses by its frame counter, but not of a device whose counter it
 * was told not to check: that one it passes on as another uplink, with the same fCnt under another deduplicationId. The
 * Things Stack names uplinks by session and counter, so there both have one id.
 */
export function heardAgain(payload: Buffer): Buffer | undefined {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(payload.toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { deduplicationId, fCnt } = event;
  if (typeof deduplicationId !== 'string' || typeof fCnt !== 'number') return undefined;
  const rxInfo = [{ gatewayId: '0016c001f1ffa2b7', rssi: -109, snr: -4.5 }];
  return Buffer.from(JSON.stringify({ ...event, deduplicationId: `${deduplicationId}-b`, rxInfo }));
}
