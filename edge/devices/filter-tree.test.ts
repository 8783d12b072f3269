import { describe, expect, test } from 'vitest';
import { FilterTree, matches } from './filter-tree.ts';

const TOPICS = ['a', '/a', 'a/', 'a/b', 'a/b/c', 'a//c', 'b', 'b/c', '$SYS', '$SYS/x', 'a/$SYS', '/', '//', 'ab'];
const FILTERS: readonly (readonly [filter: string, ...topics: string[]])[] = [
  ['a', 'a'],
  ['a/b', 'a/b'],
  ['+', 'a', 'b', 'ab'],
  ['#', ...TOPICS.filter((topic) => !topic.startsWith('$'))],
  ['a/#', 'a', 'a/', 'a/b', 'a/b/c', 'a//c', 'a/$SYS'],
  ['a/+', 'a/', 'a/b', 'a/$SYS'],
  ['+/b', 'a/b'],
  ['+/+', '/a', 'a/', 'a/b', 'b/c', 'a/$SYS', '/'],
  ['/+', '/a', '/'],
  ['/#', '/a', '/', '//'],
  ['a/+/c', 'a/b/c', 'a//c'],
  ['+/+/+', 'a/b/c', 'a//c', '//'],
  ['+/#', ...TOPICS.filter((topic) => !topic.startsWith('$'))],
  ['$SYS/#', '$SYS', '$SYS/x'],
  ['$SYS/+', '$SYS/x'],
];

describe('a filter', () => {
  test.each(FILTERS)('%s matches what the standard says, and nothing else', (filter, ...expected) => {
    const tree = new FilterTree<string>();
    tree.add(filter, 'one', 1);
    expect(TOPICS.filter((topic) => tree.match(topic).has('one')).sort()).toEqual([...expected].sort());
    expect(TOPICS.filter((topic) => matches(filter, topic)).sort()).toEqual([...expected].sort());
    tree.remove(filter, 'one');
    expect(TOPICS.filter((topic) => tree.match(topic).size > 0)).toEqual([]);
  });

  test('that overlaps another of its holder gives the higher quality of service, once', () => {
    const tree = new FilterTree<string>();
    tree.add('a/#', 'one', 2);
    tree.add('a/b', 'one', 0);
    tree.add('+/b', 'one', 1);
    tree.add('a/b', 'two', 0);
    expect([...tree.match('a/b')]).toEqual(
      expect.arrayContaining([
        ['one', 2],
        ['two', 0],
      ]),
    );
    tree.remove('a/#', 'one');
    tree.remove('not/there', 'one');
    expect(tree.match('a/b').get('one')).toBe(1);
    tree.add('a/b', 'two', 2);
    expect(tree.match('a/b').get('two')).toBe(2);
  });
});
