// A screen of a zone: shows the best offer with nobody identified, live, and tells the hub how long it really was to be
// seen. It goes on by itself after the hub was away; an offer that nobody has confirmed for long, or that is past its
// time, is not shown.
import { openLine } from './live.js';
import { renewUntil, showIdle, showOffer } from './screen-view.js';
import { languageOf } from './screen-words.js';

const PATIENCE = 120_000; // ms that an offer stays on without a line to the hub
const REPORT = 600_000; // ms after which it is told that an offer still stands
const SEEN = 5_000; // ms: less is no play
const TRY_AGAIN = 60_000; // ms until a report that the hub could not take goes again
const TICK = 1_000;
const MOST_UNSENT = 5;

const zone = location.pathname.split('/')[2];
const options = new URLSearchParams(location.search);
const screen = options.get('screen')?.slice(0, 64) || undefined;
const language = languageOf([options.get('lang'), ...navigator.languages]);

let version; // of the page, as the hub has it
let hubAhead; // ms: the hub's clock less performance.now()
let shown; // what is on the screen, as the hub told it
let play; // the ticket for it
let seen = 0; // ms that it was to be seen and that nobody was told of
let tickedAt = performance.now();
let wasVisible = document.visibilityState === 'visible';
let lostAt = performance.now(); // nothing while the line is up
let reporting = false;
let unsent = []; // last reports that did not get through
let triedAt = Number.NEGATIVE_INFINITY; // when one did not, by performance.now()

const left = () => Date.parse(shown.expires) - hubAhead - performance.now();

/** Time goes by: what was visible since the last look counts. A machine that slept showed nothing. */
function pass() {
  const now = performance.now();
  if (shown && wasVisible) seen += Math.min(now - tickedAt, 2 * TICK);
  tickedAt = now;
  wasVisible = document.visibilityState === 'visible';
}

/** Resolves to what the hub says; nothing when the report can never count, throws when it may be tried again. */
async function send(report) {
  const response = await fetch(`/api/screens/${zone}/played`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...report, ...(screen && { screen }) }),
    keepalive: true,
  });
  if (response.ok) return response.json();
  if (response.status >= 500) throw new Error(`the hub answered ${response.status}`);
  return undefined;
}

/** What was shown goes: its last report. */
function settle() {
  pass();
  if (play !== undefined && seen >= SEEN && !reporting) lastReport({ play, seconds: Math.floor(seen / 1000) });
  shown = undefined;
  play = undefined;
  seen = 0;
}

function lastReport(report) {
  send(report).catch(() => {
    unsent = [...unsent, report].slice(-MOST_UNSENT);
    triedAt = performance.now();
  });
}

function sendAgain() {
  for (const report of unsent.splice(0)) lastReport(report);
}

/** An offer that stays is told of from time to time. */
async function reportOn() {
  if (reporting || play === undefined) return;
  const [told, seconds] = [play, Math.floor(seen / 1000)];
  reporting = true;
  try {
    const answer = await send({ play: told, seconds });
    if (play !== told) return;
    seen -= seconds * 1000;
    play = answer?.play ?? undefined;
    // Without a ticket nothing is proven: a new line brings one.
    if (play === undefined) line.open();
  } catch {
    // It goes again later, with what comes to it.
    triedAt = performance.now();
  } finally {
    reporting = false;
  }
}

function show(next, ticket) {
  if (next?.offer === shown?.offer) {
    // A hub that has a new ticket for it knows nothing of the old one.
    if (ticket !== play) seen = 0;
    play = ticket ?? undefined;
    return;
  }
  settle();
  if (!next) {
    showIdle();
    return;
  }
  shown = next;
  if (left() <= 0) {
    shown = undefined;
    showIdle();
    return;
  }
  play = ticket ?? undefined;
  showOffer(shown, left(), language);
}

function heard({ time, show: next, play: ticket }) {
  pass();
  hubAhead = Date.parse(time) - performance.now();
  show(next, ticket);
}

function tick() {
  pass();
  const mayReport = lostAt === undefined && performance.now() - triedAt >= TRY_AGAIN;
  if (mayReport) sendAgain();
  if (!shown) return;
  const isAlone = lostAt !== undefined && performance.now() - lostAt >= PATIENCE;
  if (left() <= 0 || isAlone) {
    settle();
    showIdle();
    return;
  }
  renewUntil(shown, left(), language);
  if (mayReport && seen >= REPORT) void reportOn();
}

const line = openLine({
  // A page that comes back shows its ticket, and goes on with it.
  address: () => `/api/screens/${zone}/live${play === undefined ? '' : `?play=${play}`}`,
  hello(word) {
    lostAt = undefined;
    document.getElementById('line').dataset.line = 'live';
    sendAgain();
    heard(word);
    if (version !== undefined && version !== word.version) {
      settle();
      location.reload();
    }
    version = word.version;
  },
  news: { show: heard },
  down() {
    lostAt ??= performance.now();
    document.getElementById('line').dataset.line = 'down';
  },
});

/** Where the browser can, the display does not go to sleep. */
function stayAwake() {
  if (document.visibilityState === 'visible') navigator.wakeLock?.request('screen').catch(() => undefined);
}

document.documentElement.lang = language;
document.title = decodeURIComponent(zone);
document.addEventListener('visibilitychange', pass);
document.addEventListener('visibilitychange', stayAwake);
document.addEventListener('click', () => document.documentElement.requestFullscreen?.().catch(() => undefined));
addEventListener('pagehide', settle);
setInterval(tick, TICK);
stayAwake();
