/** Which methods a path would have: the router only says 'not found', a client deserves 405 with Allow. */

export interface KnownRoute {
  readonly method: string;
  /** As declared: `/api/alerts/:id/:action`, `/in/*`. */
  readonly pattern: string;
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const found = path.split('/');
  for (const [index, part] of wanted.entries()) {
    if (part === '*') return true;
    const actual = found[index];
    if (actual === undefined) return false;
    if (part.startsWith(':') ? actual === '' : part !== actual) return false;
  }
  return wanted.length === found.length;
}

/** Sorted, each once; empty when no route has this path. */
export function allowedMethods(routes: readonly KnownRoute[], path: string): readonly string[] {
  const methods = routes.filter((route) => matches(route.pattern, path)).map((route) => route.method);
  return [...new Set(methods)].sort();
}
