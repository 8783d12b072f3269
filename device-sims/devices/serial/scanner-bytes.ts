/** What a barcode scanner puts on its line. */

export interface ScannerSettings {
  /** Code and modifier of the symbology identifier, such as `E0`; absent: it sends none. */
  readonly aim?: string;
  /** What ends a scan; default: nothing. */
  readonly end?: string;
}

/** FNC1 within the text is 1D. */
export function scanBytes(text: string, { aim, end = '' }: ScannerSettings = {}): Buffer {
  return Buffer.from(`${aim === undefined ? '' : `]${aim}`}${text}${end}`);
}
