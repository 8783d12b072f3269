/** Which format a stranger speaks, guessed from its topic and the beginning of what it sent. */
import type { CodecName } from '../contracts/devices.ts';
import { looksLike } from '../contracts/looks-like.ts';

export interface Guess {
  readonly codec: CodecName;
  /** The filter under which all that it says comes. */
  readonly topic: string;
  /** As the vendor names it. */
  readonly name: string;
}

interface ByTopic {
  readonly codec: CodecName;
  readonly topic: RegExp;
  /** What of the match makes the filter, and the name. */
  readonly filter: (match: RegExpExecArray) => string;
  readonly name: (match: RegExpExecArray, text: string) => string;
}

const group = (match: RegExpExecArray, index: number): string => match[index] ?? '';

const BY_TOPIC: readonly ByTopic[] = [
  {
    codec: 'chirpstack',
    topic: /^(application\/[^/]+\/device\/([^/]+)\/event)\/[^/]+$/,
    filter: (match) => `${group(match, 1)}/+`,
    name: (match, text) => /"deviceName"\s*:\s*"([^"]{1,64})"/.exec(text)?.[1] ?? group(match, 2),
  },
  {
    codec: 'things-stack',
    topic: /^(v3\/[^/]+\/devices\/([^/]+))\//,
    filter: (match) => `${group(match, 1)}/#`,
    name: (match) => group(match, 2),
  },
  {
    codec: 'zigbee2mqtt',
    topic: /^zigbee2mqtt\/(?!bridge(?:\/|$))(.+?)(\/availability)?$/,
    filter: (match) => `zigbee2mqtt/${group(match, 1)}`,
    name: (match) => group(match, 1),
  },
  { codec: 'frigate', topic: /^frigate\//, filter: () => 'frigate/#', name: () => 'frigate' },
  {
    codec: 'ble-gateway',
    topic: /^(.*\/([^/]+)\/BTtoMQTT)(\/|$)/,
    filter: (match) => `${group(match, 1)}/#`,
    name: (match) => group(match, 2),
  },
];

/** `text`: the beginning of what it sent, or nothing where that is not shown. */
export function guessed(topic: string, text: string): Guess | undefined {
  for (const { codec, topic: pattern, filter, name } of BY_TOPIC) {
    const match = pattern.exec(topic);
    if (match !== null) return { codec, topic: filter(match), name: name(match, text) };
  }
  const codec = looksLike(text);
  return codec && { codec, topic, name: lastLevels(topic) };
}

/** The last level alone is often a word such as `events`, or a number. */
export function lastLevels(topic: string): string {
  const levels = topic.split('/').filter((level) => level !== '');
  const last = levels.at(-1) ?? topic;
  return /^(events?|data|tags?|state|status|up|tele|telemetry|json|\d{1,3})$/i.test(last) && levels.length > 1
    ? levels.slice(-2).join('-')
    : last;
}
