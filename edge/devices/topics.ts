/** Where a publish goes, told by its topic: `in/<kind>/<device>` is the hub's own format. */
import { maskCardData } from '../contracts/card-data.ts';
import { isKind, type Kind } from '../contracts/readings.ts';
import type { FramesIn } from './frames-in.ts';

export type Route =
  | { readonly to: 'reading'; readonly kind: Kind; readonly device: string }
  /** A vendor's format, of a configured device. */
  | { readonly to: 'frame'; readonly kind: 'frame' | 'consent'; readonly device: string; readonly travels: true }
  /** Nobody understands this topic: it becomes a dead letter. */
  | {
      readonly to: 'dead-letter';
      readonly kind: string;
      readonly device: string;
      readonly reason: string;
      /** It is no business of the hub's: it also goes round to subscribers, as in any broker. */
      readonly travels?: true;
    }
  /** `out/` and `$SYS/`: only the hub publishes there. */
  | { readonly to: 'nowhere' };

export interface TopicLimits {
  /** Bytes of a topic or a filter. */
  readonly topicLength: number;
  /** Levels of a topic or a filter. */
  readonly filterLevels: number;
}

export const LONGEST_DEVICE = 128;
const LONGEST_KIND = 64;

/** `client`: the MQTT client id, which names the device where neither the topic nor the configuration does. */
export function routeOf(name: string, client: string, frames?: Pick<FramesIn, 'framed'>): Route {
  // A stripe has slashes in it, so it is looked for before the levels are.
  const topic = maskCardData(name);
  if (topic.startsWith('in/')) {
    const slash = topic.indexOf('/', 3);
    return slash < 0 ? routeOfParts(topic.slice(3), '') : routeOfParts(topic.slice(3, slash), topic.slice(slash + 1));
  }
  if (isOrUnder(topic, 'out') || isOrUnder(topic, '$SYS')) return { to: 'nowhere' };
  const framed = frames?.framed(name);
  if (framed !== undefined) return { to: 'frame', ...framed, travels: true };
  return {
    to: 'dead-letter',
    kind: plain(topic, LONGEST_DEVICE),
    device: plain(client, LONGEST_DEVICE),
    reason: 'the topic is in/<kind>/<device>; no device format is mapped to this one',
    travels: true,
  };
}

/** What is wrong with a topic or a filter, besides where it leads; undefined: nothing. */
export function wrongName(name: string, { topicLength, filterLevels }: TopicLimits): string | undefined {
  if (name.length > topicLength || Buffer.byteLength(name) > topicLength) {
    return `a topic of ${Buffer.byteLength(name)} bytes, at most ${topicLength} are taken`;
  }
  // MQTT-1.5.3-1 and -2; the broker's parser puts U+FFFD where the bytes are no UTF-8.
  if (name.includes('\0')) return 'a topic with the character U+0000';
  if (name.includes('\ufffd')) return 'a topic that is no UTF-8';
  let levels = 1;
  for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) levels += 1;
  return levels > filterLevels ? `a topic of ${levels} levels, at most ${filterLevels} are taken` : undefined;
}

/**
 * The same for a kind and a device that were named in another way, such as a path. Names end in events, letters and
 * metrics, so what is a payment card in them is masked.
 */
export function routeOfParts(kind: string, device: string): Exclude<Route, { to: 'nowhere' | 'frame' }> {
  if (isKind(kind) && isDevice(device)) return { to: 'reading', kind, device: maskCardData(device) };
  const reason = !isKind(kind)
    ? 'not a kind of reading: the topic is in/<kind>/<device>, and `store-hub schema --list` names the kinds'
    : `not a device name: expected one topic level of 1 to ${LONGEST_DEVICE} characters without control characters`;
  return { to: 'dead-letter', kind: plain(kind, LONGEST_KIND), device: plain(device, LONGEST_DEVICE), reason };
}

/** Whether a filter names `in/` itself; what begins with a wildcard may be granted, for readings never travel. */
export function isForbiddenFilter(filter: string): boolean {
  return isOrUnder(filter, 'in') || filter.startsWith('$');
}

function isOrUnder(topic: string, root: string): boolean {
  return topic.startsWith(root) && (topic.length === root.length || topic.charCodeAt(root.length) === 0x2f);
}

function isDevice(text: string): boolean {
  if (text.length === 0 || text.length > LONGEST_DEVICE) return false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x2f || isControl(code)) return false;
  }
  return true;
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/** Fit for a list that an operator reads. */
export function plain(text: string, longest: number): string {
  return Array.from(maskCardData(text).slice(0, longest), (character) =>
    isControl(character.charCodeAt(0)) ? '?' : character,
  ).join('');
}
