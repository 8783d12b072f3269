/**
 * The staff page: a few small files, read once at start and served from memory. Phones ask again each time and get
 * a 304 unless a new version of the hub brought another page.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

const WEB = fileURLToPath(new URL('./web/', import.meta.url));

const SCREEN = 'screen.html';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Page {
  readonly type: string;
  readonly plain: Buffer;
  readonly zipped: Buffer;
  /** Weak: the same for both encodings. */
  readonly etag: string;
}

function readPage(name: string, type: string): Page {
  const plain = readFileSync(join(WEB, name));
  const hash = createHash('sha256').update(plain).digest('base64url').slice(0, 22);
  return { type, plain, zipped: gzipSync(plain, { level: 9 }), etag: `W/"${hash}"` };
}

function serve(page: Page, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ etag: page.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' });
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim()) ?? [];
  if (known.includes(page.etag)) return reply.code(304).send();
  reply.header('content-type', page.type);
  const zip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  return zip ? reply.header('content-encoding', 'gzip').send(page.zipped) : reply.send(page.plain);
}

/** Adds `/`, the other pages by name, and the files beside them; that of screens has its own address. Throws when they are not there. */
export function staffPages(app: FastifyInstance): void {
  for (const name of readdirSync(WEB)) {
    const type = CONTENT_TYPES[extname(name)];
    if (type === undefined || name === SCREEN) continue;
    const page = readPage(name, type);
    // A page goes by its name alone: /offers.
    const path = name === 'index.html' ? '/' : `/${name.replace(/\.html$/, '')}`;
    app.get(path, (request, reply) => serve(page, request, reply));
  }
}

/** The page of a zone's screens. */
export function screenPage(): (request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  const page = readPage(SCREEN, CONTENT_TYPES['.html'] ?? '');
  return (request, reply) => serve(page, request, reply);
}

/** Changes with any of the files: pages that stay open for months see by it that they are outdated. */
export function webVersion(): string {
  const all = createHash('sha256');
  for (const name of readdirSync(WEB).sort()) all.update(`${name}\0`).update(readFileSync(join(WEB, name)));
  return all.digest('base64url').slice(0, 22);
}
