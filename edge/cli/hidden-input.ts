/** A line typed on a terminal that does not show it. */
import { HubError } from '../contracts/errors.ts';

const ENTER = /[\r\n]/;
const END_OF_INPUT = '\u0004';
const INTERRUPT = '\u0003';
const ERASE_LINE = '\u0015';
const ERASE = /[\u007f\b]/;

/** Asks on stderr, so that stdout holds the result alone. Throws HubError INPUT_REFUSED when it is broken off. */
export function readHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: what is typed must not show from then on.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const finish = (then: () => void): void => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write('\n');
      then();
    };
    const onEnd = (): void => finish(() => reject(new HubError('INPUT_REFUSED', 'broken off')));
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === INTERRUPT || (character === END_OF_INPUT && typed.length === 0)) {
          finish(() => reject(new HubError('INPUT_REFUSED', 'broken off')));
          return;
        }
        if (character === END_OF_INPUT || ENTER.test(character)) {
          finish(() => resolve(typed.join('')));
          return;
        }
        if (ERASE.test(character)) typed.pop();
        else if (character === ERASE_LINE) typed = [];
        else typed.push(character);
      }
    };
    stdin.on('data', onData);
    stdin.once('end', onEnd);
  });
}
