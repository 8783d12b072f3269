/** The demo's voice: one aligned line for each thing worth seeing, coloured where a terminal shows colours. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Who speaks, and in which colour. `shop` is what truly happened, `hub` what the hub made of it. */
const SPEAKERS = {
  setup: 'gray',
  shop: 'cyan',
  hub: ['bold', 'green'],
  staff: 'magenta',
  phone: 'magenta',
  kafka: 'yellow',
  link: ['bold', 'yellow'],
  fault: ['bold', 'red'],
} as const satisfies Record<string, Style>;

export type Speaker = keyof typeof SPEAKERS;

export interface Narrator {
  say(speaker: Speaker, text: string): void;
  /** A line of its own, without time and speaker. */
  plain(text?: string): void;
  heading(text: string): void;
  /** From now on lines carry what this clock shows, at most five characters. */
  useClock(clock: () => string): void;
}

export function narrator(write: (line: string) => void, colours: boolean): Narrator {
  const start = performance.now();
  let clock = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const paint = (style: Style, text: string): string =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  return {
    say(speaker, text) {
      const time = paint('gray', clock().padStart(6));
      write(`${time}  ${paint(SPEAKERS[speaker], speaker.padEnd(7))}${text}`);
    },
    plain(text = '') {
      write(text);
    },
    heading(text) {
      write(paint('bold', text));
    },
    useClock(next) {
      clock = next;
    },
  };
}
