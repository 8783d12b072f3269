/**
 * Further listeners of a local broker, as head offices guard theirs: TLS, client certificates, passwords. Every door
 * has its own settings, so that one broker can stand for many.
 */
import type { Identity } from './test-certificates.ts';

export interface DoorOptions {
  /** Speaks TLS with this certificate. */
  readonly tls?: Identity;
  /** Asks for a certificate of this authority (PEM). */
  readonly clientCa?: string;
  /** Asks for a password: the names and passwords for PLAIN. SCRAM users are given to `scramUsers`. */
  readonly users?: Readonly<Record<string, string>>;
  /** SASL mechanisms, default all three. */
  readonly mechanisms?: readonly ('PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512')[];
}

export interface NodeDoor {
  /** In upper case. */
  readonly name: string;
  readonly port: number;
  /** Where clients are sent. */
  readonly advertised: number;
  readonly options: DoorOptions;
}

export function protocolOf({ tls, users }: DoorOptions): string {
  if (users) return tls ? 'SASL_SSL' : 'SASL_PLAINTEXT';
  return tls ? 'SSL' : 'PLAINTEXT';
}

/** Arguments of the format tool that create SCRAM users. */
export function scramUsers(users: Readonly<Record<string, string>>): string[] {
  return Object.entries(users).flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
}

/** On one line, as a properties file wants it. */
function oneLine(pem: string): string {
  return pem.trimEnd().replaceAll('\n', '\\n');
}

/** The properties of one door. */
export function doorProperties({ name, options }: NodeDoor): Record<string, string> {
  const { tls, clientCa, users, mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] } = options;
  const prefix = `listener.name.${name.toLowerCase()}`;
  const properties: Record<string, string> = {};
  if (tls) {
    properties[`${prefix}.ssl.keystore.type`] = 'PEM';
    properties[`${prefix}.ssl.keystore.certificate.chain`] = oneLine(tls.cert);
    properties[`${prefix}.ssl.keystore.key`] = oneLine(tls.key);
  }
  if (clientCa) {
    properties[`${prefix}.ssl.client.auth`] = 'required';
    properties[`${prefix}.ssl.truststore.type`] = 'PEM';
    properties[`${prefix}.ssl.truststore.certificates`] = oneLine(clientCa);
  }
  if (users) {
    properties[`${prefix}.sasl.enabled.mechanisms`] = mechanisms.join(',');
    const known = Object.entries(users).map(([user, password]) => `user_${user}="${password}"`);
    for (const mechanism of mechanisms) {
      const login =
        mechanism === 'PLAIN'
          ? `org.apache.kafka.common.security.plain.PlainLoginModule required ${known.join(' ')};`
          : 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
      properties[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] = login;
    }
  }
  return properties;
}
