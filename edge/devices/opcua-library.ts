/**
 * The OPC UA client library. It takes seconds and tens of megabytes to load, so it is loaded by name where a server is
 * configured, and of its packages only the client's.
 */
import { createRequire } from 'node:module';
import type * as NodeOpcUa from 'node-opcua';

export type OpcUaLibrary = Pick<
  typeof NodeOpcUa,
  | 'AttributeIds'
  | 'BrowseDirection'
  | 'ClientSubscription'
  | 'DataType'
  | 'MessageSecurityMode'
  | 'OPCUACertificateManager'
  | 'OPCUAClient'
  | 'SecurityPolicy'
  | 'TimestampsToReturn'
  | 'UserTokenType'
>;

export type { ClientSession, DataValue, OPCUACertificateManager, OPCUAClient, UserIdentityInfo } from 'node-opcua';

/** Blocks while it loads. */
export function loadOpcUa(): OpcUaLibrary {
  const here = createRequire(import.meta.url);
  // The whole with its server and its standards is three times as large.
  const within = createRequire(here.resolve('node-opcua'));
  try {
    return {
      ...(within('node-opcua-client') as OpcUaLibrary),
      ...(within('node-opcua-certificate-manager') as Pick<OpcUaLibrary, 'OPCUACertificateManager'>),
    };
  } catch {
    return here('node-opcua') as OpcUaLibrary;
  }
}
