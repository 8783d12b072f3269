/**
 * A device's cable to the hub's broker that can be pulled: what was connected is left as it is, without a farewell, so
 * that the hub hears nothing more and cannot know why. The device sees its connection gone, and gets no other one until
 * the cable is back.
 */
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

export class MqttWire {
  readonly #url: URL;
  readonly #sockets = new Set<Socket>();
  #line: Line | undefined;
  #isOut = false;

  /** `mqtt://host:port`, or mqtts. */
  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Another connection. While the cable is out it fails at once. */
  open(): Duplex {
    const { protocol, hostname, port } = this.#url;
    if (this.#isOut) return failing();
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const socket =
      protocol === 'mqtts:'
        ? connectTls({ host, port: Number(port || 8883), servername: host })
        : connect({ host, port: Number(port || 1883) });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#line = new Line(socket);
    return this.#line;
  }

  pull(): void {
    this.#isOut = true;
    this.#line?.tear();
    this.#line = undefined;
  }

  plug(): void {
    this.#isOut = false;
  }

  /** Whatever is left of torn connections. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The device's end of a connection; torn, the other end stays as it is. */
class Line extends Duplex {
  readonly #socket: Socket;
  #isTorn = false;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      // What comes through a torn line goes nowhere.
      if (!this.#isTorn && !this.push(bytes)) socket.pause();
    });
    socket.on('end', () => {
      if (this.#isTorn) socket.destroy();
      else this.push(null);
    });
    socket.on('error', (error) => {
      if (!this.#isTorn) this.destroy(error);
    });
    socket.on('close', () => {
      if (!this.#isTorn) this.destroy();
    });
  }

  tear(): void {
    this.#isTorn = true;
    this.#socket.resume();
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#isTorn) done(new Error('the cable is out'));
    else this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isTorn) this.#socket.destroy();
    done(error);
  }
}

function failing(): Duplex {
  const line = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  setImmediate(() => line.destroy());
  return line;
}
