// What is to be seen on a screen: an offer, or the idle picture behind it. Type is fitted to the screen, however long a
// name or a text is.
import { beside, figureOf, untilText } from './screen-words.js';

const TONES = 5;
const LEAVE_MS = 700;
const [LARGEST, BROKEN, UNBROKEN, SMALLEST, STEP] = [1.3, 0.85, 0.6, 0.4, 0.05];
/** Share of the shorter edge that a figure may take. */
const FIGURE = 0.63;
/** The text stays readable from five metres. */
const TEXT = { largest: 1.15, smallest: 0.62 };

const stage = document.getElementById('stage');
const template = document.getElementById('offer');
let shown; // the article on the stage

/** `left`: ms until the offer is over. */
export function showOffer(offer, left, language) {
  const article = template.content.firstElementChild.cloneNode(true);
  const said = (selector, text) => {
    article.querySelector(selector).textContent = text ?? '';
  };
  const figure = figureOf(offer.text);
  article.dataset.offer = offer.offer;
  article.dataset.tone = toneOf(offer.product ?? offer.text);
  article.classList.toggle('plain', figure === undefined);
  said('.figure', figure);
  said('.product', offer.product ?? offer.text);
  said('.text', offer.product === undefined ? '' : beside(offer.text, offer.product));
  said('.until', untilText(offer.until, left, language));
  leave();
  stage.append(article);
  shown = article;
  fitType(article);
  document.body.dataset.view = 'offer';
}

/** The last day begins while an offer stays. */
export function renewUntil(offer, left, language) {
  const text = untilText(offer.until, left, language);
  const until = shown?.querySelector('.until');
  if (until && until.textContent !== text) until.textContent = text;
}

export function showIdle() {
  leave();
  document.body.dataset.view = 'idle';
}

function leave() {
  const article = shown;
  shown = undefined;
  if (!article) return;
  article.classList.add('leaving');
  article.removeAttribute('data-offer');
  setTimeout(() => article.remove(), LEAVE_MS);
}

/** The same product always has the same colour. */
function toneOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 65_521;
  return sum % TONES;
}

/** The largest type with which all of it has room, and no word of the name is broken unless it would become small. */
function fitType(article) {
  const words = article.querySelector('.words');
  const figure = article.querySelector('.figure');
  const product = article.querySelector('.product');
  const set = (element, name, scale) => element.style.setProperty(name, scale);
  for (let scale = 1; scale >= SMALLEST; scale -= STEP) {
    set(figure, '--figure-scale', scale);
    if (textWidth(figure) <= Math.min(innerWidth, innerHeight) * FIGURE) break;
  }
  let widest = LARGEST;
  product.classList.remove('broken');
  for (; widest >= UNBROKEN; widest -= STEP) {
    set(product, '--product-scale', widest);
    if (product.scrollWidth <= words.clientWidth) break;
  }
  if (widest < UNBROKEN) {
    product.classList.add('broken');
    widest = BROKEN;
  }
  for (let scale = LARGEST; scale >= SMALLEST; scale -= STEP) {
    set(product, '--product-scale', Math.min(widest, scale));
    set(words, '--text-scale', Math.min(TEXT.largest, Math.max(TEXT.smallest, scale)));
    if (words.scrollHeight <= words.clientHeight) return;
  }
}

function textWidth(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().width;
}

addEventListener('resize', () => shown && fitType(shown));
document.fonts.ready.then(() => shown && fitType(shown));
