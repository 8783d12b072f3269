// One card for each alert, changed in place: nothing jumps, a finger keeps its button.

const SEVERITY = { critical: 'Critical', warning: 'Warning', info: 'Note' };
const URGENCY = { critical: 0, warning: 1, info: 2 };
const ENDED = { resolved: 'Done', dismissed: 'False alarm' };

/**
 * A card's four places: the label, what a tap does (an action with its body, or a panel to open), the look. Every
 * panel fills all four, and a state is told in the place of the button that led to it.
 */
const WRONG = ['False alarm', { panel: 'wrong' }];
const LATER = ['Later', { panel: 'later' }];
const PANELS = {
  open: () => [['On my way', { action: 'acknowledge' }, 'main'], ['Done', { action: 'resolve' }], LATER, WRONG],
  acknowledged: (mine) => [
    [mine ? 'You are on the way' : 'Somebody is on the way', undefined, 'told'],
    ['Done', { action: 'resolve' }, 'main'],
    LATER,
    WRONG,
  ],
  snoozed: (mine) => [
    ['On my way', { action: 'acknowledge' }],
    ['Done', { action: 'resolve' }],
    [mine?.until ? `Put off until ${clock(mine.until)}` : 'Put off for a while', undefined, 'told'],
    WRONG,
  ],
  later: () => [snooze(15), snooze(30), snooze(60), BACK],
  wrong: (_mine, { rule }) =>
    rule === 'shelf-gap'
      ? [dismiss('It is full', 'full'), dismiss('Wrong count', 'wrong-count'), dismiss('Other reason', 'other'), BACK]
      : [dismiss('It is fine', 'other'), NOTHING, NOTHING, BACK],
};
const BACK = ['Back', { panel: '' }, 'quiet'];
const NOTHING = ['', undefined, 'told'];
const snooze = (minutes) => [`In ${minutes} min`, { action: 'snooze', body: { minutes } }];
const dismiss = (label, reason) => [label, { action: 'dismiss', body: { reason } }];

export const hasEnded = (alert) => alert.state in ENDED;

/** Snoozed ones last, then by severity, then who waits longest. What somebody is on the way to keeps its place. */
export function byUrgency(a, b) {
  return (
    (a.state === 'snoozed') - (b.state === 'snoozed') ||
    URGENCY[a.severity] - URGENCY[b.severity] ||
    Date.parse(a.raised) - Date.parse(b.raised) ||
    (a.id < b.id ? -1 : 1)
  );
}

function make(tag, className, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function ago(then, now) {
  const minutes = Math.floor((now - Date.parse(then)) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

function setTime(element, iso, now) {
  const text = ago(iso, now);
  if (element.textContent === text) return;
  element.textContent = text;
  element.dateTime = iso;
  element.title = new Date(iso).toLocaleString();
}

function place([label, choice, look = ''], choose) {
  if (choice === undefined) return make('p', look, label);
  const button = make('button', look, label);
  button.type = 'button';
  button.addEventListener('click', () => choose(choice));
  return button;
}

/**
 * A card. `act(alert, {action, body})` is called for a tap. `update(alert, {own, pending, now})`: `own` is what
 * this phone knows of the state because it asked for it, `{until}`. `rest(ms)`: taps meant for what stood here before are not taken.
 */
export function createCard(act) {
  const root = make('li', 'card');
  const meta = make('p', 'meta');
  const severity = make('span', 'severity');
  const subject = make('span', 'subject');
  const time = make('time', '');
  meta.append(severity, subject, time);
  const title = make('h2', '');
  const detail = make('p', 'detail');
  const buttons = make('div', 'buttons');
  buttons.setAttribute('role', 'group');
  root.append(meta, title, detail, buttons);

  let alert;
  let mine;
  let busy = false;
  let panel = '';
  let shown = '';
  let restUntil = 0;

  function choose(choice) {
    if (busy || performance.now() < restUntil) return;
    panel = choice.panel ?? '';
    if (choice.action === undefined) fill();
    else act(alert, choice);
  }

  function fill() {
    const places = PANELS[panel || alert.state](mine, alert);
    const labels = places.join();
    if (labels === shown) return;
    shown = labels;
    const focused = buttons.contains(document.activeElement);
    buttons.replaceChildren(...places.map((one) => place(one, choose)));
    if (focused) buttons.querySelector('button').focus({ preventScroll: true });
  }

  function update(next, { own, pending, now }) {
    if (alert && alert.state !== next.state) panel = '';
    alert = next;
    mine = own;
    busy = pending;
    root.dataset.id = alert.id;
    root.dataset.state = alert.state;
    root.dataset.severity = alert.severity;
    severity.textContent = SEVERITY[alert.severity];
    subject.textContent = alert.subject;
    title.textContent = alert.title;
    detail.textContent = alert.detail;
    setTime(time, alert.raised, now);
    buttons.setAttribute('aria-label', alert.title);
    fill();
  }

  function rest(ms) {
    restUntil = performance.now() + ms;
  }

  return { root, update, rest };
}

export function endedRow(alert, now) {
  const row = make('li', '');
  const time = make('time', '');
  setTime(time, alert.changed, now);
  row.append(make('span', 'what', alert.title), make('span', 'how', ENDED[alert.state]), time);
  return row;
}
