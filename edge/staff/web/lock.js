// The PIN pad: covers the page while the hub wants a PIN, and goes when the hub has taken one. Whatever is typed stays
// here until it is sent; the hub knows how long a PIN is, this page does not.

const LONGEST = 12;
const SHORTEST = 4;
const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', 'erase', '0', 'open'];
const HINT = 'Ask your manager if you do not know it.';

const PAD = `
  <svg viewBox="0 0 48 48" aria-hidden="true">
    <rect x="9" y="21" width="30" height="21" rx="5" /><path d="M16 21v-6a8 8 0 0 1 16 0v6M24 29v5" />
  </svg>
  <h2 id="lock-title">Enter the PIN</h2>
  <p id="lock-said" class="hint" role="status"></p>
  <div id="dots" class="dots" aria-hidden="true"></div>
  <p id="typed" class="unseen" aria-live="polite"></p>
  <div id="pad" class="pad"></div>`;

const $ = (id) => document.getElementById(id);

function build(place) {
  const style = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '/lock.css' });
  const styled = new Promise((resolve) => {
    style.onload = style.onerror = resolve;
  });
  document.head.append(style);
  const dialog = Object.assign(document.createElement('dialog'), { id: 'lock', className: 'lock', tabIndex: -1 });
  dialog.setAttribute('aria-labelledby', 'lock-title');
  dialog.innerHTML = PAD;
  const leave = Object.assign(document.createElement('button'), { type: 'button', className: 'quiet wide' });
  leave.textContent = 'Lock this page';
  document.body.append(dialog);
  place.append(leave);
  return { styled, leave };
}

/**
 * The button that locks the page is put into `place`. Calls `opened` when the hub has taken the PIN, `left` when
 * somebody has locked the page, `failed` with words when the hub did not hear of that. Resolves when the pad can be
 * shown.
 */
export async function createLock({ place, opened, left, failed }) {
  const { styled, leave } = build(place);
  const keys = new Map();
  let typed = '';
  let waitUntil = 0; // ms, while the hub takes no further try
  let asking = false;
  let ticking;

  function say(text, wrong = false) {
    $('lock-said').textContent = text;
    $('lock-said').classList.toggle('wrong', wrong);
  }

  function render() {
    const waits = waitUntil > Date.now();
    $('dots').replaceChildren(
      ...Array.from({ length: Math.max(SHORTEST, typed.length) }, (_, index) => {
        const dot = document.createElement('i');
        dot.classList.toggle('full', index < typed.length);
        return dot;
      }),
    );
    $('typed').textContent = typed === '' ? '' : `${typed.length} digits entered`;
    for (const key of keys.values()) key.disabled = waits || asking;
    keys.get('erase').disabled ||= typed === '';
    keys.get('open').disabled ||= typed.length < SHORTEST;
  }

  function countDown() {
    clearTimeout(ticking);
    const seconds = Math.ceil((waitUntil - Date.now()) / 1000);
    if (seconds <= 0) {
      say(HINT);
      render();
      return;
    }
    say(`Too many wrong tries. You can go on in ${seconds} s.`, true);
    render();
    ticking = setTimeout(countDown, 1000);
  }

  function refuse(text) {
    typed = '';
    say(text, true);
    $('dots').classList.remove('shake');
    void $('dots').offsetWidth; // so that the animation begins again
    $('dots').classList.add('shake');
  }

  async function send() {
    asking = true;
    render();
    try {
      const response = await fetch('/api/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ pin: typed }),
        signal: AbortSignal.timeout(10_000),
      });
      if (response.ok) {
        hide();
        opened();
      } else if (response.status === 429) {
        typed = '';
        waitUntil = Date.now() + Number(response.headers.get('retry-after') ?? 60) * 1000;
        countDown();
      } else if (response.status === 401) refuse('That is not the PIN. Please try again.');
      else refuse(`The hub did not take it (${response.status}).`);
    } catch {
      say('No answer from the hub. Please try again.', true);
    } finally {
      asking = false;
      render();
    }
  }

  function press(key) {
    if (keys.get(key)?.disabled) return;
    if (key === 'open') {
      void send();
      return;
    }
    if (key === 'erase') typed = typed.slice(0, -1);
    else if (typed.length < LONGEST) typed += key;
    if (waitUntil <= Date.now()) say(HINT);
    render();
  }

  function hide() {
    typed = '';
    $('lock').close();
  }

  for (const name of KEYS) {
    const key = document.createElement('button');
    key.type = 'button';
    key.dataset.key = name;
    key.textContent = name === 'erase' ? '⌫' : name === 'open' ? 'Open' : name;
    if (name === 'erase') key.ariaLabel = 'Erase the last digit';
    if (name === 'open') key.classList.add('main');
    key.addEventListener('click', () => press(name));
    keys.set(name, key);
  }
  $('pad').replaceChildren(...keys.values());
  $('lock').addEventListener('cancel', (event) => event.preventDefault());
  // On the document: a button that is switched off loses the focus, and the keys with it.
  document.addEventListener('keydown', (event) => {
    if (!$('lock').open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' && event.target.dataset?.key !== undefined) return; // that button's own
    const name = { Backspace: 'erase', Enter: 'open' }[event.key] ?? event.key;
    if (!keys.has(name)) return;
    event.preventDefault();
    press(name);
  });

  leave.addEventListener('click', async () => {
    try {
      await fetch('/api/session', { method: 'DELETE', signal: AbortSignal.timeout(10_000) });
      left();
    } catch {
      failed('No answer from the hub. Please try again.');
    }
  });

  await styled;
  return {
    show() {
      if ($('lock').open) return;
      typed = '';
      say(HINT);
      render();
      $('lock').showModal();
      $('lock').focus();
    },
  };
}
