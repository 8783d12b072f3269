/**
 * `STORE_HUB_BRIDGE__HTTP__LISTEN=...` overrides the key `bridge.http.listen`: two underscores for a dot. A variable
 * counts as a file of one line in faults. An unknown name is refused, because a slip there would be found by nobody.
 */
import { parse } from 'yaml';
import { type ConfigFault, nearest } from './faults.ts';
import { type Form, keysAt, keyText, type Path, settings } from './keys.ts';

const PREFIX = 'STORE_HUB_';

/** Variables of the command itself, which are no keys. */
const OWN: ReadonlySet<string> = new Set(['STORE_HUB_DEBUG']);

export interface Override {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

function nameOf(path: Path): string {
  return PREFIX + path.join('__').toUpperCase();
}

export function readOverrides(env: NodeJS.ProcessEnv): { overrides: Override[]; faults: ConfigFault[] } {
  const known = new Map(settings().map((setting) => [nameOf(setting.path), setting]));
  const overrides: Override[] = [];
  const faults: ConfigFault[] = [];
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !OWN.has(name));
  for (const variable of names.sort()) {
    const text = env[variable];
    if (text === undefined) continue;
    const setting = known.get(variable);
    if (setting === undefined) {
      const message = unknownNameMessage(variable, [...known.keys()]);
      faults.push({ file: variable, line: 1, column: 1, key: '', message });
      continue;
    }
    const value = valueFrom(text, setting.form);
    if (value === undefined) {
      const message = `must be one value as YAML, not ${JSON.stringify(text)}`;
      faults.push({ file: variable, line: 1, column: 1, key: keyText(setting.path), message });
    } else {
      overrides.push({ variable, path: setting.path, value });
    }
  }
  return { overrides, faults };
}

function unknownNameMessage(variable: string, known: readonly string[]): string {
  const path = variable.slice(PREFIX.length).toLowerCase().split('__');
  const inside = keysAt(path)[0];
  if (inside !== undefined) return `names a group of keys; name one of them, such as ${nameOf([...path, inside])}`;
  const bare = (name: string) => name.slice(PREFIX.length).toLowerCase();
  const near = nearest(bare(variable), known.map(bare));
  if (near === undefined) return 'no such key; see the keys of the configuration file';
  return `no such key; did you mean ${PREFIX}${near.toUpperCase()}?`;
}

function valueFrom(text: string, form: Form): unknown {
  if (form === 'text') return text;
  if (form === 'texts' && text.trim() === '') return [];
  if (form === 'texts' && !text.trimStart().startsWith('[')) return text.split(',').map((part) => part.trim());
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return undefined;
  }
}

/** The file's value with the overrides in it; mappings on the way are made where the file has none. */
export function applyOverrides(value: object, overrides: readonly Override[]): object {
  const result = structuredClone(value);
  for (const override of overrides) {
    let here: object = result;
    for (const key of override.path.slice(0, -1)) {
      const next: unknown = Reflect.get(here, key);
      const group: object = typeof next === 'object' && next !== null && !Array.isArray(next) ? next : {};
      Reflect.set(here, key, group);
      here = group;
    }
    Reflect.set(here, override.path.at(-1) ?? '', override.value);
  }
  return result;
}

/** The override that a fault at `path` comes from. */
export function overrideAt(overrides: readonly Override[], path: Path): Override | undefined {
  return overrides.find((override) => override.path.every((key, index) => path[index] === key));
}
