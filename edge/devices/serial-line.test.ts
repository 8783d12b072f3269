import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeWith } from '../../device-sims/harness/need-tools.ts';
import { SerialCable } from '../../device-sims/harness/serial-cable.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import type { SerialSource } from '../contracts/devices.ts';
import type { Frame, LineParser } from '../contracts/formats.ts';
import type { Receipt } from '../contracts/intake.ts';
import { SerialLine, type SerialLineParts } from './serial-line.ts';

const ACCEPTED: Receipt = { outcome: 'accepted', accepted: 1, repeated: 0 };

/** Lines of printable text that begin with `#` and end with a line feed. */
function lines(more: Partial<LineParser> = {}): LineParser {
  let rest = '';
  let skipped = 0;
  const cut = (text: string): Uint8Array[] =>
    [text].flatMap((line) => {
      if (/^#[ -~]*$/.test(line)) return Buffer.from(line);
      skipped += line.length;
      return [];
    });
  return {
    ...more,
    get skipped() {
      return skipped;
    },
    push(chunk) {
      const parts = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
      rest = parts.pop() ?? '';
      if (rest.length > 100) {
        skipped += rest.length;
        rest = '';
      }
      return parts.flatMap(cut);
    },
    idle() {
      const text = rest;
      rest = '';
      return text === '' ? [] : cut(text);
    },
  };
}

describeWith('socat')('a serial line', () => {
  let cable: SerialCable;
  let line: SerialLine | undefined;
  const heard: string[] = [];
  const troubles: (string | undefined)[] = [];
  let answer: (frame: Frame, done: (receipt: Receipt) => void) => void;

  beforeEach(async () => {
    heard.length = 0;
    troubles.length = 0;
    answer = (_frame, done) => done(ACCEPTED);
    cable = await SerialCable.make();
  });

  afterEach(async () => {
    await line?.stop();
    await cable.remove();
  });

  async function listen(source: Partial<SerialSource> = {}, more: Partial<SerialLineParts> = {}): Promise<SerialLine> {
    line = new SerialLine({
      device: 'scanner-1',
      codec: 'scanner',
      source: { port: cable.hubEnd, baud: 9600, frame: '8N1', ...source },
      parser: () => lines(),
      take: (frame, done) => {
        answer(frame, (receipt) => {
          if (receipt.outcome === 'accepted') heard.push(Buffer.from(frame.bytes).toString('latin1'));
          done(receipt);
        });
      },
      trouble: (reason) => troubles.push(reason),
      logger: pino({ level: 'silent' }),
      ...more,
    });
    await line.start();
    return line;
  }

  const say = (text: string): Promise<void> => cable.say(Buffer.from(text, 'latin1'));
  const until = (text: string): Promise<unknown> =>
    waitUntil(text, () => heard.includes(text), { timeoutMs: 10_000, everyMs: 10 });

  it('hands over whole telegrams, however they arrive', async () => {
    await cable.plug();
    await listen();
    await say('#one\n#tw');
    await say('o\n');
    await until('#two');
    expect(heard).toEqual(['#one', '#two']);
    expect(troubles).toEqual([]);
  });

  it('waits for an adapter that is not there, says so once, and finds it by its stable name', async () => {
    await listen({ port: 'usb-adapter' }, { byId: cable.folder });
    await sleep(2500);
    expect(troubles).toEqual([expect.stringContaining('nothing is plugged in as')]);
    await cable.plug();
    await waitUntil('the line', () => troubles.length === 2, { timeoutMs: 5000 });
    await say('#here\n');
    await until('#here');
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('finds an adapter again within five seconds when it comes back under another number, half a telegram forgotten', async () => {
    const before = await cable.plug();
    await listen();
    await say('#one\n#half of a tel');
    await until('#one');
    await cable.pull();
    await waitUntil('its absence to be told', () => troubles.length > 0, { timeoutMs: 5000 });
    expect(troubles[0]).toContain('the line is down');
    const after = await cable.plug();
    expect(after).not.toBe(before);
    const since = performance.now();
    await waitUntil('the line', () => troubles.at(-1) === undefined, { timeoutMs: 5000, everyMs: 10 });
    expect(performance.now() - since).toBeLessThan(5000);
    await say('#two\n');
    await until('#two');
    expect(heard).toEqual(['#one', '#two']);
  });

  it('takes the parity bit away from seven-bit telegrams', async () => {
    await cable.plug();
    await listen({ frame: '7E1' });
    await cable.say(Buffer.from('#one\n').map((byte) => byte | 0x80));
    await until('#one');
  });

  it('greets on opening, asks again and again, and greets a device that has fallen silent', async () => {
    const said: string[] = [];
    await cable.plug();
    cable.hear((bytes) => said.push(bytes.toString('latin1')));
    const parser = (): LineParser =>
      lines({
        greeting: Buffer.from('hello;'),
        greetAgainMs: 300,
        ask: { bytes: Buffer.from('W;'), everyMs: 50 },
      });
    await listen({}, { parser });
    await waitUntil('a second greeting', () => said.join('').split('hello;').length > 2, { timeoutMs: 5000 });
    expect(said.join('').startsWith('hello;')).toBe(true);
    expect(said.join('').split('W;').length).toBeGreaterThan(3);
  });

  it('takes a burst without a terminator as a telegram when the line is quiet', async () => {
    await cable.plug();
    await listen({}, { parser: () => lines({ idleMs: 50 }) });
    await say('#burst');
    await until('#burst');
    await say('#another');
    await until('#another');
  });

  it('says that bytes are no telegrams, and takes it back with the first one', async () => {
    await cable.plug();
    await listen();
    const noise = setInterval(() => void say('~~~ \x80\xfe~~~~\n'), 200);
    try {
      await waitUntil('a word about it', () => troubles.length > 0, { timeoutMs: 12_000 });
    } finally {
      clearInterval(noise);
    }
    expect(troubles).toEqual([expect.stringContaining('check baud (9600) and frame (8N1)')]);
    await say('\n#at last\n');
    await until('#at last');
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('hands over again, in order, what could not be stored', async () => {
    let stored = false;
    let tries = 0;
    answer = (frame, done) => {
      tries += 1;
      // The first is stored although what follows it is not.
      const text = Buffer.from(frame.bytes).toString();
      setImmediate(() => done(stored || text === '#1' ? ACCEPTED : { outcome: 'not-stored', reason: 'disk full' }));
    };
    await cable.plug();
    await listen();
    await say('#1\n#2\n#3\n');
    await waitUntil('some tries', () => tries >= 5, { timeoutMs: 5000 });
    stored = true;
    await say('#4\n');
    await until('#4');
    expect(heard).toEqual(['#1', '#2', '#3', '#4']);
  });

  it('survives a flood while nothing is stored: memory is bounded, the newest are lost and said to be, the rest is stored', async () => {
    const dones: (() => void)[] = [];
    let open = false;
    const numbers: number[] = [];
    answer = (frame, done) => {
      numbers.push(Number(Buffer.from(frame.bytes).toString().slice(1)));
      if (open) done(ACCEPTED);
      else dones.push(() => done(ACCEPTED));
    };
    await cable.plug();
    const flooded = await listen();
    let sent = 0;
    let flowing = true;
    const flood = (async () => {
      while (flowing) {
        let text = '';
        for (let i = 0; i < 50; i += 1) text += `#${sent++}\n`;
        await say(text);
      }
    })();
    await waitUntil('lost telegrams', () => flooded.lost > 0, { timeoutMs: 20_000 });
    await waitUntil('a word about it', () => troubles.some((reason) => reason?.includes('are lost')));
    expect(dones.length).toBeLessThanOrEqual(64);
    flowing = false;
    open = true;
    for (const done of dones) done();
    await flood;
    await waitUntil('that it is over', () => troubles.at(-1) === undefined, { timeoutMs: 10_000 });
    await say('#after\n');
    await until('#after');
    expect(heard.length + flooded.lost).toBe(sent + 1);
    numbers.pop();
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.slice(0, 2048)).toEqual(Array.from({ length: 2048 }, (_, i) => i));
  });

  it('closes its port when it stops, and waits for what was handed over', async () => {
    let done: (() => void) | undefined;
    answer = (_frame, give) => {
      done = () => give(ACCEPTED);
    };
    await cable.plug();
    const stopping = await listen();
    await say('#one\n');
    await waitUntil('the telegram', () => done);
    let stopped = false;
    const stop = stopping.stop().then(() => {
      stopped = true;
    });
    await sleep(100);
    expect(stopped).toBe(false);
    done?.();
    await stop;
    expect(heard).toEqual(['#one']);
    line = undefined;
  });
});
