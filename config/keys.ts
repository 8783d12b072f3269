/** Which keys the schema knows at a place, and what is said there about them; read from the schema itself. */
import { z } from 'zod';
import { storeSchema } from './schema.ts';

export type Path = readonly (string | number)[];

/** `cloud.brokers[0]`; empty for the file as a whole. */
export function keyText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** The schema below defaults and transforms, with the description nearest to the key. */
function bare(schema: z.core.$ZodType): { schema: z.core.$ZodType; description: string | undefined } {
  let inner = schema;
  let description = z.globalRegistry.get(inner)?.description;
  for (;;) {
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      inner = inner.unwrap();
    } else if (inner instanceof z.ZodPipe) {
      inner = inner.in;
    } else {
      return { schema: inner, description };
    }
    description ??= z.globalRegistry.get(inner)?.description;
  }
}

function at(path: Path): ReturnType<typeof bare> | undefined {
  let here = bare(storeSchema);
  for (const part of path) {
    let next: z.core.$ZodType | undefined;
    if (here.schema instanceof z.ZodObject && Object.hasOwn(here.schema.shape, part)) next = here.schema.shape[part];
    if (here.schema instanceof z.ZodArray && typeof part === 'number') next = here.schema.element;
    if (next === undefined) return undefined;
    here = bare(next);
  }
  return here;
}

export function descriptionAt(path: Path): string | undefined {
  return at(path)?.description;
}

/** Names of the keys that the mapping at `path` may have; empty when it is no mapping. */
export function keysAt(path: Path): readonly string[] {
  const schema = at(path)?.schema;
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** How a value comes from an environment variable: text as it stands, a list with commas, or any YAML. */
export type Form = 'text' | 'texts' | 'yaml';

/** Every key outside of lists that holds a value, not a mapping. */
export function settings(under: Path = []): readonly { readonly path: readonly string[]; readonly form: Form }[] {
  return keysAt(under).flatMap((key) => {
    const path = [...under.map(String), key];
    const schema = at(path)?.schema;
    if (schema instanceof z.ZodObject) return settings(path);
    return [{ path, form: formOf(schema) }];
  });
}

function formOf(schema: z.core.$ZodType | undefined): Form {
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return 'text';
  return schema instanceof z.ZodArray && bare(schema.element).schema instanceof z.ZodString ? 'texts' : 'yaml';
}
