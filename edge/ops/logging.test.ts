/** What reaches the log, and what must not. */
import { expect, it } from 'vitest';
import { HubError } from '../contracts/errors.ts';
import { childLoggers, createLogger } from './logging.ts';

function lineOf(write: (logger: ReturnType<typeof createLogger>) => void, debug = false): Record<string, unknown> {
  const lines: string[] = [];
  write(createLogger('edge', { debug, to: { write: (line) => void lines.push(line) } }));
  return lines[0] === undefined ? {} : (JSON.parse(lines[0]) as Record<string, unknown>);
}

it('writes one JSON line with daemon, part, level by name and an ISO time', () => {
  const line = lineOf((logger) => childLoggers(logger).door.warn({ device: 'till-1' }, 'published with QoS 2'));
  expect(line).toMatchObject({ daemon: 'edge', part: 'door', level: 'warn', device: 'till-1' });
  expect(line.msg).toBe('published with QoS 2');
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

it('masks secrets at the top and inside, and leaves the key of a rule', () => {
  const line = lineOf((logger) =>
    logger.info({ password: 'a', users: { till: { password_hash: 'b' } }, tls: { key: 'c' }, key: 'A1-3' }, 'x'),
  );
  expect(line).toMatchObject({
    password: '[hidden]',
    users: { till: { password_hash: '[hidden]' } },
    tls: { key: '[hidden]' },
    key: 'A1-3',
  });
});

it('shows bytes as their length, wherever they are', () => {
  const line = lineOf((logger) =>
    logger.info({ raw: Buffer.from('4111111111111111'), packet: { body: [new Uint8Array(3)] } }),
  );
  expect(line).toMatchObject({ raw: '[16 bytes]', packet: { body: ['[3 bytes]'] } });
  expect(lineOf((logger) => logger.info({ packet: { payload: 'text' } }))).toMatchObject({
    packet: { payload: '[hidden]' },
  });
});

it('keeps the code, stack and cause of an error', () => {
  const err = new HubError('NOT_STORED', 'no room', { cause: new Error('ENOSPC') });
  const line = lineOf((logger) => logger.error({ err }, 'commit failed'));
  expect(line.err).toMatchObject({ code: 'NOT_STORED' });
  expect(JSON.stringify(line.err)).toContain('ENOSPC');
});

it('shows debug lines only when asked', () => {
  expect(lineOf((logger) => logger.debug('quiet'))).toEqual({});
  expect(lineOf((logger) => logger.debug('loud'), true)).toMatchObject({ level: 'debug' });
});
