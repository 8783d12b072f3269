/**
 * A link that can be broken on purpose: a TCP proxy on loopback between a client and one server.
 *
 * open          passes everything
 * cut           resets what is connected, and every new connection at once
 * black hole    keeps and accepts connections, and passes nothing: packets that vanish. What was sent meanwhile goes
 *               on after healing, as TCP would resend it
 * lost replies  requests arrive and are served, answers vanish. A connection that lost an answer is reset by healing
 *
 * In each of them it may be slow, too.
 */
import { connect, createServer, type Socket } from 'node:net';
import { Lane, type LineQuality, Shaper } from './shaper.ts';

type Mode = 'open' | 'cut' | 'black-hole' | 'lost-replies';

export interface LinkOptions {
  readonly target: { readonly host?: string; readonly port: number };
  /** Where to listen on loopback; absent or 0: any free port. */
  readonly port?: number;
}

export interface Link {
  readonly port: number;
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  /** What went through so far, client to server and back. */
  readonly bytes: { readonly up: number; readonly down: number };
  cut(): void;
  blackhole(): void;
  dropReplies(): void;
  /** Cuts after this many further bytes from clients to the server went through: a write that arrives in part. */
  cutAfter(bytes: number): void;
  /** A thin, long line from now on, the same both ways. */
  slow(quality: LineQuality): void;
  /** Open and fast again. */
  heal(): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly up: Shaper;
  readonly down: Shaper;
  /** It lost bytes or one side: after healing it cannot go on. */
  spoilt: boolean;
}

export async function startLink({ target, port = 0 }: LinkOptions): Promise<Link> {
  const pairs = new Set<Pair>();
  const bytes = { up: 0, down: 0 };
  const lanes = { up: new Lane(), down: new Lane() };
  let mode: Mode = 'open';
  let allowance = Number.POSITIVE_INFINITY;

  const destroy = (pair: Pair): void => {
    pairs.delete(pair);
    pair.up.stop();
    pair.down.stop();
    pair.client.resetAndDestroy();
    pair.server.resetAndDestroy();
  };
  const cut = (): void => {
    mode = 'cut';
    allowance = Number.POSITIVE_INFINITY;
    for (const pair of pairs) destroy(pair);
  };
  const resume = (socket: Socket): void => {
    if (mode !== 'black-hole') socket.resume();
  };
  const pass = (from: Socket, to: Socket, chunk: Buffer): void => {
    if (to.destroyed || to.write(chunk)) return;
    from.pause();
    to.once('drain', () => resume(from));
  };
  const send = (shaper: Shaper, from: Socket, chunk: Buffer): void => {
    shaper.send(
      chunk,
      () => from.pause(),
      () => resume(from),
    );
  };
  const up = (pair: Pair, chunk: Buffer): void => {
    const part = chunk.length > allowance ? chunk.subarray(0, allowance) : chunk;
    allowance -= part.length;
    bytes.up += part.length;
    if (allowance > 0) {
      send(pair.up, pair.client, part);
      return;
    }
    // The part must have left before the reset, or the server never sees it.
    pair.server.write(part, () => setImmediate(cut));
    pair.client.pause();
  };
  const down = (pair: Pair, chunk: Buffer): void => {
    if (mode === 'lost-replies') {
      pair.spoilt = true;
      return;
    }
    bytes.down += chunk.length;
    send(pair.down, pair.server, chunk);
  };

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (mode === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true, noDelay: true });
    const shapers = {
      up: new Shaper(lanes.up, (chunk) => pass(client, server, chunk)),
      down: new Shaper(lanes.down, (chunk) => pass(server, client, chunk)),
    };
    const pair: Pair = { client, server, ...shapers, spoilt: false };
    pairs.add(pair);
    client.on('data', (chunk) => up(pair, chunk));
    server.on('data', (chunk) => down(pair, chunk));
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    for (const side of [client, server]) {
      side.on('error', () => undefined);
      side.on('close', (failed) => {
        // Through a black hole the other side learns nothing of it.
        if (mode === 'black-hole') pair.spoilt = true;
        else if (failed || (client.destroyed && server.destroyed)) destroy(pair);
      });
    }
    if (mode === 'black-hole') {
      client.pause();
      server.pause();
    }
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', resolve);
  });
  const address = listener.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;

  return {
    port: bound,
    address: `127.0.0.1:${bound}`,
    bytes,
    cut,
    blackhole() {
      mode = 'black-hole';
      for (const { client, server } of pairs) {
        client.pause();
        server.pause();
      }
    },
    dropReplies() {
      mode = 'lost-replies';
    },
    cutAfter(count) {
      allowance = count;
    },
    slow(quality) {
      lanes.up.quality = quality;
      lanes.down.quality = quality;
    },
    heal() {
      mode = 'open';
      lanes.up.quality = undefined;
      lanes.down.quality = undefined;
      allowance = Number.POSITIVE_INFINITY;
      for (const pair of pairs) {
        if (pair.spoilt) destroy(pair);
        else {
          pair.client.resume();
          pair.server.resume();
        }
      }
    },
    async stop() {
      cut();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}
