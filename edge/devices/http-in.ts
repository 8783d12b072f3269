/**
 * Readings by HTTP: `POST /in/<kind>/<device>`, the same payloads and the same promise as over MQTT, and
 * `POST /push/<device>`, one frame in the vendor's format of a configured device. The answer comes after the commit.
 * Fastify turns the thrown problems into problem details (edge/ops/http.ts).
 */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { Intake, Receipt } from '../contracts/intake.ts';
import { isKind } from '../contracts/readings.ts';
import { Problem } from '../ops/problem.ts';
import { type HttpAccess, userOf } from './basic-auth.ts';
import { type Codec, keptBytes } from './codec.ts';
import type { DoorCounters } from './door-counters.ts';
import type { FramesIn } from './frames-in.ts';
import type { InFlight } from './in-flight.ts';
import { plain, routeOfParts } from './topics.ts';
import { mayPublish } from './users.ts';

export interface HttpInOptions {
  readonly intake: Intake;
  readonly codec: Codec;
  /** Shared with the broker. */
  readonly inFlight: InFlight;
  readonly counters: DoorCounters;
  /** Devices with formats of their own; absent: there are none. */
  readonly frames?: FramesIn;
  /** Absent: whoever reaches this server may send readings, as over a Unix socket. */
  readonly access?: HttpAccess;
  /** Wall clock, epoch ms. */
  readonly now?: () => number;
}

/** Bytes of a body; what else is sent to this server is short. */
const MOST_BODY = 1_048_576;
const RETRY_SOON = { 'retry-after': '1' } as const;

export const httpIn: FastifyPluginAsync<HttpInOptions> = async (app, options) => {
  const { intake, codec, inFlight, counters, frames, access, now = Date.now } = options;

  // Whatever the content type says, the body is a reading in JSON or it becomes a dead letter with its bytes.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  const given = (size: number, give: (done: (receipt: Receipt) => void) => void): Promise<Receipt> =>
    new Promise((resolve, reject) => {
      inFlight.add(size);
      try {
        give((receipt) => {
          inFlight.done(size);
          resolve(receipt);
        });
      } catch (thrown) {
        inFlight.done(size);
        reject(thrown);
      }
    });

  const refuse = async (
    kind: string,
    device: string,
    payload: Uint8Array,
    refusal: { reason: string; pointers: readonly string[]; bytes: Uint8Array | null },
  ): Promise<never> => {
    counters.refused += 1;
    const letter = { kind, device, received: now(), ...refusal };
    const receipt = await given(payload.length, (done) => intake.refuse(letter, done));
    if (receipt.outcome === 'not-stored') throw notStored(receipt.reason);
    const { reason, pointers } = refusal;
    const kept = receipt.outcome === 'refused' ? { letter: receipt.letter } : {};
    throw new Problem(400, reason, { members: { ...kept, pointers } });
  };

  const notStored = (reason: string): Problem => {
    counters.notStored += 1;
    return new Problem(503, `not stored, send it again: ${reason}`, { headers: RETRY_SOON });
  };

  /** Before the body is read, which is what costs memory. */
  const turnAwayOverload = (): void => {
    counters.httpRequests += 1;
    if (inFlight.paused) throw crowded();
  };

  const crowded = (): Problem => {
    counters.httpTurnedAway += 1;
    return new Problem(429, 'too much is waiting already, send it again', { headers: RETRY_SOON });
  };

  /** Whether whoever sends it may speak as the device that the path names. Throws Problem. */
  const demandAccess = async (
    request: FastifyRequest,
    speaker: () => { readonly kind: string; readonly device: string } | undefined,
  ): Promise<void> => {
    if (access === undefined) return;
    const user = await userOf(request, access);
    const as = speaker();
    if (as === undefined || mayPublish(user, as.kind, as.device)) return;
    counters.notAuthorized += 1;
    const own = user?.devices.has(as.device) === true;
    throw new Problem(403, own ? 'this user needs `may: [consent]`' : 'this device is not one of this user');
  };

  const bodyOf = ({ body }: FastifyRequest): Uint8Array => {
    const payload = body instanceof Uint8Array ? body : new Uint8Array();
    counters.bytes += payload.length;
    return payload;
  };

  app.post<{ Params: { kind: string; device: string } }>('/in/:kind/:device', {
    bodyLimit: MOST_BODY,
    onRequest: async (request) => {
      turnAwayOverload();
      const { kind, device } = request.params;
      // Devices are known by the names that routes give them.
      await demandAccess(request, () =>
        isKind(kind) ? { kind, device: routeOfParts(kind, device).device } : undefined,
      );
    },
    handler: async (request, reply) => {
      const { kind } = request.params;
      if (!isKind(kind)) throw new Problem(404, 'not a kind of reading; `store-hub schema --list` names the kinds');
      const payload = bodyOf(request);
      const route = routeOfParts(kind, request.params.device);
      if (route.to === 'dead-letter') {
        const { reason } = route;
        return refuse(kind, route.device, payload, { reason, pointers: [], bytes: keptBytes(codec, kind, payload) });
      }
      const { device } = route;
      const received = now();
      const decoded = codec.decode(kind, device, payload, received);
      if (!decoded.ok) {
        const { reason, pointers, bytes } = decoded;
        return refuse(kind, device, payload, { reason, pointers, bytes });
      }
      const { readings, counted } = decoded;
      counters.readings += readings.length;
      counters.readingsOnlyCounted += counted;
      let stored: Receipt = { outcome: 'accepted', accepted: 0, repeated: 0 };
      if (readings.length > 0) {
        const delivery = { kind, device, received, readings };
        stored = await given(payload.length, (done) => intake.deliver(delivery, done));
      }
      if (stored.outcome !== 'accepted') {
        if (stored.outcome === 'not-stored') throw notStored(stored.reason);
        throw new Problem(400, 'refused by the journal', { members: { letter: stored.letter } });
      }
      return reply.code(202).send({ accepted: stored.accepted + counted, repeated: stored.repeated });
    },
  });

  app.post<{ Params: { device: string } }>('/push/:device', {
    bodyLimit: MOST_BODY,
    onRequest: async (request) => {
      turnAwayOverload();
      const { device } = request.params;
      // Of a device that nobody configured a user learns no more than whether it is one of its own.
      await demandAccess(request, () => frames?.pushed(device) ?? { kind: 'frame', device });
    },
    handler: async (request, reply) => {
      const payload = bodyOf(request);
      const { device } = request.params;
      const received = now();
      const pushed = frames?.pushed(device);
      if (frames === undefined || pushed === undefined) {
        frames?.stranger(`POST /push/${plain(device, 128)}`, request.ip, payload, received);
        throw new Problem(404, 'no device of this name is configured with `push: true`');
      }
      // Not even taken, so that nothing of it is stored when it comes again.
      if (!frames.hasRoom(pushed.device)) throw crowded();
      const stored = await given(payload.length, (done) =>
        frames.take(pushed.device, { bytes: payload, received }, done),
      );
      if (stored.outcome === 'not-stored') throw notStored(stored.reason);
      if (stored.outcome === 'refused') {
        counters.refused += 1;
        const { letter, reason = 'refused by the journal' } = stored;
        throw new Problem(400, reason, { members: { letter } });
      }
      return reply.code(202).send({ accepted: stored.accepted, repeated: stored.repeated });
    },
  });
};
