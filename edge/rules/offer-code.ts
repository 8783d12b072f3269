/**
 * Codes of coupons: three groups of four characters in Crockford's base32, such as `7K2M-QX9D-3HTA`. The first group
 * tells the store, so that a code of another shop of the chain is recognised; the other 40 bits are a keyed digest of
 * the offer, which nobody can work out from what the hub says elsewhere.
 */
import { hash } from 'node:crypto';
import { crockfordOfBytes } from '../contracts/ids.ts';

export interface CodeMaker {
  /** The code of an offer, by its id: always the same. `attempt` (from 0): another one, where another offer has it. */
  codeOf(offer: string, attempt?: number): string;
  /** Whether a text has the form of a code at all: tills tell of other people's coupons, too. */
  isCode(text: string): boolean;
  isForeign(code: string): boolean;
  /** Tells what was presented from other things, and says nothing of it: of a code as a person may have typed it. */
  digestOf(presented: string): string;
}

const GROUP = 4;
const LENGTH = 3 * GROUP;
const DIGEST = 8;
/** Twelve digits are the number on the coupon of a brand; of our codes hardly any has no letter. */
const SHAPE = /^(?=.*[A-Z])[0-9A-HJKMNP-TV-Z]{12}$/;

/** @param conceal a keyed digest that only this hub can make, hexadecimal */
export function codeMaker(hub: string, conceal: (text: string) => string): CodeMaker {
  const store = crockfordOfBytes(hash('sha256', `store ${hub}`, 'buffer'), GROUP).toUpperCase();
  return {
    codeOf: (offer, attempt = 0) => {
      const text = attempt === 0 ? `offer ${offer}` : `offer ${offer} ${attempt}`;
      const secret = crockfordOfBytes(Buffer.from(conceal(text), 'hex'), LENGTH - GROUP).toUpperCase();
      return inGroups(store + secret);
    },
    isCode: (text) => SHAPE.test(plainCode(text)),
    isForeign: (code) => {
      const plain = plainCode(code);
      return SHAPE.test(plain) && !plain.startsWith(store);
    },
    digestOf: (presented) => conceal(`presented ${plainCode(presented)}`).slice(0, DIGEST),
  };
}

/** As it is kept: without dashes of any kind and spaces, in capitals, with the letters that are easily mistaken put right. */
export function plainCode(code: string): string {
  return code
    .replace(/[\s\p{Pd}]/gu, '')
    .toUpperCase()
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}

/** As people read it. */
export function inGroups(plain: string): string {
  return [0, GROUP, 2 * GROUP].map((at) => plain.slice(at, at + GROUP)).join('-');
}
