// The staff page: what is open in this shop, live. The hub's word is the truth; a tap shows at once and is taken back
// when the hub does not confirm it.
import { byUrgency, clock, createCard, endedRow, hasEnded } from './cards.js';
import { openLine } from './live.js';

const $ = (id) => document.getElementById(id);
const SLIDE = 280; // ms
const STATE_AFTER = { acknowledge: 'acknowledged', snooze: 'snoozed', dismiss: 'dismissed', resolve: 'resolved' };

const alerts = new Map(); // id -> alert, as the hub tells it
const wished = new Map(); // id -> state that a tap asked for and the hub has not confirmed yet
const asked = new Map(); // id -> {state, until}: what this phone did last
const cards = new Map(); // id -> card
let missed; // changes heard while the list was being fetched
let hubAhead = 0; // ms that the hub's clock is ahead of ours
let loaded = false;
let hub = '';
let lost; // ms, when the line was lost
let toastTimer;
let line; // to the hub
let lock; // the PIN pad
let locked = false;

const hubNow = () => Date.now() + hubAhead;
const myName = () => localStorage.getItem('name') ?? '';

function shown() {
  return [...alerts.values()].map((alert) => {
    const state = wished.get(alert.id);
    return state === undefined ? alert : { ...alert, state };
  });
}

/** Cards slide to their new places, so that an eye can follow; meanwhile they take no tap. */
function slide(before) {
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  for (const { root, rest } of cards.values()) {
    const from = before.get(root);
    const distance = from === undefined ? 0 : from - root.getBoundingClientRect().top;
    if (Math.abs(distance) < 2) continue;
    rest(SLIDE);
    if (calm) continue;
    root.animate([{ transform: `translateY(${distance}px)` }, { transform: 'none' }], {
      duration: SLIDE,
      easing: 'ease-out',
    });
  }
}

function renderOpen(open) {
  const before = new Map([...cards.values()].map(({ root }) => [root, root.getBoundingClientRect().top]));
  const ids = new Set(open.map((alert) => alert.id));
  for (const [id, card] of cards) {
    if (ids.has(id)) continue;
    card.root.remove();
    cards.delete(id);
  }
  let place = $('alerts').firstElementChild;
  for (const alert of open) {
    let card = cards.get(alert.id);
    if (!card) {
      card = createCard(act);
      cards.set(alert.id, card);
    }
    const last = asked.get(alert.id);
    const own = last?.state === alert.state ? last : undefined;
    card.update(alert, { own, pending: wished.has(alert.id), now: hubNow() });
    if (card.root === place) place = place.nextElementSibling;
    else $('alerts').insertBefore(card.root, place);
  }
  slide(before);
}

function render() {
  if (!loaded) return;
  const all = shown();
  const open = all.filter((alert) => !hasEnded(alert)).sort(byUrgency);
  const ended = all.filter(hasEnded).sort((a, b) => Date.parse(b.changed) - Date.parse(a.changed));
  const calling = open.filter((alert) => alert.state === 'open').length;
  renderOpen(open);
  $('alerts').setAttribute('aria-busy', 'false');
  $('empty').hidden = open.length > 0;
  $('count').hidden = open.length === 0;
  $('count').textContent = String(open.length);
  document.title = calling === 0 ? 'Alerts' : `(${calling}) Alerts`;
  $('ended').hidden = ended.length === 0;
  $('ended-count').textContent = String(ended.length);
  $('ended-list').replaceChildren(...ended.map((alert) => endedRow(alert, hubNow())));
}

function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('up');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('toast').classList.remove('up'), 6000);
}

function heardOf(alert) {
  missed?.push(alert);
  const before = alerts.get(alert.id);
  alerts.set(alert.id, alert);
  if (alert.state === 'open' && before?.state !== 'open') $('news').textContent = `New alert: ${alert.title}`;
  else if (hasEnded(alert) && before && !hasEnded(before)) $('news').textContent = `Ended: ${alert.title}`;
  render();
}

