/** A dead letter is tried again: decoded as it would be now, and discarded when it is accepted. */

import type { DeviceConfig } from './contracts/devices.ts';
import type { Receipt } from './contracts/intake.ts';
import { isKind } from './contracts/readings.ts';
import type { CountedIntake } from './counted-intake.ts';
import type { Request } from './crossing.ts';
import { type DeviceDesk, FRAME_KIND } from './device-desk.ts';
import type { Codec } from './devices/codec.ts';
import type { FramesIn } from './devices/frames-in.ts';
import { plain, routeOfParts } from './devices/topics.ts';
import type { JournalReader } from './journal/reader.ts';

type Retried = Receipt | { readonly outcome: 'refused-again'; readonly reason: string };

/** Answers nothing where there is no such letter. */
export function retrying(
  reader: JournalReader,
  codec: Pick<Codec, 'decode'>,
  intake: CountedIntake,
  request: (request: Request) => Promise<unknown>,
  desk: Pick<DeviceDesk, 'has' | 'folderOf' | 'isPersonal' | 'retry'>,
  frames: Pick<FramesIn, 'framed'>,
): (id: string) => Promise<Retried | undefined> {
  const again = async (id: string, device: string, bytes: Uint8Array, topic: string | undefined): Promise<Retried> => {
    const frame = { bytes, topic, received: Date.now() };
    const receipt = await new Promise<Receipt>((resolve) => desk.retry(device, frame, resolve));
    if (receipt.outcome === 'refused') return refused(receipt.reason ?? 'it is refused again');
    if (receipt.outcome === 'accepted') await request({ op: 'discard', letter: id });
    return receipt;
  };
  return async (id) => {
    const letter = reader.deadLetter(id);
    if (!letter) return undefined;
    const { kind, device, bytes, topic } = letter;
    if (kind === FRAME_KIND) {
      if (bytes === null) return refused(notKept(letter.reason, desk.folderOf(device)));
      if (!desk.has(device)) return refused(`no device ${device} with a codec is configured any more`);
      return again(id, device, bytes, topic ?? undefined);
    }
    // A stranger's, that may have been adopted since.
    if (topic !== null) {
      const adopted = frames.framed(topic)?.device;
      if (adopted === undefined || !desk.has(adopted)) return refused(unmapped(topic));
      if (bytes === null) return refused(notKept(''));
      if (desk.isPersonal(adopted)) return refused(`${adopted} may name persons, and their names were not kept`);
      return again(id, adopted, bytes, topic);
    }
    const route = routeOfParts(kind, device);
    if (route.to === 'dead-letter') return refused(route.reason);
    if (!isKind(kind)) return refused(`${kind} is not a kind of reading`);
    if (bytes === null) return refused(notKept(''));
    const received = Date.now();
    const decoded = codec.decode(kind, device, bytes, received);
    if (!decoded.ok) return refused(decoded.reason);
    const { readings } = decoded;
    const receipt = await new Promise<Receipt>((resolve) => {
      if (readings.length === 0) resolve({ outcome: 'accepted', accepted: decoded.counted, repeated: 0 });
      else intake.deliver({ kind, device, received, readings }, resolve);
    });
    if (receipt.outcome === 'accepted') await request({ op: 'discard', letter: id });
    return receipt;
  };
}

function refused(reason: string): Retried {
  return { outcome: 'refused-again', reason };
}

function unmapped(topic: string): string {
  const name = plain(topic, 128);
  return `no device format is mapped to ${name}: \`store-hub devices adopt ${name}\`, then start the edge again`;
}

/** What to do instead. `told`: the letter's reason, which begins with the name of a file. */
function notKept(told: string, folder?: DeviceConfig['folder']): string {
  if (folder === undefined) return 'its bytes were not kept, they may name a person: the device has to send it again';
  const { path, after } = folder;
  const where = after === 'move' ? `in ${path}/refused, and put it back into ${path}` : `in ${path}`;
  return `a file is taken again when it was corrected: correct it ${where} (${told})`;
}
