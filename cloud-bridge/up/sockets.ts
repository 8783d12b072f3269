/**
 * Sockets to brokers that notice a dead link: small packets leave at once, keep-alive probes, and a watchdog that
 * destroys a socket when something was asked and nothing came back. (A request that times out leaves its socket open,
 * and every later request would wait behind it.)
 */
import net from 'node:net';
import tls from 'node:tls';
import { BROKER_WANTS_TLS, NO_ANSWER } from './socket-faults.ts';

const KEEP_ALIVE_MS = 15_000;

export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl?: tls.ConnectionOptions;
  readonly onConnect: () => void;
}

/** The sockets of one link. kafkajs goes on trying for minutes with what it has; closing all ends that at once. */
export class Sockets {
  readonly #stallMs: number;
  readonly #open = new Set<net.Socket>();
  #closed = false;

  /** `stallMs`: how long an answer may take to begin, in milliseconds. */
  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** Connects; throws after `closeAll`. */
  open({ host, port, ssl, onConnect }: SocketRequest): net.Socket {
    if (this.#closed) throw new Error('the link is closed');
    const socket = ssl
      ? tls.connect({ host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    watch(socket, this.#stallMs);
    if (!ssl) watchForTls(socket);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    socket.on('error', () => undefined);
    return socket;
  }

  closeAll(): void {
    this.#closed = true;
    // With an error: only that makes kafkajs give up the requests it waits for.
    for (const socket of this.#open) socket.destroy(new Error('the link is closed'));
  }
}

/** An error that says in its code what is the case. */
function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Spoken to in the clear, a TLS listener answers with an alert (type 21, version 3.x): no length of a Kafka answer. */
function watchForTls(socket: net.Socket): void {
  socket.once('data', (chunk) => {
    if (chunk[0] === 21 && chunk[1] === 3) socket.destroy(withCode('the broker demands TLS', BROKER_WANTS_TLS));
  });
}

function watch(socket: net.Socket, stallMs: number): void {
  let answered = 0;
  let seen = 0;
  let left = 0;
  let quiet = 0;
  const period = Math.max(100, Math.min(1_000, stallMs / 5));
  socket.on('data', () => {
    // One request is in flight at a time, so whatever was written before an answer has been answered.
    answered = socket.bytesWritten;
  });
  const timer = setInterval(() => {
    const waiting = socket.connecting || socket.bytesWritten > answered;
    // A large request on a thin line takes its time to leave, too.
    const isLeaving = socket.writableLength < left;
    quiet = waiting && !isLeaving && socket.bytesRead === seen ? quiet + period : 0;
    seen = socket.bytesRead;
    left = socket.writableLength;
    if (quiet >= stallMs) socket.destroy(withCode(`no answer for ${Math.round(stallMs / 1000)} s`, NO_ANSWER));
  }, period);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}
