/**
 * What the hub asks an OPC UA server for, and the frame that its answers become: the known values of one thermometer
 * and of what belongs to its cold unit.
 */
import type { DeviceConfig, OpcuaNode } from './devices.ts';

/** One node as the server last told of it. */
export interface OpcUaValue {
  readonly node: string;
  readonly is: OpcuaNode['is'];
  /** null: no value, or none that is a number or a boolean. */
  readonly value: number | boolean | null;
  /** Name of its StatusCode, such as `Good`, `UncertainLastUsableValue`, `BadSensorFailure`. */
  readonly status: string;
  /** The node's EngineeringUnits: code of UN/ECE recommendation 20 as a number, and the unit as people write it. */
  readonly unit?: { readonly id: number; readonly text: string };
  /** When the controller measured it, epoch ms. */
  readonly time?: number;
}

export interface OpcUaFrame {
  readonly unit: string;
  readonly probe: 'air' | 'product';
  readonly values: readonly OpcUaValue[];
  /** Nothing changed: it was asked, so that it is known to be so still. */
  readonly again?: true;
}

/** The nodes that make one climate reading together. */
export interface OpcUaGroup {
  readonly unit: string;
  readonly probe: 'air' | 'product';
  readonly nodes: readonly OpcuaNode[];
}

const NODE_ID = /^(ns=\d{1,5};)?(i=\d{1,10}|[sgb]=.+)$/;

/** One group a thermometer; doors and defrosts belong to every thermometer of their unit, humidity to that of the air. */
export function opcUaGroups(device: Pick<DeviceConfig, 'opcua' | 'unit'>): { groups: OpcUaGroup[]; faults: string[] } {
  const faults: string[] = [];
  const found = new Map<string, { unit: string; probe: 'air' | 'product'; nodes: OpcuaNode[] }>();
  const nodes = device.opcua?.nodes ?? [];
  const unitOf = (node: OpcuaNode): string => node.unit ?? device.unit ?? '';
  for (const node of nodes) {
    if (!NODE_ID.test(node.node))
      faults.push(`${node.node} is no node id: expected one such as ns=2;s=Fridge1.Temperature`);
    if (unitOf(node) === '') faults.push(`${node.node} needs \`unit\`, the cold unit that it belongs to`);
    if (node.is !== 'celsius') continue;
    const probe = node.probe ?? 'air';
    const key = `${probe} ${unitOf(node)}`;
    if (found.has(key))
      faults.push(`${node.node}: ${unitOf(node)} has another node for the temperature of its ${probe}`);
    found.set(key, { unit: unitOf(node), probe, nodes: [node] });
  }
  for (const node of nodes.filter(({ is }) => is !== 'celsius')) {
    const unit = unitOf(node);
    const ofUnit = [...found.values()].filter((group) => group.unit === unit);
    const air = ofUnit.find(({ probe }) => probe === 'air') ?? ofUnit[0];
    if (air === undefined)
      faults.push(`${node.node}: ${unit} has no node for its temperature, which every reading needs`);
    for (const group of node.is === 'humidity' && air !== undefined ? [air] : ofUnit) {
      if (group.nodes.some(({ is }) => is === node.is))
        faults.push(`${node.node}: ${unit} has another node for its ${node.is}`);
      group.nodes.push(node);
    }
  }
  return { groups: [...found.values()], faults };
}
