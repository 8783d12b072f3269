// The line to the hub: server-sent events, opened again by ourselves: a browser gives up on some errors and
// does not notice a line that died without a word. The hub speaks every 15 s.

const SILENCE = 40_000;

/** Calls `hello` when the line is up, `news[event]` for news, `down` when it is lost. Returns how to end and begin it. */
export function openLine({ address = () => '/api/live', hello, news, down }) {
  let source;
  let watch;
  let retry;
  let failures = 0;
  let closed = false;

  function lost() {
    if (closed) return;
    source.close();
    clearTimeout(watch);
    clearTimeout(retry);
    down();
    failures += 1;
    retry = setTimeout(open, Math.min(8000, 500 * 2 ** failures) * (0.75 + Math.random() / 2));
  }

  function close() {
    closed = true;
    source.close();
    clearTimeout(watch);
    clearTimeout(retry);
  }

  function heard() {
    clearTimeout(watch);
    watch = setTimeout(lost, SILENCE);
  }

  function open() {
    closed = false;
    clearTimeout(retry);
    source?.close();
    source = new EventSource(address());
    heard();
    source.addEventListener('ping', heard);
    source.addEventListener('hello', (event) => {
      failures = 0;
      heard();
      hello(JSON.parse(event.data));
    });
    for (const name in news)
      source.addEventListener(name, (event) => {
        heard();
        news[name](JSON.parse(event.data));
      });
    source.onerror = lost;
  }

  function wake() {
    if (document.visibilityState === 'visible') retryNow();
  }

  function retryNow() {
    if (!closed) open();
  }

  // A phone that was asleep missed everything; one that finds its network again need not wait.
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', retryNow);
  addEventListener('offline', lost);
  open();
  return { close, open };
}
