/** Topic filters (MQTT 3.1.1, section 4.7) as text: `+` stands for one level, `#` for any number of them at the end. */

/** What is wrong with a filter by its form; undefined: nothing. */
export function wrongFilter(filter: string): string | undefined {
  const levels = filter.split('/');
  for (const [at, level] of levels.entries()) {
    if (level === '#' ? at < levels.length - 1 : level !== '+' && /[+#]/.test(level))
      return level === '#' ? '# may only be the last level' : '+ and # stand for whole levels';
  }
  return filter.includes('\0') ? 'a topic has no character U+0000' : undefined;
}

/** Whether every topic that `other` matches is matched by `filter`, too. */
export function covers(filter: string, other: string): boolean {
  const wanted = filter.split('/');
  const levels = other.split('/');
  for (const [at, want] of wanted.entries()) {
    if (want === '#') return true;
    const level = levels[at];
    if (level === undefined || level === '#' || (want !== '+' && want !== level)) return false;
  }
  return wanted.length === levels.length;
}

/** Whether a filter matches a topic. */
export function matchesFilter(filter: string, topic: string): boolean {
  return !(topic.startsWith('$') && /^[+#]/.test(filter)) && covers(filter, topic);
}
