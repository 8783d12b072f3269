/**
 * GS1 element strings by the GS1 General Specifications: what a barcode says under its application identifiers (AI).
 *
 *   elements := [GS] element { [GS] element }
 *   element  := AI data
 *   GS       = 1D: ends data whose length the AI does not fix; elsewhere it may stand or not
 *
 * Each AI's data has parts of given characters and lengths; check digits and dates among them are proven. A year of
 * two digits is the one nearest to now (section 7.12): 51 or more ahead belong to the last century, 50 or more back to
 * the next one. A day 00 is the last of its month, where the AI allows it.
 */
import { checkDigit } from '../contracts/gtin.ts';

export const GS = '\u001d';

/**
 * AI pattern, then its parts: n digits, x invariant characters (figure 7.11-1), y those of figure 7.11-2, z of
 * base 64; a length or a longest one. Behind it: c ends with a check digit, d a date, D a date whose day may be 00,
 * ? may be missing. A star: its length is fixed by the symbologies, so that no GS must follow.
 */
const TABLE = `
00* n18c
01* n14c
02* n14c
10 x..20
1[1-3567]* n6D
20* n2
21 x..20
22 x..20
235 x..28
240 x..30
241 x..30
242 n..6
243 x..20
250 x..30
251 x..30
253 n13c x..17?
254 x..20
255 n13c n..12?
30 n..8
31[0-6][0-5]* n6
32[0-9][0-5]* n6
33[0-7][0-5]* n6
34[0-9][0-5]* n6
35[0-7][0-5]* n6
36[0-9][0-5]* n6
37 n..8
390[0-9] n..15
391[0-9] n3 n..15
392[0-9] n..15
393[0-9] n3 n..15
394[0-3] n4
395[0-5] n6
400 x..30
401 x..30
402 n17c
403 x..30
41[0-7]* n13c
420 x..20
421 n3 x..9
422 n3
423 n..15
424 n3
425 n..15
426 n3
427 x..3
430[01] x..35
430[2-6] x..70
4307 x2
4308 x..30
4309 n20
431[01] x..35
431[2-6] x..70
4317 x2
4318 x..20
4319 x..30
4320 x..35
432[1-3] n1
432[45] n6D n4
4326 n6d
433[0-3] n6 x1?
7001 n13
7002 x..30
7003 n6d n4
7004 n..4
7005 x..12
7006 n6d
7007 n6d n6?
7008 x..3
7009 x..10
7010 x..2
7011 n6d n4?
702[0-2] x..20
7023 x..30
703[0-9] n3 x..27
7040 n1 x3
71[0-5] x..20
723[0-9] x2 x..28
7240 x..20
7241 n2
7242 x..25
8001 n14
8002 x..20
8003 n14c x..16?
8004 x..30
8005 n6
8006 n14c n4
8007 x..34
8008 n8 n..4?
8009 x..50
8010 y..30
8011 n..12
8012 x..20
8013 x..25
801[78] n18c
8019 n..10
8020 x..25
8026 n14c n4
8030 z..90
8110 x..70
8111 n4
8112 x..70
8200 x..70
90 x..30
9[1-9] x..90
`;

