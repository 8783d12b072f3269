// One card for each alert, changed in place, so that nothing jumps and a finger keeps its button.

const SEVERITY = { critical: 'Critical', warning: 'Warning', info: 'Note' };
const URGENCY = { critical: 0, warning: 1, info: 2 };
const ENDED = { resolved: 'Done', dismissed: 'False alarm' };

/** What a card's four places hold: the label, and the action with its body or the panel it opens. */
const PANELS = {
  open: [
    ['On my way', { action: 'acknowledge' }, 'main'],
    ['Done', { action: 'resolve' }],
    ['Later', { panel: 'later' }],
    ['False alarm', { panel: 'wrong' }],
  ],
  acknowledged: [
    ['Done', { action: 'resolve' }, 'main wide'],
    ['Later', { panel: 'later' }],
    ['False alarm', { panel: 'wrong' }],
  ],
  later: [
    ['15 minutes', { action: 'snooze', body: { minutes: 15 } }],
    ['30 minutes', { action: 'snooze', body: { minutes: 30 } }],
    ['60 minutes', { action: 'snooze', body: { minutes: 60 } }],
    ['Back', { panel: '' }, 'quiet'],
  ],
  wrong: [
    ['It is full', { action: 'dismiss', body: { reason: 'full' } }],
    ['Wrong count', { action: 'dismiss', body: { reason: 'wrong-count' } }],
    ['Other reason', { action: 'dismiss', body: { reason: 'other' } }],
    ['Back', { panel: '' }, 'quiet'],
  ],
};

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

export function ago(then, now) {
  const minutes = Math.floor((now - Date.parse(then)) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

function setTime(element, iso, now) {
  const text = ago(iso, now);
  if (element.textContent === text) return;
  element.textContent = text;
  element.dateTime = iso;
  element.title = new Date(iso).toLocaleString();
}

/** `note`: what this phone knows beyond the alert: `{by, until}`. */
function stateText({ state }, note) {
  if (state === 'acknowledged') return note?.by === undefined ? 'Somebody is on the way' : 'You are on the way';
  if (state === 'snoozed')
    return note?.until === undefined ? 'Put off for a while' : `Put off until ${clock(note.until)}`;
  return '';
}

/** A card; `act(alert, {action, body})` is called for a tap. */
export function createCard(act) {
  const root = make('li', 'card');
  const meta = make('p', 'meta');
  const severity = make('span', 'severity');
  const subject = make('span', 'subject');
  const time = make('time', '');
  meta.append(severity, subject, time);
  const title = make('h2', '');
  const detail = make('p', 'detail');
  const state = make('p', 'state');
  const buttons = make('div', 'buttons');
  root.append(meta, title, detail, state, buttons);

  let alert;
  let panel = '';
  let shown = '';
  let busy = false;

  function choose({ action, body, panel: next }) {
    if (busy) return;
    panel = next ?? '';
    if (action === undefined) fill(true);
    else act(alert, { action, body });
  }

  function fill(keepFocus) {
    const name = panel || (alert.state === 'acknowledged' ? 'acknowledged' : 'open');
    if (name === shown) return;
    shown = name;
    const focused = keepFocus || buttons.contains(document.activeElement);
    buttons.replaceChildren(
      ...PANELS[name].map(([label, choice, className = '']) => {
        const button = make('button', className, label);
        button.type = 'button';
        button.addEventListener('click', () => choose(choice));
        return button;
      }),
    );
    if (focused) buttons.firstElementChild.focus({ preventScroll: true });
  }

  function update(next, { note, pending, now }) {
    if (alert && alert.state !== next.state) panel = '';
    alert = next;
    busy = pending;
    root.dataset.id = alert.id;
    root.dataset.state = alert.state;
    root.dataset.severity = alert.severity;
    severity.textContent = SEVERITY[alert.severity];
    subject.textContent = alert.subject;
    title.textContent = alert.title;
    detail.textContent = alert.detail;
    state.textContent = stateText(alert, note);
    setTime(time, alert.raised, now);
    buttons.setAttribute('aria-label', alert.title);
    buttons.setAttribute('aria-busy', String(pending));
    fill(false);
  }

  buttons.setAttribute('role', 'group');
  return { root, update };
}

export function endedRow(alert, now) {
  const row = make('li', '');
  const time = make('time', '');
  setTime(time, alert.changed, now);
  row.append(make('span', 'what', alert.title), make('span', 'how', ENDED[alert.state]), time);
  return row;
}
