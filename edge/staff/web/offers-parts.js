// What the page of offers is made of: a card for each campaign, a row for each reason, a row for each flag.

const STATES = { running: 'Running', planned: 'Planned', ended: 'Ended', 'used up': 'Used up', removed: 'Removed' };
const REASONS = {
  'no-stock': 'The product was not on the shelf',
  'none-running': 'No campaign ran for that zone',
  'used-up': 'Capped: nothing was left of the budget or the quantity',
  'per-shopper': 'Capped: the shopper had as many as are allowed',
  'open-offer': 'Capped: the shopper still had an open offer',
  excluded: 'Capped: the shopper had an offer of a campaign that this one excludes',
  'hold-out': 'Held out on purpose, for comparison',
};
const FLAGS = {
  'replayed-code': 'Code used again',
  'guessed-code': 'Codes guessed',
  'other-store': 'Code of another store',
  'impossible-movement': 'In two places at once',
  'many-identities': 'Many shoppers on one device',
  'same-operator': 'Same person at the till',
  'works-here': 'Here all day',
};
const MOST_PLACES = 3;
const SVG = 'http://www.w3.org/2000/svg';

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function draw(tag, attributes, text = '') {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

const number = (count) => count.toLocaleString();
const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
const percent = (share) => `${Math.min(100, Math.max(0, share * 100)).toFixed(3)}%`;

/** Of 100 shoppers: whole ones, below ten with one decimal. */
function ofHundred(share) {
  const count = Math.abs(share * 100);
  return (count < 10 ? Math.round(count * 10) / 10 : Math.round(count)).toLocaleString();
}

function day(text) {
  const [year, month, date] = text.split('-').map(Number);
  const sameYear = year === new Date().getFullYear();
  const parts = { day: 'numeric', month: 'short', ...(!sameYear && { year: 'numeric' }) };
  return new Date(year, month - 1, date).toLocaleDateString([], parts);
}

function days({ state, from, until }) {
  if (state === 'planned') return `from ${day(from)}`;
  return state === 'ended' ? `until ${day(until)}` : `to ${day(until)}`;
}

/** What is told of the effect in one sentence: whether more bought, and whether that may be chance. */
export function verdict({ lift, held_out, treated }) {
  if (lift === null) {
    if (held_out === undefined)
      return ['none', 'Whether it works is not known', 'No shoppers are held out to compare with.'];
    return ['none', 'Not enough shoppers yet', treated.shoppers === 0 ? '' : 'Nobody was held out so far.'];
  }
  const { difference, low, high } = lift;
  const side = (share) => (share < 0 ? 'fewer' : 'more');
  const range =
    low < 0 && high > 0
      ? `${ofHundred(low)} fewer to ${ofHundred(high)} more`
      : low >= 0
        ? `${ofHundred(low)} to ${ofHundred(high)}`
        : `${ofHundred(high)} to ${ofHundred(low)}`;
  const said = `Of 100 shoppers with the offer ${ofHundred(difference)} ${side(difference)} bought (${range})`;
  if (low > 0) return ['more', said, 'More than chance.'];
  if (high < 0) return ['fewer', said, 'More than chance: the offer seems to do harm.'];
  return ['unclear', said, 'This may be chance. It gets clearer with more shoppers.'];
}

/** Both groups as bars, their tracks are all shoppers; on the upper one the range of the lift, set upon the share of those held out. */
function compare({ treated, holdout, lift }) {
  const [share, anyway] = [treated, holdout].map(({ shoppers, buyers }) => (shoppers > 0 ? buyers / shoppers : 0));
  const low = Math.max(0, anyway + (lift?.low ?? 0));
  const high = Math.min(1, anyway + (lift?.high ?? 0));
  const words = (share) => `${ofHundred(share)} %`;
  const alone = holdout.shoppers === 0;
  const svg = draw('svg', { class: 'compare', role: 'img', height: alone ? 42 : 80 });
  const beside = alone ? '' : `, held out ${words(anyway)}`;
  svg.append(draw('title', {}, `With the offer ${words(share)} bought${beside}`));
  const bar = (kind, y, value, group, textY, label) => {
    svg.append(
      draw('rect', { class: 'track', x: 0, y, width: '100%', height: 16, rx: 4 }),
      draw('rect', { class: kind, x: 0, y, width: percent(value), height: 16, rx: 4 }),
      draw('text', { x: 0, y: textY }, `${label} ${number(group.buyers)} of ${number(group.shoppers)} bought`),
      draw('text', { class: 'share', x: '100%', y: textY, 'text-anchor': 'end' }, words(value)),
    );
  };
  bar('treated', 20, share, treated, 12, 'With the offer');
  if (alone) return svg;
  bar('holdout', 42, anyway, holdout, 75, 'Held out');
  if (lift === null) return svg;
  const line = (kind, x1, y1, x2, y2) => svg.append(draw('line', { class: kind, x1, y1, x2, y2 }));
  line('anyway', percent(anyway), 17, percent(anyway), 61);
  for (const kind of ['halo', 'range']) {
    line(kind, percent(low), 28, percent(high), 28);
    for (const end of [low, high]) line(kind, percent(end), 23, percent(end), 33);
  }
  return svg;
}

/** A thin bar of a row; `share` of its track. */
function thinBar(share) {
  const svg = draw('svg', { 'aria-hidden': 'true' });
  svg.append(
    draw('rect', { class: 'track', width: '100%', height: '100%', rx: 4 }),
    draw('rect', { width: percent(share), height: '100%', rx: 4 }),
  );
  return svg;
}

/** Each against its limit where it has one, else as a funnel: of the offers that were made. */
function steps({ made, seen, redeemed, budget, quantity }) {
  const most = Math.max(1, made, seen, redeemed);
  const row = (label, count, limit) => {
    const figure = make('span', 'figure', number(count));
    if (limit !== undefined) figure.append(make('small', '', ` of ${number(limit)}`));
    return make('li', '', make('span', '', label), thinBar(count / (limit ?? most)), figure);
  };
  return make('ul', 'steps', row('Made', made, budget), row('Seen', seen), row('Redeemed', redeemed, quantity));
}

export function campaignCard(campaign) {
  const { state, zone, text, made, played, open, withdrawn, no_shelf } = campaign;
  const card = make('article', 'card campaign');
  card.dataset.state = state;
  card.dataset.campaign = campaign.campaign;
  const meta = make('p', 'meta', make('span', 'state', STATES[state]), make('span', '', zone));
  if (state !== 'removed') meta.append(make('time', '', days(campaign)));
  card.append(meta, make('h2', '', text || campaign.campaign));
  card.append(make('p', 'detail', state === 'removed' ? 'No longer in the configuration' : campaign.campaign));
  if (no_shelf) card.append(make('p', 'ghost', 'Never offered: no shelf in this zone has the product.'));
  const shoppers = campaign.treated.shoppers + campaign.holdout.shoppers;
  if ((state === 'planned' || no_shelf) && made + shoppers === 0) return card;
  const [is, said, remark] = verdict(campaign);
  const sentence = make('p', 'verdict', said);
  sentence.dataset.is = is;
  if (remark) sentence.append(make('span', '', remark));
  card.append(sentence);
  if (shoppers > 0) card.append(compare(campaign));
  card.append(steps(campaign));
  const notes = [
    open > 0 && counted(open, 'stands now', 'stand now'),
    played > 0 && `played ${counted(played, 'time', 'times')} on screens`,
    withdrawn > 0 && `${number(withdrawn)} withdrawn`,
  ].filter(Boolean);
  card.append(make('p', 'note', notes.join(' · ')));
  return card;
}

const sum = (moments) => moments.reduce((total, { count }) => total + count, 0);

/** Where it was: by campaign, or by zone where none is meant. */
function places(moments) {
  const counts = new Map();
  for (const { campaign, zone, count } of moments) {
    const name = campaign ?? (zone || 'other zones');
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, MOST_PLACES).map(([name, count]) => `${name} ${number(count)}`);
  return [...named, ...(sorted.length > MOST_PLACES ? ['…'] : [])].join(' · ');
}

/** Moments without an offer, by reason, the most frequent first. */
export function reasonRows(none) {
  const rows = Object.entries(REASONS)
    .map(([reason, words]) => [words, none.filter((moment) => moment.reason === reason)])
    .filter(([, moments]) => moments.length > 0)
    .sort(([, a], [, b]) => sum(b) - sum(a));
  const most = Math.max(1, ...rows.map(([, moments]) => sum(moments)));
  return rows.map(([words, moments]) =>
    make(
      'li',
      '',
      make('span', '', words),
      make('span', 'figure', number(sum(moments))),
      thinBar(sum(moments) / most),
      make('span', 'places', places(moments)),
    ),
  );
}

/** Shoppers without consent are not asked why: only their sightings are counted, which are many more than moments. */
export function withoutConsent(none) {
  const sightings = sum(none.filter(({ reason }) => reason === 'no-consent'));
  return sightings === 0
    ? ''
    : `Besides, ${counted(sightings, 'sighting', 'sightings')} of shoppers who have not consented.`;
}

/** Lists of several things, and what has names, get a line each. */
function words(value) {
  if (Array.isArray(value)) return value.map(words).join(value.some((one) => typeof one === 'object') ? '\n' : ', ');
  if (typeof value !== 'object' || value === null) return String(value);
  const named = Object.entries(value).map(([name, inner]) => `${name.replaceAll('_', ' ')}: ${words(inner)}`);
  return named.join(', ');
}

function stamp(time, timeZone) {
  const element = make('time', '', told(new Date(time), { dateStyle: 'medium', timeStyle: 'short' }, timeZone));
  element.dateTime = time;
  return element;
}

/** A time in the store's zone; in the reader's own where the browser does not know that zone. */
export function told(date, format, timeZone) {
  try {
    return date.toLocaleString([], { ...format, timeZone });
  } catch {
    return date.toLocaleString([], format);
  }
}

/** `isOpen`: whether its evidence is unfolded. `timeZone`: the store's. */
export function flagRow(flag, key, isOpen, timeZone) {
  const { reason, text, time, shopper, device, campaign, offer, evidence } = flag;
  const list = make('dl', '');
  for (const [name, value] of Object.entries({ campaign, device, shopper, offer, ...evidence })) {
    if (value !== undefined) list.append(make('dt', '', name.replaceAll('_', ' ')), make('dd', '', words(value)));
  }
  const details = make('details', '', make('summary', '', 'Evidence'), list);
  details.open = isOpen;
  details.dataset.key = key;
  return make(
    'li',
    '',
    make('p', 'meta', make('span', '', FLAGS[reason] ?? reason), stamp(time, timeZone)),
    make('p', '', text),
    details,
  );
}
