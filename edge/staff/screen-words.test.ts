import { expect, it } from 'vitest';

interface Words {
  figureOf(text: string): string | undefined;
  languageOf(wanted: readonly (string | null)[]): string;
  untilText(until: string, left: number, language: string): string;
}
const file = './web/screen-words.js';
const { figureOf, languageOf, untilText } = (await import(file)) as Words;

it.each([
  ['10 % off spring water today', '10\u00a0%'],
  ['-20% on all bread', '-20%'],
  ['Now only € 1.49', '€\u00a01.49'],
  ['Heute 1,99 €', '1,99\u00a0€'],
  ['3 für 2 auf alle Säfte', '3\u00a0für\u00a02'],
])('sets the figure of an offer large: %s', (text, figure) => {
  expect(figureOf(text)).toBe(figure);
});

it.each([
  'Up to 50 % off',
  'Bis zu 30 % sparen',
  'from € 0.99',
  '10 % off when you buy 2',
  '€ 3 for 2',
  'Fresh every morning',
  '5 kinds of apple',
  'Spring water 1 l in place of Orange soda 0.5 l: 10 % off orange soda today',
])('sets nothing large that alone could say something else: %s', (text) => {
  expect(figureOf(text)).toBeUndefined();
});

it('says until when in the language of the screen, and when it is the last day', () => {
  const days = 86_400_000;
  expect(untilText('2026-11-30', 9 * days, 'en-GB')).toBe('Until Monday 30 November');
  expect(untilText('2026-11-30', 9 * days, 'de')).toBe('Bis Montag, 30. November');
  expect(untilText('2026-11-30', 9 * days, 'fr-FR')).toBe('Jusqu’au lundi 30 novembre');
  expect(untilText('2027-11-30', 374 * days, 'en-GB')).toBe('Until 30 November 2027');
  expect(untilText('2026-11-30', 0.9 * days, 'nl')).toBe('Alleen vandaag nog');
});

it('takes the first language that it knows', () => {
  expect(languageOf([null, 'xx-YY', 'de-AT', 'en'])).toBe('de-AT');
  expect(languageOf(['constructor', 'toString'])).toBe('en');
});
