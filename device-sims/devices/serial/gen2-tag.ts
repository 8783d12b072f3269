/** A Gen2 tag's answer as readers pass it on: PC, EPC, and a CRC by the definition of the standard, bit after bit. */

export function gen2Record(epcHex: string, wrongCrc = false): Buffer {
  const epc = Buffer.from(epcHex, 'hex');
  const pc = Buffer.from([(epc.length / 2) << 3, 0]);
  const backscattered = Buffer.concat([pc, epc]);
  let register = 0xffff;
  for (const byte of backscattered) {
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      const out = (register >> 15) ^ (byte & mask ? 1 : 0);
      register = (register << 1) & 0xffff;
      if (out) register ^= 0x1021;
    }
  }
  const crc = Buffer.alloc(2);
  crc.writeUInt16BE(~register & 0xffff);
  if (wrongCrc) crc[1] = (crc[1] ?? 0) ^ 1;
  return Buffer.concat([backscattered, crc]);
}
