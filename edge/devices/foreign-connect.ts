/**
 * The answer to a CONNECT of another version of MQTT, such that the client's operator understands it: one of MQTT 5
 * is told so in its own format (MQTT 5.0, section 3.2), with a text that its library shows; any other level gets the
 * return code 1 that every version from 3.1 on knows (MQTT 3.1.1, section 3.2.2.3).
 */
import type { Duplex } from 'node:stream';
import { plain } from './topics.ts';

const TEXT = 'this hub speaks MQTT 3.1.1, set the device to 3.1.1 (v3.1.1, protocol level 4)';
const UNSUPPORTED_PROTOCOL_VERSION = 0x84;
const REASON_STRING = 0x1f;
const LINGER_MS = 2000;

function connack5(): Buffer {
  const text = Buffer.from(TEXT);
  const property = Buffer.concat([Buffer.from([REASON_STRING, 0, text.length]), text]);
  const body = Buffer.concat([Buffer.from([0, UNSUPPORTED_PROTOCOL_VERSION, property.length]), property]);
  return Buffer.concat([Buffer.from([0x20, body.length]), body]);
}

const CONNACK_5 = connack5();
const CONNACK_1 = Buffer.from([0x20, 2, 0, 1]);

/** Writes the answer and ends the connection, with a moment for the client to read it. */
export function refuseVersion(stream: Duplex, level: number): void {
  stream.end(level === 5 ? CONNACK_5 : CONNACK_1);
  const linger = setTimeout(() => stream.destroy(), LINGER_MS);
  linger.unref();
  stream.once('close', () => clearTimeout(linger));
}

/** For the log. */
export function foreignWords(level: number, clientId: string): string {
  const speaks = level === 5 ? 'MQTT 5' : `a protocol of level ${level}`;
  return `client ${plain(clientId, 128) || '(no id)'} speaks ${speaks}: ${TEXT}`;
}
