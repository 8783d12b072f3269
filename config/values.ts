/**
 * The kinds of value that the configuration file is written in: durations, sizes, addresses, names of time zones and
 * of files. Each reads the text a person writes and yields what the program works with.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** A value as a fault names it: short, on one line. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function inUnits(text: string, units: Readonly<Record<string, number>>): number {
  const match = /^(\d+)([A-Za-z]+)$/.exec(text);
  return Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN);
}

/** `30s`, `2h`, `7d`: text that is known to be a duration. */
export function inMilliseconds(text: string): number {
  return inUnits(text, MS);
}

interface Range {
  /** Least and greatest value, as written in the file. */
  readonly min?: string;
  readonly max?: string;
}

function quantity(pattern: RegExp, units: Readonly<Record<string, number>>, allowed: string, range: Range) {
  const min = range.min === undefined ? 0 : inUnits(range.min, units);
  const max = range.max === undefined ? Number.MAX_SAFE_INTEGER : inUnits(range.max, units);
  const wrong = (issue: { readonly input?: unknown }) => `must be ${allowed}, not ${shown(issue.input)}`;
  return z
    .string({ error: wrong })
    .regex(pattern, { error: wrong })
    .transform((text, context) => {
      const value = inUnits(text, units);
      if (value >= min && value <= max) return value;
      const limit =
        value < min ? `at least ${range.min ?? '0'}` : `at most ${range.max ?? 'some hundred thousand years'}`;
      context.addIssue({ code: 'custom', message: `must be ${limit}, not ${text}` });
      return z.NEVER;
    });
}

/** `500ms`, `30s`, `30m`, `24h`, `7d` -> milliseconds. */
export function duration(range: Range = {}) {
  return quantity(/^\d{1,12}(ms|s|m|h|d)$/, MS, 'a duration: a whole number with ms, s, m, h or d, such as 30s', range);
}

/** `512KiB`, `64MiB`, `2GiB` -> bytes. */
export function size(range: Range = {}) {
  return quantity(
    /^\d{1,12}(KiB|MiB|GiB|TiB)$/,
    BYTES,
    'a size: a whole number with KiB, MiB, GiB or TiB, such as 2GiB',
    range,
  );
}

/** Where to listen: `host` without brackets, `port` 0 for any free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:1883`, `[::1]:1883`, `localhost:1883`; nothing when the text is not an address with a port. */
function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const [, ipv6, name, digits] = match ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  if (name !== undefined && /^[\d.]+$/.test(name) && !isIPv4(name)) return undefined;
  return { host, port };
}

/** The address as a person writes it. */
export function addressText(address: Address): string {
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether only programs of this machine reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

const ADDRESS_PATTERN = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

function wrongAddress(issue: { readonly input?: unknown }): string {
  return `must be host:port, such as 127.0.0.1:1883 or [::1]:1883, not ${shown(issue.input)}`;
}

/** An address to listen on. */
export function listenAddress() {
  return z
    .string({ error: wrongAddress })
    .regex(ADDRESS_PATTERN, { error: wrongAddress })
    .transform((text, context): Address => {
      const address = parseAddress(text);
      if (address !== undefined) return address;
      context.addIssue({ code: 'custom', message: wrongAddress({ input: text }) });
      return z.NEVER;
    });
}

function wrongBroker(issue: { readonly input?: unknown }): string {
  return `must be host:port of a Kafka broker, such as kafka-1.example.com:9092, not ${shown(issue.input)}`;
}

/** A broker to connect to; stays text, as Kafka clients take it. */
export function brokerAddress() {
  return z
    .string({ error: wrongBroker })
    .regex(ADDRESS_PATTERN, { error: wrongBroker, abort: true })
    .refine((text) => (parseAddress(text)?.port ?? 0) > 0, { error: wrongBroker });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** A time zone that this Node.js knows. */
export function timeZone() {
  const wrong = (issue: { readonly input?: unknown }): string => {
    const place = String(issue.input).toLowerCase();
    const near = Intl.supportedValuesOf('timeZone').find((name) => name.toLowerCase().endsWith(`/${place}`));
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    return `must be a time zone of the IANA database, such as Europe/Berlin or UTC, not ${shown(issue.input)}${hint}`;
  };
  return z.string({ error: wrong }).refine(isTimeZone, { error: wrong });
}

/** A path; relative ones count from the folder of the configuration file. */
export function path() {
  return z.string().min(1);
}

/** A file with a secret or a certificate: a path, or `credential:NAME` for a systemd credential. */
export function secretFile() {
  return z.string().min(1);
}

/** A calendar day. */
export function day() {
  const wrong = (issue: { readonly input?: unknown }) => `must be a date such as 2026-11-30, not ${shown(issue.input)}`;
  return z
    .string({ error: wrong })
    .regex(/^\d{4}-\d{2}-\d{2}$/, { error: wrong, abort: true })
    .refine((text) => new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) ?? false, { error: wrong });
}