async function fetchList() {
  const since = [];
  missed = since;
  const response = await fetch('/api/alerts?state=all', { signal: AbortSignal.timeout(10_000) });
  if (response.status === 401) lockPage();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const list = await response.json();
  if (missed === since) missed = undefined;
  else if (loaded) return; // a later fetch is under way, and knows more
  alerts.clear();
  for (const alert of [...list, ...since]) alerts.set(alert.id, alert);
  loaded = true;
  render();
}

async function send(alert, action, body) {
  const by = myName();
  const response = await fetch(`/api/alerts/${encodeURIComponent(alert.id)}/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, ...(by && { by }) }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) {
    lockPage();
    throw new Error('This page was locked before the hub took it.');
  }
  if (response.status === 409 && answer.alert) {
    alerts.set(alert.id, answer.alert);
    throw new Error('Somebody has ended this alert already.');
  }
  throw new Error(`The hub did not take it: ${answer.detail ?? response.status}.`);
}

async function act(alert, { action, body = {} }) {
  const state = STATE_AFTER[action];
  const before = alerts.get(alert.id);
  wished.set(alert.id, state);
  asked.set(alert.id, { state, until: body.minutes && Date.now() + body.minutes * 60_000 });
  render();
  try {
    const changed = await send(alert, action, body);
    // The stream may have told of something later in the meantime.
    if (alerts.get(alert.id) === before) alerts.set(alert.id, changed);
  } catch (error) {
    asked.delete(alert.id);
    const offline = error instanceof TypeError || error.name === 'TimeoutError';
    toast(offline ? 'No answer from the hub. Please try again.' : error.message);
  } finally {
    wished.delete(alert.id);
    render();
  }
}

function showLine(line) {
  const text =
    line === 'live' ? `Live · ${hub}` : lost === undefined ? 'No connection' : `No connection since ${clock(lost)}`;
  $('line').dataset.line = line;
  if ($('line').textContent !== text) $('line').textContent = text;
}

function showName() {
  $('me').textContent = myName() || 'Your name';
}

$('me').addEventListener('click', () => {
  $('name').value = myName();
  $('who').showModal();
});
$('who-cancel').addEventListener('click', () => $('who').close());
$('who-form').addEventListener('submit', (event) => {
  event.preventDefault();
  localStorage.setItem('name', $('name').value.trim());
  showName();
  $('who').close();
});

/** Only where a hub asks for a PIN. */
function getLock() {
  lock ??= import('./lock.js').then(({ createLock }) =>
    createLock({
      place: $('who-form'),
      opened() {
        locked = false;
        localStorage.setItem('pin', 'asked');
        lost = undefined;
        line.open();
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
  line.close();
  alerts.clear();
  loaded = false;
  for (const card of cards.values()) card.root.remove();
  cards.clear();
  for (const id of ['ended-list', 'news']) $(id).textContent = '';
  for (const id of ['count', 'empty', 'ended']) $(id).hidden = true;
  document.title = 'Alerts';
  $('who').close();
  getLock().then(
    (pad) => pad.show(),
    () => {
      // The pad could not be fetched: the next try of the line leads here again.
      locked = false;
      lock = undefined;
      line.open();
    },
  );
}

$('toast').addEventListener('click', () => $('toast').classList.remove('up'));

showName();
setInterval(render, 20_000);
line = openLine({
  hello(word) {
    hub = word.hub;
    hubAhead = Date.parse(word.time) - Date.now();
    fetchList().then(
      () => {
        lost = undefined;
        showLine('live');
      },
      () => showLine('down'),
    );
  },
  news: { alerts: heardOf },
  down() {
    if (loaded) lost ??= Date.now();
    showLine('down');
    // The stream does not tell why it ended; this does, when it was for want of the PIN.
    if (!locked) fetchList().catch(() => {});
    if (localStorage.getItem('pin')) getLock().catch(() => {});
  },
});
fetchList().catch(() => {});
if (localStorage.getItem('pin')) getLock().catch(() => {});
