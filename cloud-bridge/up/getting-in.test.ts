/** TLS and passwords against real brokers that demand them: what is wrong is said, and goes away when it is mended. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { describeWithKafka } from '../../device-sims/harness/need-kafka.ts';
import { scramUsers } from '../../device-sims/kafka/broker-doors.ts';
import { type LocalKafka, startKafka } from '../../device-sims/kafka/local-kafka.ts';
import { makeAuthority } from '../../device-sims/kafka/test-certificates.ts';
import { createTopics } from '../hq/topics.ts';
import type { CloudSecrets } from './kafka-access.ts';
import { LinkedShop } from './outage.fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

const PASSWORD = 'correct-horse-battery';
const WRONG = 'wrong-horse-battery';
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

describeWithKafka('getting in at head office', () => {
  const hosts = ['127.0.0.1'];
  const authority = makeAuthority('Head Office');
  const stranger = makeAuthority('Somebody Else');
  const broker = authority.issue({ name: 'kafka', hosts });
  const users = { shop: PASSWORD };
  let kafka: LocalKafka;
  let store: LinkedShop;
  let count = 0;

  function file(name: string, content: string): string {
    const path = join(store.shop.dir, name);
    writeFileSync(path, content);
    return path;
  }

  function trusting(ca = authority.cert): { ca: string } {
    return { ca: file('ca.pem', ca) };
  }

  function login(mechanism: (typeof MECHANISMS)[number], password: string, username = 'shop'): CloudSecrets['sasl'] {
    return { mechanism, username, password_file: file('password', `${password}\n`) };
  }

  beforeAll(async () => {
    const past = { validFrom: Date.now() - 86_400_000, validTo: Date.now() - 3_600_000 };
    kafka = await startKafka({
      doors: {
        tls: { tls: broker },
        expired: { tls: authority.issue({ name: 'kafka', hosts, ...past }) },
        elsewhere: { tls: authority.issue({ name: 'kafka', hosts: ['kafka.example.com'] }) },
        certificates: { tls: broker, clientCa: authority.cert },
        passwords: { users },
        both: { tls: broker, users },
        scram: { users, mechanisms: ['SCRAM-SHA-512'] },
      },
      format: scramUsers(users),
    });
    await createTopics({ brokers: kafka.brokers }, { partitions: 2, replication: 1 });
  });

  afterAll(async () => {
    await kafka.stop();
  });

  beforeEach(async () => {
    count += 1;
    store = new LinkedShop(`guarded-${count}`, kafka.brokers);
    await store.shop.start();
    store.shop.append('sales', 20);
  });

  afterEach(async () => {
    const everything = [...store.lines, JSON.stringify(store.daemon.report.status())].join('\n');
    expect(everything.length).toBeGreaterThan(0);
    for (const secret of [PASSWORD, WRONG, 'PRIVATE KEY']) expect(everything).not.toContain(secret);
    // Nothing of the client library is seen by operators.
    expect(store.told().filter(({ part }) => part === 'kafka')).toEqual([]);
    await store.remove();
  });

  test.each(MECHANISMS)('with TLS and the right password, %s', async (mechanism) => {
    store.start(kafka.door('both'), { secrets: { tls: trusting(), sasl: login(mechanism, PASSWORD) } });
    await store.complete('sales', 20);
    expect(store.faultsTold()).toEqual([]);
  });

  test.each(MECHANISMS)(
    'a wrong password with %s: said once, and taken up when the file is corrected',
    async (mechanism) => {
      store.start(kafka.door('passwords'), { secrets: { sasl: login(mechanism, WRONG) }, retryMax: 300 });
      expect(await store.fault('login-refused')).toMatch(
        /refuses the login of "shop" with .*cloud\.sasl\.password_file/,
      );
      await vi.waitFor(() => expect(store.daemon.report.status().fault).toBe('login-refused'));
      const attempts = () => store.lines.filter((line) => line.includes('"what failed"')).length;
      await vi.waitUntil(() => attempts() >= 4, { timeout: 30_000 });
      expect(store.faultsTold()).toEqual(['login-refused']);
      file('password', PASSWORD);
      await store.complete('sales', 20);
      expect(store.told().some(({ msg }) => msg === 'head office is in reach again')).toBe(true);
    },
  );

  test('an unknown name, an empty file, no file', async () => {
    const sasl = login('scram-sha-512', PASSWORD, 'nobody');
    store.start(kafka.door('passwords'), { secrets: { sasl } });
    expect(await store.fault('login-refused')).toContain('"nobody"');
    file('password', '');
    expect(await store.fault('configuration')).toMatch(/cloud\.sasl\.password_file: .*password is empty/);
    await store.stop();
    const lost = { mechanism: 'plain', username: 'shop', password_file: join(store.shop.dir, 'none') } as const;
    store.start(kafka.door('passwords'), { secrets: { sasl: lost } });
    expect(await store.fault('configuration')).toMatch(/cloud\.sasl\.password_file: .*no such file/);
    file('none', PASSWORD);
    await store.complete('sales', 20);
  });

  test('a credential of systemd that was not given', async () => {
    const sasl = { mechanism: 'plain', username: 'shop', password_file: 'credential:kafka' } as const;
    store.start(kafka.door('passwords'), { secrets: { sasl } });
    expect(await store.fault('configuration')).toMatch(/LoadCredential=kafka:FILE/);
  });

  test('a mechanism that the broker does not offer', async () => {
    store.start(kafka.door('scram'), { secrets: { sasl: login('plain', PASSWORD) } });
    expect(await store.fault('login-mechanism')).toMatch(/does not offer plain: set cloud\.sasl\.mechanism/);
  });

  test('no password where one is demanded, and one where none is taken', async () => {
    store.start(kafka.door('passwords'));
    expect(await store.fault('hung-up')).toMatch(/may demand a login \(set cloud\.sasl\)/);
    await store.stop();
    store.start(kafka.brokers, { secrets: { sasl: login('plain', PASSWORD) } });
    expect(await store.fault('login-not-wanted')).toMatch(/remove cloud\.sasl/);
  });

  test('an authority that is not trusted, until its certificate is in the file', async () => {
    store.start(kafka.door('tls'), { secrets: { tls: trusting(stranger.cert) } });
    expect(await store.fault('tls-unknown-authority')).toMatch(/put the certificate of .* cloud\.tls\.ca/);
    trusting();
    await store.complete('sales', 20);
  });

  test('without cloud.tls.ca the authorities of Node.js count', async () => {
    store.start(kafka.door('tls'), { secrets: { tls: {} } });
    expect(await store.fault('tls-unknown-authority')).toMatch(/cloud\.tls\.ca/);
  });

  test("a broker's certificate that is not valid any more", async () => {
    store.start(kafka.door('expired'), { secrets: { tls: trusting() } });
    expect(await store.fault('tls-expired')).toMatch(/not valid at \d{4}-.*must renew it, unless this box's clock/);
  });

  test("a broker's certificate for another name", async () => {
    store.start(kafka.door('elsewhere'), { secrets: { tls: trusting() } });
    expect(await store.fault('tls-host-name')).toMatch(/is for another name .*127\.0\.0\.1.*cloud\.brokers/);
  });

  test('spoken to in the clear, a broker that demands TLS', async () => {
    store.start(kafka.door('tls'));
    expect(await store.fault('tls-wanted')).toMatch(/demands TLS: set cloud\.tls/);
    await store.stop();
    store.start(kafka.door('both'), { secrets: { sasl: login('plain', PASSWORD) } });
    expect(await store.fault('tls-wanted')).toMatch(/demands TLS: set cloud\.tls/);
  });

  test('TLS to a broker that does not speak it', async () => {
    store.start(kafka.brokers, { secrets: { tls: trusting() } });
    expect(await store.fault('tls-not-spoken')).toMatch(/hangs up when TLS is spoken.*TLS port/);
  });

  test("the hub's own certificate: missing, of a stranger, not its key's, right", async () => {
    const brokers = kafka.door('certificates');
    store.start(brokers, { secrets: { tls: trusting() } });
    expect(await store.fault('tls-client-certificate')).toMatch(
      /demands a certificate.*set cloud\.tls\.cert and cloud/,
    );
    await store.stop();
    const right = authority.issue({ name: 'shop' });
    const wrong = stranger.issue({ name: 'shop' });
    const tls = { ...trusting(), cert: file('cert.pem', wrong.cert), key: file('key.pem', wrong.key) };
    store.start(brokers, { secrets: { tls } });
    expect(await store.fault('tls-client-certificate')).toMatch(/does not accept this hub's certificate/);
    file('cert.pem', right.cert);
    expect(await store.fault('configuration')).toMatch(/cloud\.tls: .*key\.pem cannot be used .*private key of cert/);
    file('key.pem', right.key);
    await store.complete('sales', 20);
  });

  test('a file that holds no certificate', async () => {
    store.start(kafka.door('tls'), { secrets: { tls: trusting('not a certificate') } });
    expect(await store.fault('configuration')).toMatch(/cloud\.tls\.ca: .*ca\.pem holds no certificate in PEM form/);
  });

  test('nobody at the address, and nobody of that name', async () => {
    store.start(['127.0.0.1:1']);
    expect(await store.fault('refused')).toMatch(/nothing listens at 127\.0\.0\.1:1/);
    await store.stop();
    store.start(['kafka.invalid:9092']);
    expect(await store.fault('name-unknown')).toMatch(/address of the broker kafka\.invalid:9092/);
  });
});
