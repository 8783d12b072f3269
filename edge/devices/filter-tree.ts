/**
 * Which subscriptions a topic matches (MQTT 3.1.1, section 4.7): a tree with one node for each level of the filters.
 * `+` stands for one level, `#` for any number of them, the parent included; a wildcard at the first level matches no
 * topic that begins with `$`.
 */
interface Node<Holder> {
  readonly children: Map<string, Node<Holder>>;
  /** Who holds the filter that ends here, and with which quality of service. */
  readonly holders: Map<Holder, number>;
}

export class FilterTree<Holder> {
  readonly #root: Node<Holder> = newNode();

  add(filter: string, holder: Holder, qos: number): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let next = node.children.get(level);
      if (next === undefined) {
        next = newNode();
        node.children.set(level, next);
      }
      node = next;
    }
    node.holders.set(holder, qos);
  }

  remove(filter: string, holder: Holder): void {
    const levels = filter.split('/');
    const path = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.children.get(level);
      if (next === undefined) return;
      path.push(next);
    }
    path.at(-1)?.holders.delete(holder);
    for (let at = levels.length; at > 0; at -= 1) {
      const node = path[at];
      if (node === undefined || node.holders.size > 0 || node.children.size > 0) return;
      path[at - 1]?.children.delete(levels[at - 1] ?? '');
    }
  }

  /** Everybody with a filter that matches, once, with the highest quality of service among them. */
  match(topic: string): ReadonlyMap<Holder, number> {
    const found = new Map<Holder, number>();
    this.#walk(this.#root, topic.split('/'), 0, found);
    return found;
  }

  #walk(node: Node<Holder>, levels: readonly string[], at: number, found: Map<Holder, number>): void {
    const wild = at > 0 || levels[0]?.startsWith('$') !== true;
    if (wild) collect(node.children.get('#'), found);
    const level = levels[at];
    if (level === undefined) {
      collect(node, found);
      return;
    }
    const exact = node.children.get(level);
    if (exact !== undefined) this.#walk(exact, levels, at + 1, found);
    const any = wild ? node.children.get('+') : undefined;
    if (any !== undefined) this.#walk(any, levels, at + 1, found);
  }
}

/** Whether one filter matches one topic. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [at, want] of wanted.entries()) {
    if (want === '#') return true;
    if (at >= levels.length || (want !== '+' && want !== levels[at])) return false;
  }
  return wanted.length === levels.length;
}

function collect<Holder>(node: Node<Holder> | undefined, found: Map<Holder, number>): void {
  for (const [holder, qos] of node?.holders ?? []) {
    if (qos >= (found.get(holder) ?? 0)) found.set(holder, qos);
  }
}

function newNode<Holder>(): Node<Holder> {
  return { children: new Map(), holders: new Map() };
}
