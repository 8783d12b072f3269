/** What the doors need of the desk for devices with a vendor's format: who that is, and where its frames go. */
import type { Frame } from '../contracts/formats.ts';
import type { Receipt, SourcePosition } from '../contracts/intake.ts';
import type { Handshake } from '../contracts/sessions.ts';

/** A configured device with a codec. */
export interface FramedDevice {
  readonly device: string;
  /** As which kind a user must be allowed to publish: `consent` where the device may say that somebody consents. */
  readonly kind: 'frame' | 'consent';
}

export interface FramesIn {
  /** Whose frames come on a topic of the hub's own broker. Quick: it is asked once for each topic, and again now and then. */
  framed(topic: string): FramedDevice | undefined;
  /** Whose frames come by `POST /push/<name>`. */
  pushed(name: string): FramedDevice | undefined;
  /** The receipt comes once, perhaps before this returns, and perhaps behind those of later frames. */
  take(
    device: string,
    frame: Frame,
    done: (receipt: Receipt) => void,
    position?: SourcePosition,
    handshake?: Handshake,
  ): void;
  /** Whether more of its frames may come; if not, `again` is called once, when they may. */
  hasRoom(device: string, again?: () => void): boolean;
  /** Something came that no device is mapped to: it is shown to whoever looks for it. */
  stranger(topic: string, client: string, bytes: Uint8Array, now: number): void;
}
