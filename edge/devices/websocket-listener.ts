/**
 * The broker over WebSocket, for devices behind a proxy and for pages. A page of someone else's may not come in: the
 * `Host` and `Origin` of the handshake are judged as those of every other request.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Guest } from '../ops/doorstep.ts';
import { ownHosts, sameName } from '../ops/host-rules.ts';
import { LARGE } from './large-packets.ts';
import { closed, type Listener, type ListenerParts, listen } from './listeners.ts';
import { webSocketStream } from './websocket-stream.ts';

export interface WebSocketListenerParts extends ListenerParts {
  /** Names beside IP literals and localhost under which the hub is addressed. */
  readonly hosts: readonly string[];
  /** Bytes of one message. */
  readonly message: number;
  /** Bytes of messages over 64 KiB that may be arriving, or waiting for the door, at the same time. */
  readonly arriving: number;
  /** Seconds that such a message may take. */
  readonly messageAge: number;
}

const HANDSHAKE_MS = 10_000;
const MOST_FRAGMENTS = 4096;
const PROTOCOL = 'mqtt';

export class WebSocketListener implements Listener {
  readonly #parts: WebSocketListenerParts;
  #server: Server | undefined;
  /** Bytes of large messages, of all connections. */
  #held = 0;

  constructor(parts: WebSocketListenerParts) {
    this.#parts = parts;
  }

  start(): Promise<{ port: number }> {
    const { refused, enter, message, hosts } = this.#parts;
    const guests = new WeakMap<Duplex, Guest>();
    const isOwn = ownHosts(hosts);
    const sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      skipUTF8Validation: true,
      maxPayload: message,
      maxFragments: MOST_FRAGMENTS,
      handleProtocols: () => PROTOCOL,
    });
    const server = createServer({
      headersTimeout: HANDSHAKE_MS,
      requestTimeout: HANDSHAKE_MS,
      connectionsCheckingInterval: HANDSHAKE_MS / 4,
      maxHeaderSize: 16 * 1024,
      noDelay: true,
    });
    server.on('connection', (socket: Socket) => {
      const guest = enter(socket);
      if (guest === undefined) {
        socket.destroy();
        return;
      }
      guests.set(socket, guest);
      socket.once('close', () => guest.left());
    });
    server.on('request', (_request, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
      response.end('this is the WebSocket door for MQTT\n');
    });
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const guest = guests.get(socket);
      if (guest === undefined) return;
      const wrong = refusalOf(request, isOwn);
      if (wrong !== undefined) {
        refused(wrong.why, request.socket.remoteAddress);
        refuse(socket, wrong.status);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (opened) => {
        const raw = request.socket;
        let count = (): void => undefined;
        const stream = webSocketStream(opened, raw.remoteAddress, () => count());
        count = this.#watch(raw, stream, (counted) => {
          opened.on('message', counted);
          opened.on('ping', counted);
        });
        this.#parts.accept(stream, { guest, anonymous: this.#parts.anonymous });
      });
    });
    this.#server = server;
    return listen(server, 'mqtt.websocket.listen', this.#parts.listen);
  }

  stop(): Promise<void> {
    const stopped = closed(this.#server);
    // Those that are no WebSocket yet; the others are the door's.
    this.#server?.closeAllConnections();
    return stopped;
  }

  /**
   * A message is collected until it is whole, before the door can judge the packets in it. So the bytes of large ones
   * are counted here, as they come, and the one that goes over the room for all of them is closed.
   */
  #watch(raw: Socket, stream: Duplex, onMessage: (counted: () => void) => void): () => void {
    const { arriving, messageAge, refused } = this.#parts;
    let whole = raw.bytesRead;
    let mine = 0;
    let tooOld: NodeJS.Timeout | undefined;
    const close = (why: string): void => {
      refused(why, raw.remoteAddress);
      stream.destroy();
    };
    const hold = (bytes: number): void => {
      this.#held += bytes - mine;
      mine = bytes;
      if (bytes > 0) tooOld ??= setTimeout(() => close('a message was begun and not ended'), messageAge * 1000).unref();
      else {
        clearTimeout(tooOld);
        tooOld = undefined;
      }
    };
    const count = (): void => {
      if (stream.destroyed) return;
      const bytes = raw.bytesRead - whole + stream.readableLength;
      hold(bytes > LARGE ? bytes : 0);
      if (mine > 0 && this.#held > arriving) close('too much is arriving in large messages');
    };
    onMessage(() => {
      whole = raw.bytesRead;
    });
    raw.on('data', count);
    stream.once('close', () => hold(0));
    return count;
  }
}

interface Refusal {
  readonly status: number;
  readonly why: string;
}

function refusalOf({ headers }: IncomingMessage, isOwn: (host: string | undefined) => boolean): Refusal | undefined {
  const { host, origin } = headers;
  if (!isOwn(host)) return { status: 421, why: 'a WebSocket for a Host that is not in http.hosts' };
  if (origin !== undefined && !sameName(origin, host)) return { status: 403, why: 'a WebSocket of a page of others' };
  const protocols = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  return protocols.includes(PROTOCOL) ? undefined : { status: 400, why: 'a WebSocket without the subprotocol mqtt' };
}

function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
