/** Fields that the schemas do not know are dropped; how often each was seen is kept, by name, within bounds. */
import { z } from 'zod';
import { maskCardData } from '../contracts/card-data.ts';
import { maskName } from './without-name.ts';

const MOST_NAMES = 256;
const LONGEST_NAME = 64;
const OTHERS = '(others)';

type Shape = { readonly [field: string]: Shape };

/** Of a record: its names are for the sender to choose, and the schema judged them. */
const FREE: Shape = {};

/** The fields of a schema and of the objects within it; arrays and unions are looked through. */
function shapeOf(schema: z.core.$ZodType): Shape {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return shapeOf(schema.unwrap());
  if (schema instanceof z.ZodArray) return shapeOf(schema.element);
  if (schema instanceof z.ZodUnion) return Object.assign(Object.create(null), ...schema.options.map(shapeOf));
  if (schema instanceof z.ZodRecord) return FREE;
  if (!(schema instanceof z.ZodObject)) return {};
  const shape = Object.create(null) as Record<string, Shape>;
  for (const [field, inner] of Object.entries(schema.shape)) shape[field] = shapeOf(inner as z.core.$ZodType);
  return shape;
}

export class UnknownFields {
  /** `kind.path.of.field` -> how often it was seen. */
  readonly seen = new Map<string, number>();

  /** A function that counts what it does not know in a valid reading of this schema. */
  counter(kind: string, schema: z.core.$ZodType): (reading: unknown) => void {
    const shape = shapeOf(schema);
    return (reading) => {
      for (const one of Array.isArray(reading) ? reading : [reading]) this.#walk(kind, shape, one, shopperOf(one));
    };
  }

  // As deep as the schema, never as deep as the reading.
  #walk(path: string, shape: Shape, value: unknown, shopper: string): void {
    if (Array.isArray(value)) {
      for (const element of value) this.#walk(path, shape, element, shopper);
      return;
    }
    if (typeof value !== 'object' || value === null || shape === FREE) return;
    for (const [field, inner] of Object.entries(value)) {
      const known = shape[field];
      if (known === undefined) this.#count(`${path}.${plainName(maskName(field, shopper))}`);
      else if (typeof inner === 'object') this.#walk(`${path}.${field}`, known, inner, shopper);
    }
  }

  #count(name: string): void {
    const key = this.seen.has(name) || this.seen.size < MOST_NAMES ? name : OTHERS;
    this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
  }
}

/** Nobody may be counted by name. */
function shopperOf(reading: unknown): string {
  const { shopper } = (reading ?? {}) as { shopper?: unknown };
  return typeof shopper === 'string' ? shopper : '';
}

/** Names come from outside and end in logs and metrics. */
function plainName(field: string): string {
  return maskCardData(field)
    .slice(0, LONGEST_NAME)
    .replace(/[^\w.:*-]/g, '?');
}
