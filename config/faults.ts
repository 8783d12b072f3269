/** What is wrong with a configuration, where, and what is allowed there: one fault a line, all of them at once. */
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { HubError } from '../edge/contracts/errors.ts';
import { descriptionAt, keysAt, keyText, type Path } from './keys.ts';
import { shown } from './values.ts';

/** `line` and `column` count from 1. For an environment variable `file` is its name. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `mqtt.listen`, `planogram[2].gtin`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** `store.yaml:3:5: mqtt.listen: ...` */
export function faultText(fault: ConfigFault): string {
  const place = `${fault.file}:${fault.line}:${fault.column}`;
  return fault.key === '' ? `${place}: ${fault.message}` : `${place}: ${fault.key}: ${fault.message}`;
}

/** Thrown by the loader; its message is every fault on a line of its own. */
export class ConfigError extends HubError {
  readonly faults: readonly ConfigFault[];

  constructor(code: 'CONFIG_INVALID' | 'CONFIG_MISSING', faults: readonly ConfigFault[]) {
    super(code, faults.map(faultText).join('\n'));
    this.faults = faults;
  }
}

/** A fault that has no position yet: of a value, of a key's name, or of a mapping in which a key is missing. */
export interface Finding {
  readonly path: Path;
  readonly about: 'value' | 'name' | 'missing';
  readonly message: string;
}

const SECRET = /pass|secret|token|pin$/i;

/** The name most like `name`, when it is near enough to be a slip of the hand: a third of it changed, `most` letters. */
export function nearest(name: string, known: readonly string[], most = Number.POSITIVE_INFINITY): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(name.toLowerCase(), [...known]);
  const few = Math.min(most, Math.max(1, Math.floor(best.length / 3)));
  return distance(name.toLowerCase(), best) <= few ? best : undefined;
}

function unknownKeyMessage(path: Path): string {
  const key = keyText(path);
  if (key === 'cloud.sasl.password') return 'secrets do not belong into this file: name a file in password_file';
  if (/^mqtt\.users\[\d+\]\.password$/.test(key))
    return 'secrets do not belong into this file: put what `store-hub passwd` prints in password_hash';
  const known = keysAt(path.slice(0, -1));
  const near = nearest(String(path.at(-1)), known);
  if (near !== undefined) return `unknown key; did you mean ${near}?`;
  return `unknown key; allowed here: ${known.join(', ')}`;
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys',
};

/** Words for what zod finds where the schema itself has none. */
export function explain(issue: z.core.$ZodRawIssue): string | undefined {
  const unit = issue.code === 'too_small' || issue.code === 'too_big' ? unitOf(String(issue.origin)) : '';
  const value = SECRET.test(String(issue.path?.at(-1))) ? 'that' : shown(issue.input);
  switch (issue.code) {
    case 'invalid_type': {
      const quotes = issue.expected === 'string' && typeof issue.input === 'number' ? '; put it in quotes' : '';
      if (issue.expected === 'object' && issue.input === null) return 'is empty: give it keys, or remove it';
      return `must be ${NAMES[issue.expected] ?? issue.expected}, not ${value}${quotes}`;
    }
    case 'too_small':
      return unit === ''
        ? `must be at least ${issue.minimum}, not ${value}`
        : `needs at least ${issue.minimum} ${unit}`;
    case 'too_big':
      return unit === '' ? `must be at most ${issue.maximum}, not ${value}` : `has more than ${issue.maximum} ${unit}`;
    case 'invalid_value':
      return oneOf(issue.values.map(String), issue.input, value);
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function oneOf(names: readonly string[], input: unknown, value: string): string {
  const near = typeof input === 'string' ? nearest(input, names) : undefined;
  return `must be one of ${names.join(', ')}, not ${value}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return 'characters';
  return origin === 'array' ? 'entries' : '';
}

/** Zod's issues over the raw value they were found in, as findings. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], raw: unknown): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const there = [...path, key];
        return { path: there, about: 'name', message: unknownKeyMessage(there) };
      });
    }
    if (issue.code === 'invalid_type' && valueAt(raw, path) === undefined) {
      const description = descriptionAt(path);
      return [{ path, about: 'missing', message: description === undefined ? 'required' : `required: ${description}` }];
    }
    return [{ path, about: 'value', message: issue.message }];
  });
}

function valueAt(raw: unknown, path: Path): unknown {
  let here = raw;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = Reflect.get(here, part);
  }
  return here;
}
