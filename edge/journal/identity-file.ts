/**
 * `incarnations.json`: a second copy of who this journal is, outside of the database. The chain of incarnations is the
 * one thing that a damaged journal cannot do without: with it whatever is saved keeps its identity, and head office
 * finds the incarnation it knows among the predecessors of the new one. Written when an incarnation opens or a type of
 * event occurs for the first time, read only when the database itself cannot say.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import { writeDurably } from './durable-file.ts';

const IDENTITY_FILE = 'incarnations.json';

const linkSchema = z.object({
  incarnation: z.string(),
  previous: z.string().nullable(),
  created: z.number(),
  reason: z.string(),
  /** JSON of a vector, as the table keeps it. */
  last_known: z.string(),
});

const identitySchema = z.object({
  hub: z.string(),
  chain: z.array(linkSchema).min(1),
  /** The numbers that stand for the types of events in the rows. */
  types: z.array(z.object({ code: z.number(), type: z.string() })).default([]),
});

/** One life of a journal, as in the table `incarnations`; its ordinal is its place in the chain, from 1. */
export type ChainLink = z.infer<typeof linkSchema>;

/** A hub's journal: its name and all its incarnations, oldest first. */
export type Identity = z.infer<typeof identitySchema>;

/** What an open database says. Undefined for one in which nothing was journaled yet. */
export function identityOf(db: Database): Identity | undefined {
  const hub = db.prepare("SELECT value FROM meta WHERE key = 'hub'").get() as { value: string } | undefined;
  const chain = db
    .prepare('SELECT incarnation, previous, created, reason, last_known FROM incarnations ORDER BY ordinal')
    .all() as ChainLink[];
  const types = db.prepare('SELECT code, type FROM event_types ORDER BY code').all() as Identity['types'];
  return hub && chain.length > 0 ? { hub: hub.value, chain, types } : undefined;
}

/** What was kept beside the database; undefined when there is nothing that can be read. */
export function readIdentity(dataDir: string): Identity | undefined {
  try {
    return identitySchema.safeParse(JSON.parse(readFileSync(join(dataDir, IDENTITY_FILE), 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Writes it when it says something else than what is there. Throws the system's errors. */
export function keepIdentity(dataDir: string, identity: Identity): void {
  const text = `${JSON.stringify(identity, null, 1)}\n`;
  if (JSON.stringify(readIdentity(dataDir)) === JSON.stringify(identity)) return;
  writeDurably(join(dataDir, IDENTITY_FILE), text);
}

/** The links of `more` that `chain` lacks, in their order. */
export function missingLinks(chain: readonly ChainLink[], more: readonly ChainLink[]): ChainLink[] {
  const known = new Set(chain.map(({ incarnation }) => incarnation));
  return more.filter(({ incarnation }) => !known.has(incarnation));
}
