/** Which vendor's format a frame is by its marks: for strangers, and for frames that came to an entry of another codec. */
import type { CodecName } from './devices.ts';

/** In text that may break off anywhere. */
const MARKS: readonly (readonly [codec: CodecName, marks: RegExp])[] = [
  ['chirpstack', /"deduplicationId"\s*:/],
  ['things-stack', /"end_device_ids"\s*:/],
  ['impinj', /"eventType"\s*:\s*"(?:tagInventory|inventoryStatus|antennaConnected|antennaDisconnected)/],
  ['zebra', /"idHex"\s*:|"component"\s*:\s*"RC"/],
  ['xovis', /"(?:logics_data|live_data|status_data)"\s*:/],
  ['axis', /"apiName"\s*:\s*"Axis Retail Data"|"timestamp"\s*:\s*"\d{14}"|"occupancy"\s*:.*"total_in"\s*:/s],
  ['ble-gateway', /"type"\s*:\s*"(?:Gateway|iBeacon)"|"ibeaconUuid"\s*:|"manufacturerdata"\s*:|"servicedata"\s*:/],
  ['frigate', /"before"\s*:\s*\{.*"camera"\s*:/s],
  ['zigbee2mqtt', /"linkquality"\s*:/],
  ['poslog', /<(?:\w{1,20}:)?POSLog[\s>]/],
];
/** Marks stand near the beginning, and a search must be short whatever was sent. */
const LOOKED_AT = 1024;

/** `text`: the beginning of what was sent. */
export function looksLike(text: string): CodecName | undefined {
  const beginning = text.slice(0, LOOKED_AT);
  return MARKS.find(([, marks]) => marks.test(beginning))?.[0];
}

/** The reason of a refusal, with the codec that the frame looks like, where that is another one than its entry names. */
export function withLookAlike(reason: string, codec: CodecName, bytes: Uint8Array): string {
  // A mapping reads whatever its expressions say.
  if (codec === 'mapping') return reason;
  const beginning = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LOOKED_AT));
  const other = looksLike(beginning.toString('utf8'));
  return other === undefined || other === codec ? reason : `${reason}; it looks like codec ${other}`;
}
