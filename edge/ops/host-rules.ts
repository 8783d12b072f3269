/**
 * Under which names the hub may be addressed, and which pages are its own: a page of someone else must not reach a hub
 * on the staff's network, nor by DNS rebinding.
 */
import { isIP } from 'node:net';

/** Name or address of a Host header, without port and brackets; undefined when it is none. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether a page of `origin` is one that the server called `host` has served. */
export function sameHost(origin: string, host: string | undefined): boolean {
  try {
    const { host: from, protocol } = new URL(origin);
    return /^https?:$/.test(protocol) && from === new URL(`${protocol}//${host}`).host;
  } catch {
    return false;
  }
}

/** The same where the page comes from another port of the host. */
export function sameName(origin: string, host: string | undefined): boolean {
  try {
    const { hostname, protocol } = new URL(origin);
    return /^https?:$/.test(protocol) && hostname === new URL(`${protocol}//${host}`).hostname;
  } catch {
    return false;
  }
}

/** Tells whether a Host header is an IP literal, localhost or one of these names. */
export function ownHosts(names: readonly string[]): (host: string | undefined) => boolean {
  const own = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  return (host) => {
    const name = hostName(host);
    return name !== undefined && (isIP(name) !== 0 || own.has(name));
  };
}
