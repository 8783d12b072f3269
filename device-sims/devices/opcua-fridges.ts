/**
 * A controller of cold units with an OPC UA server, as makers build them: one folder a unit, its temperatures of air and
 * goods analog items with engineering units and range, whether the door is open, it defrosts and its own alarm rings as
 * booleans. What it measures is told to it; a broken probe is a status, and so is a probe that has not measured yet.
 */
import {
  type AddressSpace,
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  standardUnits,
  type UAVariable,
  Variant,
} from 'node-opcua';

export interface FridgeUnit {
  readonly unit: string;
  /** What its thermometer measures in. */
  readonly scale: 'celsius' | 'fahrenheit' | 'kelvin' | 'none';
  readonly type?: 'Float' | 'Double' | 'Int16';
}

export interface FridgeServerOptions {
  readonly port: number;
  /** Its certificates and whom it trusts. */
  readonly pki: string;
  readonly units: readonly FridgeUnit[];
  /** Without: anonymous only. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly trustsEverybody?: boolean;
}

/** What a unit measures: temperature in degrees Celsius whatever it is shown in. */
export interface FridgeState {
  readonly celsius?: number;
  /** Of the goods. */
  readonly product?: number;
  readonly humidity?: number;
  readonly door_open?: boolean;
  readonly defrost?: boolean;
  readonly alarm?: boolean;
  /** When its temperatures were measured, epoch ms; default: now. */
  readonly time?: number;
  /** Name of the temperature's status, such as `BadSensorFailure`; default Good. */
  readonly status?: string;
}

interface Nodes {
  readonly config: FridgeUnit;
  readonly temperature: UAVariable;
  readonly product: UAVariable;
  readonly humidity: UAVariable;
  readonly door: UAVariable;
  readonly defrost: UAVariable;
  readonly alarm: UAVariable;
}

export class FridgeServer {
  readonly #options: FridgeServerOptions;
  readonly #nodes = new Map<string, Nodes>();
  #server: OPCUAServer | undefined;
  #certificates: OPCUACertificateManager | undefined;

  constructor(options: FridgeServerOptions) {
    this.#options = options;
  }

  get endpoint(): string {
    return `opc.tcp://127.0.0.1:${this.#options.port}`;
  }

  async start(): Promise<void> {
    const { port, pki, user, units, trustsEverybody = true } = this.#options;
    const certificates = new OPCUACertificateManager({
      rootFolder: pki,
      automaticallyAcceptUnknownCertificate: trustsEverybody,
      disableFileWatchers: true,
    });
    await certificates.initialize();
    this.#certificates = certificates;
    const server = new OPCUAServer({
      port,
      hostname: '127.0.0.1',
      serverCertificateManager: certificates,
      userCertificateManager: certificates,
      securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
      securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
      allowAnonymous: user === undefined,
      ...(user && {
        userManager: { isValidUser: (name: string, word: string) => name === user.name && word === user.password },
      }),
      registerServerMethod: 1,
      buildInfo: { productName: 'Cold cabinets' },
      serverInfo: { applicationUri: 'urn:cold-cabinets' },
    });
    await server.initialize();
    this.#server = server;
    const { addressSpace } = server.engine;
    if (addressSpace === null) throw new Error('the server has no address space');
    for (const unit of units) this.#nodes.set(unit.unit, fridge(addressSpace, unit));
    await server.start();
  }

  async stop(): Promise<void> {
    await this.#server?.shutdown(0);
    await this.#certificates?.dispose();
    this.#nodes.clear();
  }

  tell(unit: string, state: FridgeState): void {
    const nodes = this.#nodes.get(unit);
    if (nodes === undefined) throw new Error(`no unit ${unit}`);
    const { config, temperature, product, humidity, door, defrost, alarm } = nodes;
    const measured = new Date(state.time ?? Date.now());
    if (state.status !== undefined || state.celsius !== undefined) {
      const name = state.status ?? 'Good';
      const status = (StatusCodes as unknown as Record<string, typeof StatusCodes.Good>)[name];
      if (status === undefined) throw new Error(`no status ${name}`);
      const value = state.celsius === undefined ? temperature.readValue().value.value : shown(state.celsius, config);
      temperature.setValueFromSource(variant(config, Number(value)), status, measured);
    }
    if (state.product !== undefined)
      product.setValueFromSource(variant(config, shown(state.product, config)), StatusCodes.Good, measured);
    if (state.humidity !== undefined)
      humidity.setValueFromSource({ dataType: DataType.Float, value: state.humidity }, StatusCodes.Good, new Date());
    for (const [node, value] of [
      [door, state.door_open],
      [defrost, state.defrost],
      [alarm, state.alarm],
    ] as const)
      if (value !== undefined) node.setValueFromSource({ dataType: DataType.Boolean, value }, StatusCodes.Good);
  }
}

function shown(celsius: number, { scale, type }: FridgeUnit): number {
  const value = scale === 'fahrenheit' ? celsius * 1.8 + 32 : scale === 'kelvin' ? celsius + 273.15 : celsius;
  return type === 'Int16' ? Math.round(value) : value;
}

function variant({ type = 'Float' }: FridgeUnit, value: number): Variant {
  return new Variant({ dataType: DataType[type], value });
}

function fridge(addressSpace: AddressSpace, config: FridgeUnit): Nodes {
  const own = addressSpace.getOwnNamespace();
  const folder = own.addFolder(addressSpace.rootFolder.objects, { browseName: config.unit });
  const { scale, type = 'Float', unit } = config;
  const at = (name: string) => ({ componentOf: folder, browseName: name, nodeId: `s=${unit}.${name}` });
  const thermometer = (name: string): UAVariable => {
    const common = { ...at(name), dataType: type, value: variant(config, 0) };
    const probe =
      scale === 'none'
        ? own.addVariable(common)
        : own.addAnalogDataItem({
            ...common,
            engineeringUnitsRange: { low: -60, high: 400 },
            engineeringUnits:
              scale === 'fahrenheit'
                ? standardUnits.degree_fahrenheit
                : scale === 'kelvin'
                  ? standardUnits.kelvin
                  : standardUnits.degree_celsius,
          });
    // Nobody may take the value before the first one for a temperature.
    probe.setValueFromSource(variant(config, 0), StatusCodes.BadWaitingForInitialData);
    return probe;
  };
  const boolean = (name: string) =>
    own.addVariable({
      ...at(name),
      dataType: 'Boolean',
      value: new Variant({ dataType: DataType.Boolean, value: false }),
    });
  const humidity = own.addVariable({
    ...at('Humidity'),
    dataType: 'Float',
    value: new Variant({ dataType: DataType.Float, value: 50 }),
  });
  const [temperature, product] = [thermometer('Temperature'), thermometer('ProductTemperature')];
  const [door, defrost, alarm] = [boolean('DoorOpen'), boolean('Defrost'), boolean('Alarm')];
  return { config, temperature, product, humidity, door, defrost, alarm };
}
