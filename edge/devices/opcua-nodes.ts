/** The nodes of one OPC UA server: what each was last told to be, which of them make one reading, and what is wrong. */
import type { OpcUaGroup, OpcUaValue } from '../contracts/opcua.ts';
import type { ClientSession, DataValue, OpcUaLibrary } from './opcua-library.ts';

/** So many faulty nodes are named. */
const NAMED = 3;
const AT_ONCE = 100;

type Unit = NonNullable<OpcUaValue['unit']>;
type Told = Pick<OpcUaValue, 'value' | 'status' | 'time'>;

export class OpcUaNodes {
  readonly names: readonly string[];
  readonly #groups: readonly OpcUaGroup[];
  readonly #groupsOf = new Map<string, OpcUaGroup[]>();
  readonly #units = new Map<string, Unit>();
  readonly #told = new Map<string, Told>();
  readonly #faults = new Map<string, string>();
  /** Monotonic ms of the last frame. */
  readonly #givenAt = new Map<OpcUaGroup, number>();

  constructor(groups: readonly OpcUaGroup[]) {
    this.#groups = groups;
    for (const group of groups)
      for (const { node } of group.nodes) this.#groupsOf.set(node, [...(this.#groupsOf.get(node) ?? []), group]);
    this.names = [...this.#groupsOf.keys()];
  }

  /** What is wrong with nodes, in a sentence; undefined: nothing. */
  get faults(): string | undefined {
    if (this.#faults.size === 0) return undefined;
    const named = [...this.#faults].slice(0, NAMED).map(([node, fault]) => `${node}: ${fault}`);
    const more = this.#faults.size - named.length;
    return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  }

  /** Before another connection: nothing of the old one is true any more. */
  forget(): void {
    this.#told.clear();
    this.#faults.clear();
    this.#units.clear();
    this.#givenAt.clear();
  }

  missing(node: string, status: string): void {
    const words = status === 'BadNodeIdUnknown' ? 'the server has no such node (BadNodeIdUnknown)' : `it is ${status}`;
    this.#faults.set(node, words);
  }

  /** Gives the groups that it belongs to. */
  set(node: string, { statusCode, value, sourceTimestamp }: DataValue): readonly OpcUaGroup[] {
    const status = statusCode.name;
    const plain = plainOf(value?.value);
    this.#told.set(node, { value: plain, status, ...(sourceTimestamp && { time: sourceTimestamp.getTime() }) });
    if (!statusCode.isGood() && !status.startsWith('Uncertain')) this.missing(node, status);
    else if (plain === null) this.#faults.set(node, 'it holds neither a number nor a boolean');
    else this.#faults.delete(node);
    return this.#groupsOf.get(node) ?? [];
  }

  /** Values of a frame; undefined before its temperature was told. */
  valuesOf(group: OpcUaGroup, now: number): readonly OpcUaValue[] | undefined {
    const values: OpcUaValue[] = [];
    for (const { node, is } of group.nodes) {
      const told = this.#told.get(node);
      const unit = is === 'celsius' ? this.#units.get(node) : undefined;
      if (told !== undefined) values.push({ node, is, ...told, ...(unit && { unit }) });
      else if (is === 'celsius') return undefined;
    }
    this.#givenAt.set(group, now);
    return values;
  }

  /** Of which nothing was told for so long; each is asked for once in that time. */
  quiet(now: number, ms: number): OpcUaGroup[] {
    const quiet = this.#groups.filter((group) => now - (this.#givenAt.get(group) ?? now) >= ms);
    for (const group of this.#groups)
      if (quiet.includes(group) || !this.#givenAt.has(group)) this.#givenAt.set(group, now);
    return quiet;
  }

  /** EngineeringUnits of the thermometers that have them. */
  async readUnits(session: ClientSession, { AttributeIds, BrowseDirection }: OpcUaLibrary): Promise<void> {
    const nodes = this.#groups.flatMap(({ nodes }) =>
      nodes.filter(({ is }) => is === 'celsius').map(({ node }) => node),
    );
    for (let from = 0; from < nodes.length; from += AT_ONCE) {
      const some = nodes.slice(from, from + AT_ONCE);
      const found = await session.browse(
        some.map((nodeId) => ({
          nodeId,
          referenceTypeId: 'HasProperty',
          includeSubtypes: true,
          browseDirection: BrowseDirection.Forward,
          resultMask: 63,
        })),
      );
      const properties = found.flatMap(({ references }, index) => {
        const property = references?.find(({ browseName }) => browseName.name === 'EngineeringUnits');
        return property === undefined ? [] : [{ node: some[index] ?? '', nodeId: property.nodeId }];
      });
      if (properties.length === 0) continue;
      const values = await session.read(properties.map(({ nodeId }) => ({ nodeId, attributeId: AttributeIds.Value })));
      for (const [index, { value }] of values.entries()) {
        const unit = unitOf(value?.value);
        if (unit !== undefined) this.#units.set(properties[index]?.node ?? '', unit);
      }
    }
  }
}

/** EUInformation. */
function unitOf(value: unknown): Unit | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { unitId, displayName } = value as { unitId?: unknown; displayName?: { text?: unknown } | null };
  const text = displayName?.text;
  return { id: typeof unitId === 'number' ? unitId : 0, text: typeof text === 'string' ? text : '' };
}

/** Texts, lists and 64-bit numbers (two halves in this library) are none. */
function plainOf(value: unknown): number | boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return null;
}
