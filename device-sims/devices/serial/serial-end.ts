/** The device's end of a serial line, such as that of harness/serial-cable.ts. */
export interface SerialEnd {
  /** Resolves when the line took it. */
  say(bytes: Uint8Array): Promise<void>;
  /** What comes from the hub; to be called again after the line was plugged in again. */
  hear(listener: (bytes: Buffer) => void): void;
}
