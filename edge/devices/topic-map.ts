/**
 * Which configured device publishes on a topic: its `mqtt.topic` is a filter (MQTT 3.1.1, section 4.7). Where several
 * match, the most specific one wins: level by level from the left, a name before `+` before `#`. A tree, so that a
 * look-up costs the levels of the topic, however many filters there are.
 */
interface Node<Value> {
  readonly children: Map<string, Node<Value>>;
  value?: Value;
}

export class TopicMap<Value> {
  readonly #root: Node<Value> = { children: new Map() };

  /** The first of two equal filters stays. */
  add(filter: string, value: Value): void {
    let node = this.#root;
    for (const level of filter.split('/')) {
      let next = node.children.get(level);
      if (next === undefined) {
        next = { children: new Map() };
        node.children.set(level, next);
      }
      node = next;
    }
    node.value ??= value;
  }

  find(topic: string): Value | undefined {
    return search(this.#root, topic.split('/'), 0);
  }
}

function search<Value>(node: Node<Value>, levels: readonly string[], at: number): Value | undefined {
  const level = levels[at];
  // `a/#` matches `a`, too.
  if (level === undefined) return node.value ?? node.children.get('#')?.value;
  const exact = node.children.get(level);
  const found = exact && search(exact, levels, at + 1);
  // A wildcard at the first level matches no topic that begins with `$`.
  if (found !== undefined || (at === 0 && level.startsWith('$'))) return found;
  const any = node.children.get('+');
  return (any && search(any, levels, at + 1)) ?? node.children.get('#')?.value;
}