const CHARACTERS: Readonly<Record<string, RegExp>> = {
  n: /^\d*$/,
  x: /^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*$/,
  y: /^[#\-/0-9A-Z]*$/,
  z: /^[-_0-9A-Za-z]*=?=?$/,
};

interface Part {
  readonly kind: string;
  readonly least: number;
  readonly most: number;
  readonly check: boolean;
  readonly date: 'exact' | 'day-may-miss' | undefined;
  readonly optional: boolean;
}

interface Identifier {
  readonly fixed: boolean;
  readonly parts: readonly Part[];
  readonly most: number;
}

function partOf(text: string): Part {
  const [, kind = 'x', upTo, length = '0', marks = ''] = /^([nxyz])(\.\.)?(\d+)([cdD?]*)$/.exec(text) ?? [];
  const most = Number(length);
  return {
    kind,
    least: upTo === undefined ? most : 1,
    most,
    check: marks.includes('c'),
    date: marks.includes('d') ? 'exact' : marks.includes('D') ? 'day-may-miss' : undefined,
    optional: marks.includes('?'),
  };
}

/** `31[0-6]` -> 310 ... 316. */
function expanded(pattern: string): string[] {
  const open = pattern.indexOf('[');
  if (open < 0) return [pattern];
  const close = pattern.indexOf(']', open);
  const one = new RegExp(`^[${pattern.slice(open + 1, close)}]$`);
  return Array.from('0123456789')
    .filter((digit) => one.test(digit))
    .flatMap((digit) => expanded(pattern.slice(0, open) + digit + pattern.slice(close + 1)));
}

const IDENTIFIERS: ReadonlyMap<string, Identifier> = new Map(
  TABLE.trim()
    .split('\n')
    .flatMap((line) => {
      const [name = '', ...words] = line.split(' ');
      const parts = words.map(partOf);
      const identifier = { fixed: name.endsWith('*'), parts, most: parts.reduce((sum, { most }) => sum + most, 0) };
      return expanded(name.replace('*', '')).map((ai) => [ai, identifier] as const);
    }),
);

/** One element: the identifier and its data. */
export type Element = readonly [ai: string, data: string];

export type Elements =
  | { readonly ok: true; readonly elements: readonly Element[] }
  | { readonly ok: false; readonly reason: string };

/** Whether there is such an application identifier. */
export function isIdentifier(ai: string): boolean {
  return IDENTIFIERS.has(ai);
}

/** An element string as scanners send it, FNC1 as GS. `year`: the current one. */
export function elementsOf(text: string, year: number): Elements {
  const elements: Element[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === GS) {
      at += 1;
      continue;
    }
    const ai = [2, 3, 4].map((length) => text.slice(at, at + length)).find(isIdentifier);
    const identifier = ai === undefined ? undefined : IDENTIFIERS.get(ai);
    if (ai === undefined || identifier === undefined)
      return {
        ok: false,
        reason: `no GS1 application identifier begins with ${JSON.stringify(text.slice(at, at + 4))}`,
      };
    at += ai.length;
    const separator = text.indexOf(GS, at);
    const end = separator < 0 ? text.length : separator;
    const data = text.slice(at, identifier.fixed ? Math.min(end, at + identifier.most) : end);
    const fault = faultOf(ai, data, year);
    if (fault !== undefined) return { ok: false, reason: fault };
    elements.push([ai, data]);
    at += data.length;
  }
  return once(elements);
}

/** What is wrong with the data of an identifier; undefined: nothing. */
export function faultOf(ai: string, data: string, year: number): string | undefined {
  const parts = IDENTIFIERS.get(ai)?.parts ?? [];
  let rest = data;
  for (const part of parts) {
    if (rest === '' && part.optional) continue;
    const piece = rest.slice(0, part.most);
    rest = rest.slice(part.most);
    if (piece.length < part.least)
      return `(${ai}) has ${data.length} characters, expected ${part.least === part.most ? '' : 'at least '}${part.least}`;
    if (!CHARACTERS[part.kind]?.test(piece))
      return `(${ai}) holds characters that it may not, expected ${part.kind === 'n' ? 'digits' : 'those of GS1'}`;
    if (part.check) {
      const right = checkDigit(piece.slice(0, -1));
      if (right !== Number(piece.at(-1))) return `(${ai}) ends with the wrong check digit, expected ${right}`;
    }
    if (part.date !== undefined && dateOf(piece, year, part.date === 'day-may-miss') === undefined)
      return `(${ai}) holds no date that exists, expected YYMMDD`;
  }
  return rest === '' ? undefined : `(${ai}) has ${rest.length} characters too many`;
}

/** No identifier says two things. */
function once(elements: readonly Element[]): Elements {
  const said = new Map<string, string>();
  for (const [ai, data] of elements) {
    if ((said.get(ai) ?? data) !== data) return { ok: false, reason: `(${ai}) stands twice and says two things` };
    said.set(ai, data);
  }
  if (said.size === 0) return { ok: false, reason: 'an element string without an element' };
  return { ok: true, elements: [...said] };
}

/** `YYMMDD` -> `YYYY-MM-DD`; undefined where there is no such day. */
export function dateOf(text: string, currentYear: number, dayMayMiss = true): string | undefined {
  const [yy, month, day] = [text.slice(0, 2), text.slice(2, 4), text.slice(4, 6)].map(Number);
  if (yy === undefined || month === undefined || day === undefined) return undefined;
  const century = currentYear - (currentYear % 100);
  const difference = yy - (currentYear % 100);
  const year = century + yy + (difference >= 51 ? -100 : difference <= -50 ? 100 : 0);
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (!(month >= 1 && month <= 12) || day > last || (day === 0 && !dayMayMiss)) return undefined;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${year}-${two(month)}-${two(day === 0 ? last : day)}`;
}
