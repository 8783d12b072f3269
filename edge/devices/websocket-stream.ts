/** A WebSocket as the bytes that go through it (MQTT 3.1.1, section 6): binary messages, their borders mean nothing. */
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { DoorSocket } from './connection.ts';

/** Bytes in one direction after which the other side has to wait. */
const HIGH_WATER = 65_536;
const UNSUPPORTED_DATA = 1003;

/** `read` is called when the door has taken data. Destroying the stream ends the connection at once. */
export function webSocketStream(socket: WebSocket, remoteAddress: string | undefined, read: () => void): DoorSocket {
  const stream = new Duplex({
    highWaterMark: HIGH_WATER,
    read: () => {
      socket.resume();
      read();
    },
    write: (chunk: Buffer, _encoding, done) => socket.send(chunk, { binary: true }, done),
    writev: (chunks, done) => {
      const whole = Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer));
      socket.send(whole, { binary: true }, done);
    },
    final: (done) => {
      socket.close();
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (data, isBinary) => {
    if (stream.destroyed) return;
    if (!isBinary || !Buffer.isBuffer(data)) {
      socket.close(UNSUPPORTED_DATA, 'MQTT is binary');
      stream.destroy();
    } else if (!stream.push(data)) socket.pause();
  });
  // The pong is ours to send: a client that never reads would have them pile up.
  socket.on('ping', (data) => {
    if (socket.bufferedAmount > HIGH_WATER) stream.destroy();
    else socket.pong(data);
  });
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => {
    if (stream.destroyed) return;
    stream.push(null);
    stream.destroy();
  });
  return Object.assign(stream, { remoteAddress });
}
