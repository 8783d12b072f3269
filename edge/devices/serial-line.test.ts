import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { m100Tag } from '../../device-sims/devices/serial/m100-bytes.ts';
import { thingmagicTag } from '../../device-sims/devices/serial/thingmagic-bytes.ts';
import { describeWith } from '../../device-sims/harness/need-tools.ts';
import { SerialCable } from '../../device-sims/harness/serial-cable.ts';
import { waitUntil } from '../../device-sims/harness/wait-until.ts';
import { corruptedLine, judged } from '../codecs/corrupted-line.fixture.ts';
import { seeded } from '../codecs/fuzzing.ts';
import { m100 } from '../codecs/m100.ts';
import { thingmagic } from '../codecs/thingmagic.ts';
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
    expect(troubles).toEqual([
      expect.stringMatching(/nothing is plugged in as .*usb-adapter; no other adapter is there/),
    ]);
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
    expect(troubles).toEqual([
      expect.stringMatching(/such as [0-9A-F ]+ \(hex\): check baud \(9600\) and frame \(8N1\)/),
    ]);
    await say('\n#at last\n');
    await until('#at last');
    expect(troubles.at(-1)).toBeUndefined();
  });

  it('shows the text of another protocol, a card number in it masked', async () => {
    await cable.plug();
    await listen();
    const other = setInterval(() => void say('ST,GS,+0001.250,kg 5555555555554444\r\n'), 200);
    try {
      await waitUntil('a word about it', () => troubles.length > 0, { timeoutMs: 12_000 });
    } finally {
      clearInterval(other);
    }
    expect(troubles[0]).toContain('such as "ST,GS,+0001.250,kg 555555******4444": check baud');
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

  it('does not hold up another line while nothing of its own is answered', async () => {
    answer = () => undefined;
    await cable.plug();
    await listen();
    const other = await SerialCable.make('other');
    const quick: string[] = [];
    await other.plug();
    const second = new SerialLine({
      device: 'scanner-2',
      codec: 'scanner',
      source: { port: other.hubEnd, baud: 9600, frame: '8N1' },
      parser: () => lines(),
      take: (frame, done) => {
        quick.push(Buffer.from(frame.bytes).toString());
        done(ACCEPTED);
      },
      trouble: () => undefined,
      logger: pino({ level: 'silent' }),
    });
    await second.start();
    const flood = say(`${'#again\n'.repeat(20_000)}`).catch(() => undefined);
    try {
      for (let i = 0; i < 20; i += 1) {
        const since = performance.now();
        await other.say(Buffer.from(`#${i}\n`));
        await waitUntil('the other line', () => quick.includes(`#${i}`), { timeoutMs: 5000, everyMs: 5 });
        expect(performance.now() - since).toBeLessThan(5000);
      }
    } finally {
      await line?.stop();
      await second.stop();
      await other.remove();
      await cable.remove();
      await flood;
    }
  });

  it('says which program may be in the way when the port is in use', async () => {
    await cable.plug();
    await listen();
    const again: (string | undefined)[] = [];
    const second = new SerialLine({
      device: 'scanner-2',
      codec: 'scanner',
      source: { port: cable.hubEnd, baud: 9600, frame: '8N1' },
      parser: () => lines(),
      take: (_frame, done) => done(ACCEPTED),
      trouble: (reason) => again.push(reason),
      logger: pino({ level: 'silent' }),
    });
    await second.start();
    expect(again).toEqual([expect.stringContaining('another program')]);
    await line?.stop();
    await waitUntil('the port to be free', () => again.length === 2, { timeoutMs: 5000 });
    await second.stop();
    expect(again[1]).toBeUndefined();
  });

  it.each([thingmagic, m100])(
    'gives every intact telegram of $name at line speed, with one byte in a hundred damaged',
    async (format) => {
      const random = seeded(21);
      const telegrams = Array.from({ length: 1500 }, () => {
        const epc = Buffer.from(Array.from({ length: 12 }, () => Math.floor(random() * 256))).toString('hex');
        const tag = { epc, rssi: -60, antenna: 1, reads: 1, flags: 0x01ff };
        return format === m100 ? m100Tag(tag) : thingmagicTag(tag);
      });
      const damaged = corruptedLine(telegrams, { seed: 22 });
      const found: Uint8Array[] = [];
      answer = (frame, done) => {
        found.push(frame.bytes);
        setTimeout(() => done(ACCEPTED), 2);
      };
      const device = { name: 'reader', codec: format.name, calibration: { celsius: 0, weight: 1 } } as const;
      await cable.plug();
      await listen({ baud: 115_200 }, { parser: () => format.line?.(device) ?? lines() });
      // 115,200 bits a second are 11,520 bytes.
      const since = performance.now();
      for (let at = 0; at < damaged.bytes.length; ) {
        const due = Math.min(damaged.bytes.length, Math.ceil((performance.now() - since) * 11.52) + 1);
        await cable.say(damaged.bytes.subarray(at, due));
        at = due;
        await sleep(5);
      }
      await waitUntil('the last telegram', () => judged(damaged, found).missing.length === 0, { timeoutMs: 10_000 });
      expect(damaged.damaged).toBeGreaterThan(200);
      expect(line?.lost).toBe(0);
    },
  );

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
