// What a screen says beside the offer's own text, in the language of `?lang=` or of the browser. And the part of a text
// that may be set large.

const WORDS = {
  en: { until: (day) => `Until ${day}`, today: 'Last day today' },
  de: { until: (day) => `Bis ${day}`, today: 'Nur noch heute' },
  es: { until: (day) => `Hasta el ${day}`, today: 'Último día: hoy' },
  fr: { until: (day) => `Jusqu’au ${day}`, today: 'Dernier jour aujourd’hui' },
  it: { until: (day) => `Fino a ${day}`, today: 'Ultimo giorno: oggi' },
  nl: { until: (day) => `T/m ${day}`, today: 'Alleen vandaag nog' },
};

/** A language tag that can be spoken here. */
export function languageOf(wanted) {
  return wanted.find((tag) => Object.hasOwn(WORDS, tag?.toLowerCase().split('-')[0] ?? '')) ?? 'en';
}

/** `until` is the last calendar day in the store, `left` the ms until it is over. */
export function untilText(until, left, language) {
  const words = WORDS[language.toLowerCase().split('-')[0]];
  const date = new Date(`${until}T00:00:00Z`);
  if (left <= 86_400_000) return words.today;
  const far = left > 300 * 86_400_000 ? { year: 'numeric' } : { weekday: 'long' };
  const format = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long', ...far, timeZone: 'UTC' });
  return words.until(format.format(date));
}

const NUMBER = /\d+(?:[.,]\d+)?/g;
const SEVERAL = /\b\d+\s?(?:for|für|pour|voor|por|per|x)\s?\d+\b/i;
const MONEY = /[€$£]|zł|\b(?:kr|CHF|EUR)\b/;
const PERCENT = /(?:[-–−]\s?)?\d+(?:[.,]\d+)?\s?%/;
const PRICE = /(?:[€$£]\s?\d+(?:[.,]\d\d)?)|(?:\d+(?:[.,]\d\d)?\s?(?:€|zł|kr\b|CHF\b|EUR\b))/;
/** Less may be meant: then it must not be set large alone. */
const AT_MOST = /up to|bis zu|jusqu|hasta|fino a|tot\b|from\b|ab\b|à partir|desde|vanaf/i;

/** The one figure that the offer is about, such as `10 %`; nothing where setting it alone could say something else. */
export function figureOf(text) {
  // In place of another product: the figure was said of that one.
  if (AT_MOST.test(text) || / in place of .+: /.test(text)) return undefined;
  const numbers = text.match(NUMBER)?.length ?? 0;
  let found = null;
  if (numbers === 1) found = text.match(PERCENT) ?? text.match(PRICE);
  if (numbers === 2 && !MONEY.test(text)) found = text.match(SEVERAL);
  return found?.[0].replace(/\s+/g, '\u00a0');
}

/** The text as it follows the product's name, with numbers and their units kept together. */
export function beside(text, product) {
  const said = text.startsWith(`${product} in place of `) ? text.slice(product.length + 1) : text;
  return said.replace(/(\d) (?=[^\s\d]{1,2}(?:[\s.,:;)]|$))/g, '$1\u00a0');
}
