/** What a Gen2 tag answers an inventory with, as readers pass it on: protocol control (PC), EPC and the tag's own CRC. */

const WORD_BITS = 11;
const HAS_EXTENDED_CONTROL = 0x0200;
const HAS_SECOND_EXTENSION = 0x8000;

/** CRC-16 of ISO/IEC 18000-63 (Gen2): polynomial 0x1021, begun with and XORed by FFFF. */
export function gen2Crc(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc ^ 0xffff;
}

/** The EPC of `PC [XPC [XPC]] EPC CRC` as hex, or why there is none. */
export function epcOf(record: Uint8Array): { readonly epc: string } | { readonly reason: string } {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  if (record.length < 6) return { reason: `a tag of ${record.length} bytes, expected PC, EPC and CRC` };
  const control = view.getUint16(0);
  const words = control >> WORD_BITS;
  let from = 2;
  // The length in the PC counts the extension as well.
  if (control & HAS_EXTENDED_CONTROL) {
    from += 2;
    if (view.getUint16(2) & HAS_SECOND_EXTENSION) from += 2;
  }
  const to = record.length - 2;
  if (to <= from) return { reason: 'a tag without an EPC' };
  if (2 + words * 2 !== to) return { reason: `a tag whose PC says ${words} words, but ${(to - 2) / 2} came` };
  if (gen2Crc(record.subarray(0, to)) !== view.getUint16(to)) return { reason: "the tag's own CRC is wrong" };
  return { epc: Buffer.from(record.subarray(from, to)).toString('hex').toUpperCase() };
}
