/** The demo's voice: one aligned line for each thing worth seeing, coloured where a terminal shows colours. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Who speaks, and in which colour. */
const SPEAKERS = {
  setup: 'gray',
  shop: 'cyan',
  reading: 'blue',
  event: 'blue',
  alert: ['bold', 'red'],
  staff: 'magenta',
  solved: 'green',
  offer: ['bold', 'green'],
  phone: 'magenta',
  till: 'blue',
  kafka: 'yellow',
  link: ['bold', 'yellow'],
  buffer: 'yellow',
  fault: ['bold', 'red'],
} as const satisfies Record<string, Style>;

export type Speaker = keyof typeof SPEAKERS;

export interface Narrator {
  say(speaker: Speaker, text: string): void;
  /** A further line to what was said last. */
  more(text: string): void;
  /** A line of its own, without time and speaker. */
  plain(text?: string): void;
  heading(text: string): void;
  /** From now on the clock shows time since this moment. */
  restartClock(): void;
}

function clockText(ms: number): string {
  const tenths = Math.floor(ms / 100);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, '0')}`;
}

export function narrator(write: (line: string) => void, colours: boolean): Narrator {
  let start = performance.now();
  const paint = (style: Style, text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  return {
    say(speaker, text) {
      const time = paint('gray', clockText(performance.now() - start).padStart(7));
      write(`${time}  ${paint(SPEAKERS[speaker], speaker.padEnd(8))}${text}`);
    },
    more(text) {
      write(`${' '.repeat(17)}${paint('gray', text)}`);
    },
    plain(text = '') {
      write(text);
    },
    heading(text) {
      write(paint('bold', text));
    },
    restartClock() {
      start = performance.now();
    },
  };
}
