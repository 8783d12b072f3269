/** What brokers refuse, by the name of their error code, in words for whoever operates the hub. */
import type { LinkFault, Symptom } from './fault.ts';

type Telling = (symptom: Symptom) => LinkFault;

const OFFICE = "head office's Kafka";
const BY_ITSELF = 'the hub goes on by itself';

function who({ around }: Symptom): string {
  if (around.login) return `"${around.login.username}"`;
  return around.certificate ? "the name in this hub's certificate" : 'this hub, which logs in under no name,';
}

const moving: Telling = ({ topic }) => ({
  code: 'leader-moving',
  words: `${OFFICE} is moving ${topic} to another broker; ${BY_ITSELF} when that is done`,
});

const coordinator: Telling = () => ({
  code: 'coordinator-moving',
  words: `${OFFICE} is moving the transactions of this hub to another broker; ${BY_ITSELF} when that is done`,
});

const replicas: Telling = ({ topic }) => ({
  code: 'replicas-missing',
  words: `too few brokers of head office are up to keep ${topic} safe (min.insync.replicas): brokers must be brought back there; ${BY_ITSELF} then`,
});

const fenced: Telling = ({ around }) => ({
  code: 'fenced',
  words: `the brokers ended the transaction of ${around.hub}: it took too long, or a second box sends under this name; positions are compared again before anything is sent`,
});

const tooLarge: Telling = ({ topic, failure }) => {
  const { part, event } = failure ?? {};
  const size = part ? `${part.valueBytes} bytes, ${part.records.length} compressed` : 'size unknown';
  const what =
    part && part.count > 1
      ? `${part.count} events together (${size}); they are sent in smaller parts`
      : `event ${event ?? 'of unknown id'} (${size}). Nothing is skipped, so everything waits behind it: set max.message.bytes of ${topic} to 2097152 at head office (\`store-hub topics check\`); ${BY_ITSELF} then`;
  return { code: 'too-large', words: `head office's topic ${topic} is set too small for ${what}` };
};

const refused: Telling = ({ topic, error }) => ({
  code: 'record-refused',
  words: `${OFFICE} refuses the records of ${topic} (${String(Reflect.get(error, 'type'))}): compare its settings with \`store-hub topics check\``,
});

const login: Telling = ({ around }) => ({
  code: 'login-refused',
  words: `${OFFICE} refuses the login of "${around.login?.username ?? ''}" with ${around.login?.mechanism ?? 'SASL'}: correct the file of cloud.sasl.password_file, which is read again at each attempt, or cloud.sasl.username`,
});

const disk: Telling = ({ topic }) => ({
  code: 'broker-disk',
  words: `a broker of head office cannot write ${topic}: its disk is full or failing; ${BY_ITSELF} when that is mended`,
});

export const brokerFaults: Readonly<Partial<Record<string, Telling>>> = {
  SASL_AUTHENTICATION_FAILED: login,
  UNSUPPORTED_SASL_MECHANISM: ({ where, around }) => ({
    code: 'login-mechanism',
    words: `the broker ${where} does not offer ${around.login?.mechanism ?? 'this mechanism'}: set cloud.sasl.mechanism to one that head office offers`,
  }),
  ILLEGAL_SASL_STATE: ({ where }) => ({
    code: 'login-not-wanted',
    words: `the broker ${where} takes no login on this port: remove cloud.sasl, or name the port with SASL in cloud.brokers`,
  }),
  TOPIC_AUTHORIZATION_FAILED: (symptom) => ({
    code: 'topic-not-allowed',
    words: `${OFFICE} does not let ${who(symptom)} write to ${symptom.topic}: allow DESCRIBE and WRITE on the topics retail.*, and READ on retail.checkpoints; ${BY_ITSELF} then`,
  }),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (symptom) => ({
    code: 'transactions-not-allowed',
    words: `${OFFICE} does not let ${who(symptom)} use the transactional id ${symptom.around.hub}: allow DESCRIBE and WRITE on it; ${BY_ITSELF} then`,
  }),
  CLUSTER_AUTHORIZATION_FAILED: (symptom) => ({
    code: 'cluster-not-allowed',
    words: `${OFFICE} does not let ${who(symptom)} write without duplicates: allow IDEMPOTENT_WRITE on the cluster; ${BY_ITSELF} then`,
  }),
  MESSAGE_TOO_LARGE: tooLarge,
  RECORD_LIST_TOO_LARGE: tooLarge,
  UNKNOWN_TOPIC_OR_PARTITION: ({ topic }) => ({
    code: 'topics',
    words: `head office has no topic ${topic}, or not this hub's partition of it: see \`store-hub topics check\``,
  }),
  LEADER_NOT_AVAILABLE: moving,
  NOT_LEADER_FOR_PARTITION: moving,
  GROUP_COORDINATOR_NOT_AVAILABLE: coordinator,
  GROUP_LOAD_IN_PROGRESS: coordinator,
  NOT_COORDINATOR_FOR_GROUP: coordinator,
  CONCURRENT_TRANSACTIONS: () => ({
    code: 'transaction-ending',
    words: `${OFFICE} is still ending an earlier transaction of this hub; ${BY_ITSELF} when that is done`,
  }),
  NOT_ENOUGH_REPLICAS: replicas,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: replicas,
  INVALID_PRODUCER_EPOCH: fenced,
  INVALID_PRODUCER_ID_MAPPING: fenced,
  INVALID_TXN_STATE: fenced,
  OUT_OF_ORDER_SEQUENCE_NUMBER: fenced,
  TRANSACTION_COORDINATOR_FENCED: coordinator,
  INVALID_TRANSACTION_TIMEOUT: () => ({
    code: 'transaction-timeout',
    words: `${OFFICE} allows no transaction of 30 s: set transaction.max.timeout.ms of its brokers to 900000, the default`,
  }),
  KAFKA_STORAGE_ERROR: disk,
  UNKNOWN: disk,
  REQUEST_TIMED_OUT: replicas,
  UNSUPPORTED_COMPRESSION_TYPE: refused,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: refused,
  POLICY_VIOLATION: refused,
  INVALID_TIMESTAMP: refused,
  INVALID_RECORD: refused,
  CORRUPT_MESSAGE: refused,
  UNSUPPORTED_VERSION: ({ where }) => ({
    code: 'kafka-version',
    words: `the broker ${where} does not speak this protocol: Kafka 1.0 or newer is needed`,
  }),
};
