/**
 * What goes wrong before a broker can answer: names, routes, TLS, connections that end. By the code of the socket's
 * error, or the name of the client library's; in words for whoever operates the hub.
 */
import type { LinkFault, Symptom } from './fault.ts';

type Telling = (symptom: Symptom) => LinkFault;

const FILES_READ_AGAIN = 'the files are read again at each attempt';

/** The broker answered with an alert of TLS although it was spoken to in the clear. */
export const BROKER_WANTS_TLS = 'BROKER_WANTS_TLS';
/** It hung up in the first words of somebody who shows neither name nor certificate. */
export const BROKER_WANTS_MORE = 'BROKER_WANTS_MORE';
/** Somebody was asked, and nothing came back. */
export const NO_ANSWER = 'NO_ANSWER';

const name: Telling = ({ where }) => ({
  code: 'name-unknown',
  words: `nobody here knows the address of the broker ${where}: check cloud.brokers and the name server of this network`,
});

const network: Telling = ({ where }) => ({
  code: 'no-network',
  words: `no way leads from this box to the broker ${where}: check the network, and the box's own connection first`,
});

const silent: Telling = ({ where }) => ({
  code: 'no-answer',
  words: `the broker ${where} does not answer: check the network between here and there, and firewalls`,
});

const ended: Telling = ({ where }) => ({
  code: 'cut',
  words: `the connection to the broker ${where} was cut: the line is bad, or the broker stops`,
});

const distrusted: Telling = ({ where, around }) => ({
  code: 'tls-unknown-authority',
  words: `the certificate of the broker ${where} is signed by nobody that this hub trusts: put the certificate of head office's authority into the file of cloud.tls.ca${around.tls ? '' : ' and name it'}; ${FILES_READ_AGAIN}`,
});

const outdated: Telling = ({ where }) => ({
  code: 'tls-expired',
  words: `the certificate of the broker ${where} is not valid at ${new Date().toISOString().slice(0, 16)}Z: head office must renew it, unless this box's clock is wrong`,
});

const certificate: Telling = ({ where, around }) => ({
  code: 'tls-client-certificate',
  words: around.certificate
    ? `the broker ${where} does not accept this hub's certificate: let head office's authority sign one, and put it into the files of cloud.tls.cert and cloud.tls.key; ${FILES_READ_AGAIN}`
    : `the broker ${where} demands a certificate of this hub: set cloud.tls.cert and cloud.tls.key`,
});

const notSpoken: Telling = ({ where }) => ({
  code: 'tls-not-spoken',
  words: `the broker at ${where} speaks no TLS there: remove cloud.tls, or name its TLS port in cloud.brokers`,
});

const closed: Telling = ({ where, around, error, failure }) =>
  around.tls && (/before secure TLS connection/.test(error.message) || failure?.during === 'connecting')
    ? {
        code: 'tls-not-spoken',
        words: `the broker ${where} hangs up when TLS is spoken to it: name its TLS port in cloud.brokers, or remove cloud.tls if it has none; it may just be stopping`,
      }
    : ended({ where, around, error, topic: '', failure: undefined });

export const socketFaults: Readonly<Partial<Record<string, Telling>>> = {
  ENOTFOUND: name,
  EAI_AGAIN: name,
  EHOSTUNREACH: network,
  ENETUNREACH: network,
  ENETDOWN: network,
  EADDRNOTAVAIL: network,
  ECONNREFUSED: ({ where }) => ({
    code: 'refused',
    words: `nothing listens at ${where}: Kafka is stopped there, or cloud.brokers names another port`,
  }),
  ETIMEDOUT: silent,
  [NO_ANSWER]: silent,
  KafkaJSRequestTimeoutError: silent,
  ECONNRESET: closed,
  EPIPE: ended,
  CLOSED: ended,
  [BROKER_WANTS_TLS]: ({ where }) => ({
    code: 'tls-wanted',
    words: `the broker ${where} demands TLS: set cloud.tls, with the certificate of head office's authority as ca`,
  }),
  [BROKER_WANTS_MORE]: ({ where, around }) => ({
    code: 'hung-up',
    words: `the broker ${where} hangs up before it says anything: it may demand a login (set cloud.sasl)${around.tls ? ', or a certificate (cloud.tls.cert)' : ' or TLS (set cloud.tls)'}, or it is just stopping`,
  }),
  CLOSED_EARLY: ({ where, around }) => ({
    code: 'hung-up',
    words: `the broker ${where} hangs up before it says anything: ${around.tls ? 'it is stopping, or is no Kafka' : 'it may demand TLS (set cloud.tls), or it is just stopping'}`,
  }),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: distrusted,
  UNABLE_TO_GET_ISSUER_CERT: distrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: distrusted,
  SELF_SIGNED_CERT_IN_CHAIN: distrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: distrusted,
  CERT_SIGNATURE_FAILURE: distrusted,
  CERT_UNTRUSTED: distrusted,
  CERT_HAS_EXPIRED: outdated,
  CERT_NOT_YET_VALID: outdated,
  ERR_TLS_CERT_ALTNAME_INVALID: ({ where, error }) => ({
    code: 'tls-host-name',
    words: `the certificate of the broker ${where} is for another name (${error.message.replace(/^.*altnames: /, '').replace(/: *$/, '')}): name the brokers in cloud.brokers as their certificates do, or head office must add this name`,
  }),
  // What came back was no record of TLS: another protocol, or Kafka in the clear.
  ERR_SSL_WRONG_VERSION_NUMBER: notSpoken,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notSpoken,
  ERR_SSL_HTTP_REQUEST: notSpoken,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: certificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: certificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: certificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: certificate,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: certificate,
  TooSlow: () => ({
    code: 'too-slow',
    words: `head office did not confirm the batch in time: the line is thin, or a quota of head office slows this hub down; the next one is smaller`,
  }),
  KafkaJSNotImplemented: ({ topic }) => ({
    code: 'compression',
    words: `head office keeps ${topic} in a compression that cannot be read here: set compression.type of its topics to gzip (\`store-hub topics check\`)`,
  }),
};
