/** The YAML file: its value, its syntax faults, and the line and column of every key in it. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import type { ConfigFault, Finding } from './faults.ts';
import { keyText, type Path } from './keys.ts';

/** Plain words for the syntax errors that people make; all others keep the parser's own. */
const SYNTAX: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab: indent with spaces',
  DUPLICATE_KEY: 'this key is there already: each may be named once',
  MULTIPLE_DOCS: 'a second document begins here: one file holds one store',
  BAD_INDENT: 'indented in a way that belongs to nothing above',
  BLOCK_AS_IMPLICIT_KEY: 'not readable as YAML: begin a nested key on its own line, and put text with ": " in quotes',
  BAD_SCALAR_START: 'text that begins with this character must be in quotes',
  TAG_RESOLVE_FAILED: 'tags (!name) are not used here',
};

function syntaxMessage(error: YAMLError): string {
  return error.message.startsWith('Flow ') ? error.message : (SYNTAX[error.code] ?? error.message);
}

export interface StoreDocument {
  /** The file's value; undefined when the syntax is too broken to judge it. */
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
  locate(finding: Finding): ConfigFault;
}

export function readDocument(text: string, file: string): StoreDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const faults: ConfigFault[] = [];
  const lost = new Set<number>();
  for (const error of [...document.errors, ...document.warnings]) {
    const place = at(error.pos[0]);
    // One slip often yields several errors on its line, and makes all that follows unexpected.
    if (lost.has(place.line) || (faults.length > 0 && error.code === 'UNEXPECTED_TOKEN')) continue;
    lost.add(place.line);
    const duplicate = error.code === 'DUPLICATE_KEY' ? keyAtOffset(document, error.pos[0]) : undefined;
    faults.push({ ...place, key: keyText(duplicate ?? []), message: syntaxMessage(error) });
  }
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return;
      faults.push({ ...at(alias.range?.[0] ?? 0), key: '', message: `*${alias.source} refers to no anchor above` });
    },
  });
  const readable = document.errors.every((error) => error.code === 'DUPLICATE_KEY') && !faults.some(isAnchorFault);
  return {
    value: readable ? document.toJS() : undefined,
    faults,
    locate: (finding) => ({ ...at(offsetOf(document, finding)), key: keyText(finding.path), message: finding.message }),
  };
}

function isAnchorFault(fault: ConfigFault): boolean {
  return fault.message.endsWith('refers to no anchor above');
}

/** The path of the key that begins at this offset of the text. */
function keyAtOffset(document: Document.Parsed, offset: number): Path | undefined {
  let found: Path | undefined;
  visit(document, {
    Pair: (_, pair, ancestors) => {
      if (!isScalar(pair.key) || pair.key.range?.[0] !== offset) return undefined;
      const names = ancestors.flatMap((parent, index): Path => {
        const child = ancestors[index + 1];
        if (isSeq(parent)) return [parent.items.indexOf(child)];
        return 'key' in parent && isScalar(parent.key) ? [String(parent.key.value)] : [];
      });
      found = [...names, String(pair.key.value)];
      return visit.BREAK;
    },
  });
  return found;
}

interface Step {
  readonly key: number;
  readonly value: number;
}

/** Where in the text the key and the value at the end of the path begin, or the nearest thing above that is there. */
function offsetOf(document: Document.Parsed, finding: Finding): number {
  let node: Node | null | undefined = document.contents;
  let here: Step = { key: 0, value: 0 };
  for (const [index, part] of finding.path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const step: { node: Node | null | undefined; place: Step } | undefined = stepInto(node, part);
    if (step === undefined) break;
    here = step.place;
    node = step.node;
    if (index === finding.path.length - 1) return finding.about === 'value' ? here.value : here.key;
  }
  return here.key;
}

function stepInto(
  node: Node | null | undefined,
  part: string | number,
): { node: Node | null | undefined; place: Step } | undefined {
  if (isSeq<Node>(node) && typeof part === 'number') {
    const item = node.items[part];
    const start = item?.range?.[0];
    return start === undefined ? undefined : { node: item, place: { key: start, value: start } };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(part));
  const key = pair?.key.range?.[0];
  if (pair === undefined || key === undefined) return undefined;
  const empty = pair.value === null || (isScalar(pair.value) && pair.value.value === null);
  return { node: pair.value, place: { key, value: empty ? key : (pair.value?.range?.[0] ?? key) } };
}
