// The page of offers: how each campaign does, why there was no offer, and what is worth a look. It asks the hub again
// each 30 s while somebody looks at it.
import { campaignCard, flagRow, reasonRows, told as toldAt, withoutConsent } from './offers-parts.js';

const AGAIN = 30_000; // ms
const ORDER = ['running', 'used up', 'ended', 'planned', 'removed'];

const $ = (id) => document.getElementById(id);
let shown = ''; // the report as it stands on the page
let told; // ms, when the hub last answered
let timeZone; // the store's; nothing before the first report
let timer;
let asking = false;
let lock; // the PIN pad
let locked = false;

const clock = (ms) => toldAt(new Date(ms), { hour: '2-digit', minute: '2-digit', hour12: false }, timeZone);

function showLine(line) {
  $('line').dataset.line = line;
  $('line').textContent =
    line === 'live'
      ? `As of ${clock(told)}`
      : told === undefined
        ? 'No connection'
        : `No connection since ${clock(told)}`;
}

function render({ campaigns, none, flags }) {
  const text = JSON.stringify([campaigns, none, flags]);
  $('campaigns').setAttribute('aria-busy', 'false');
  if (text === shown) return;
  shown = text;
  const sorted = campaigns.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  $('campaigns').replaceChildren(...sorted.map(campaignCard));
  $('empty').hidden = campaigns.length > 0;
  $('help').hidden = campaigns.length === 0;
  $('none').hidden = none.length === 0;
  $('reasons').replaceChildren(...reasonRows(none));
  $('unasked').textContent = withoutConsent(none);
  const unfolded = new Set([...document.querySelectorAll('#flags [open]')].map(({ dataset }) => dataset.key));
  $('flagged').hidden = flags.length === 0;
  $('flags').replaceChildren(
    ...flags.map((flag) => {
      const key = `${flag.time} ${flag.text}`;
      return flagRow(flag, key, unfolded.has(key), timeZone);
    }),
  );
}

async function ask() {
  clearTimeout(timer);
  if (asking || locked || document.hidden) return;
  asking = true;
  try {
    const response = await fetch('/api/offers', { signal: AbortSignal.timeout(10_000) });
    if (response.status === 401) {
      lockPage();
      return;
    }
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const report = await response.json();
    if (locked) return;
    told = Date.now();
    timeZone = report.timezone;
    render(report);
    showLine('live');
  } catch {
    showLine('down');
  } finally {
    asking = false;
    if (!locked) timer = setTimeout(ask, AGAIN);
  }
}

function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('up');
  setTimeout(() => $('toast').classList.remove('up'), 6000);
}

/** Only where a hub asks for a PIN. */
function getLock() {
  lock ??= import('./lock.js').then(({ createLock }) =>
    createLock({
      place: $('foot'),
      opened() {
        locked = false;
        localStorage.setItem('pin', 'asked');
        void ask();
      },
      left: lockPage,
      failed: toast,
    }),
  );
  return lock;
}

/** The hub wants a PIN: nothing of the shop stays on the screen. */
function lockPage() {
  locked = true;
  clearTimeout(timer);
  shown = '';
  for (const id of ['campaigns', 'reasons', 'unasked', 'flags']) $(id).replaceChildren();
  for (const id of ['empty', 'none', 'flagged', 'help']) $(id).hidden = true;
  getLock().then(
    (pad) => pad.show(),
    () => {
      // The pad could not be fetched: the next question to the hub leads here again.
      locked = false;
      lock = undefined;
      timer = setTimeout(ask, AGAIN / 10);
    },
  );
}

$('toast').addEventListener('click', () => $('toast').classList.remove('up'));
document.addEventListener('visibilitychange', ask);
addEventListener('online', ask);
if (localStorage.getItem('pin')) getLock().catch(() => {});
void ask();
