import type { JetStreamClient, StoredMsg } from "@nats-io/jetstream";
import { headers, nuid } from "@nats-io/transport-node";
import type { MsgHdrs } from "@nats-io/transport-node";
import { GatewayError } from "@penstock/errors";
import type { Logger } from "@penstock/observability";
import type { Clock } from "@penstock/runtime";
import { sleep } from "@penstock/runtime";
import type { BucketEntry, ConfigBucket, PurgeOptions, PutOptions } from "../config-bucket.ts";
import type { Watch, WatchOptions } from "../config-bucket.ts";
import { busClosed, checkKey, checkValue, revisionConflict } from "../limits.ts";
import type { BucketTopology } from "../topology.ts";
import { apiCode, apiCodeOf, busError } from "./nats-errors.ts";
import type { NatsLink } from "./nats-link.ts";
import { NatsPurge } from "./nats-purge.ts";
import { openPush } from "./nats-push.ts";
import { withStream } from "./nats-stores.ts";
import type { NatsStores } from "./nats-stores.ts";
import { bucketStream } from "./nats-topology.ts";
import { filterOf, NatsWatch } from "./nats-watch.ts";

/** What a bucket needs of the connection. */
export interface NatsBucketContext {
  readonly link: NatsLink;
  readonly stores: NatsStores;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One message of the stream behind a bucket. */
interface BucketWrite {
  readonly key: string;
  readonly value: Uint8Array;
  /** Says that it is a deletion. */
  readonly marker?: MsgHdrs;
}

const noBytes = new Uint8Array(0);
const listTimeoutMs = 10_000;
/** Of one write after the other, until it is given up. */
const answerTimeoutsMs = [500, 1_000, 2_500] as const;
/** Of a write that loses to writes of other keys. */
const mostAttempts = 10;
const retryAfterMs = 10;
/** Of the headers of a write at most: its id, or the two positions that it expects. */
const headBytes = 160;

/**
 * A bucket in NATS's key-value layout (`$KV.<bucket>.<key>`, header `KV-Operation`), so that
 * `nats kv` reads it too. Reads go to the stream's leader, never to a lagging replica.
 */
export class NatsBucket implements ConfigBucket {
  readonly #context: NatsBucketContext;
  readonly #topology: BucketTopology;
  readonly #stream: string;
  readonly #subjectPrefix: string;
  readonly #purge: NatsPurge;
  readonly #watches = new Set<NatsWatch>();
  #lastWritten: bigint | undefined;
  #closed = false;

  constructor(context: NatsBucketContext, topology: BucketTopology) {
    this.#context = context;
    this.#topology = topology;
    this.#stream = bucketStream(topology.name);
    this.#subjectPrefix = `$KV.${topology.name}.`;
    this.#purge = new NatsPurge(context, this.#stream);
  }

  async put(key: string, value: Uint8Array, options: PutOptions = {}): Promise<bigint> {
    this.#checkOpen();
    checkKey(key);
    checkValue(key, value, this.#topology.maxValueBytes);
    return await this.#write({ key, value }, options);
  }

  async delete(key: string, options: PutOptions = {}): Promise<bigint> {
    this.#checkOpen();
    checkKey(key);
    const marker = headers();
    marker.set("KV-Operation", "DEL");
    return await this.#write({ key, value: noBytes, marker }, options);
  }

  async purge(key: string, { upTo }: PurgeOptions = {}): Promise<void> {
    this.#checkOpen();
    checkKey(key);
    const isAllowed = await this.#purge.run(this.#subjectPrefix + key, upTo);
    if (!isAllowed && upTo === undefined) await this.delete(key);
  }

  async get(key: string): Promise<BucketEntry | undefined> {
    this.#checkOpen();
    checkKey(key);
    const entry = await this.#newest(key);
    return entry === undefined || entry.deleted ? undefined : entry;
  }

  async list(prefix = ""): Promise<BucketEntry[]> {
    this.#checkOpen();
    const session = this.#context.link.session();
    const entries = new Map<string, BucketEntry>();
    const complete = Promise.withResolvers<void>();
    const open = () =>
      openPush({
        session,
        clock: this.#context.clock,
        stream: this.#stream,
        filter: filterOf(this.#subjectPrefix, prefix),
        from: "newest",
        onMessage: ({ subject, data, sequence, deleted, pending }) => {
          const key = subject.slice(this.#subjectPrefix.length);
          entries.delete(key);
          if (!deleted && key.startsWith(prefix)) {
            entries.set(key, { key, value: data, revision: sequence, deleted });
          }
          if (pending === 0) complete.resolve();
        },
      });
    const fail = (cause?: unknown) => busError(`list bucket ${this.#topology.name}`, cause);
    const push = await withStream(this.#context.stores, this.#stream, open).catch(
      (cause: unknown) => Promise.reject(fail(cause)),
    );
    if (push.pending === 0) complete.resolve();
    const late = new AbortController();
    const { clock } = this.#context;
    void push.over.then((why) => complete.reject(fail(new Error(why))));
    void sleep(clock, listTimeoutMs, late.signal).then(
      () => complete.reject(fail()),
      () => {},
    );
    try {
      await complete.promise;
    } finally {
      late.abort();
      push.close();
    }
    return [...entries.values()];
  }

  async watch(options: WatchOptions): Promise<Watch> {
    this.#checkOpen();
    options.signal?.throwIfAborted();
    const watch: NatsWatch = new NatsWatch({
      ...this.#context,
      options,
      stream: this.#stream,
      subjectPrefix: this.#subjectPrefix,
      expireAfterMs: this.#topology.expireAfterMs,
      newest: (key) => this.#newest(key),
      onClose: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    await watch.start();
    return watch;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#watches].map((watch) => watch.close()));
  }

  #write(write: BucketWrite, { expectedRevision }: PutOptions): Promise<bigint> {
    this.#checkFitsServer(write);
    if (expectedRevision === undefined) return this.#insist(write);
    return this.#writeExpected(write, expectedRevision);
  }

  /** The newest entry of a key, also a deletion. */
  async #newest(key: string): Promise<BucketEntry | undefined> {
    const query = { last_by_subj: this.#subjectPrefix + key };
    let message: StoredMsg | null;
    try {
      message = await withStream(this.#context.stores, this.#stream, () =>
        this.#context.link.session().manager.streams.getMessage(this.#stream, query),
      );
    } catch (error) {
      throw busError("read", error);
    }
    if (message === null) return undefined;
    const deleted = (message.header?.get("KV-Operation") ?? "") !== "";
    return { key, value: message.data, revision: BigInt(message.seq), deleted };
  }

  /**
   * A cluster checks the position of a key only against what is stored, not against what other
   * writers have on the way (NATS 2.9 to 2.11), so that all of them would win. It does check the
   * position of the whole bucket when it stores: so that is named, too, and whoever lost to a
   * write of another key tries again.
   */
  async #writeExpected(write: BucketWrite, expectedRevision: bigint): Promise<bigint> {
    const { key } = write;
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const { clustered } = this.#context.link.session();
      const lastSubjectSequence = await this.#sequenceExpected(key, expectedRevision);
      const bucket = clustered ? { lastSequence: await this.#lastSequence() } : {};
      try {
        const expect = { lastSubjectSequence, ...bucket };
        return await this.#publish(write, { expect });
      } catch (error) {
        this.#lastWritten = undefined;
        if (apiCodeOf(error) !== apiCode.wrongLastSequence) throw error;
        const newest = await this.#newest(key);
        const present = newest === undefined || newest.deleted ? 0n : newest.revision;
        if (present !== expectedRevision) throw revisionConflict(key, expectedRevision);
      }
      await sleep(this.#context.clock, retryAfterMs * (attempt + Math.random()));
    }
    const message = `bucket ${this.#topology.name} has too many writers, ${key} was not written`;
    throw new GatewayError("UNAVAILABLE", message, { source: "gateway" });
  }

  /** A deleted key still has a message, so "must not exist" means the sequence of its deletion. */
  async #sequenceExpected(key: string, expectedRevision: bigint): Promise<number> {
    if (expectedRevision !== 0n) return Number(expectedRevision);
    const newest = await this.#newest(key);
    return newest?.deleted === true ? Number(newest.revision) : 0;
  }

  /** Of the whole bucket: what the last write of this process led to, if there was one. */
  async #lastSequence(): Promise<number> {
    if (this.#lastWritten !== undefined) return Number(this.#lastWritten);
    try {
      const { state } = await this.#context.link.session().manager.streams.info(this.#stream);
      return state.last_seq;
    } catch (error) {
      throw busError("read", error);
    }
  }

  /**
   * Repeats what is not answered, soon at first: a cluster that elects a leader drops what comes
   * meanwhile. The id makes the server keep it once.
   */
  async #insist(write: BucketWrite): Promise<bigint> {
    const msgID = nuid.next();
    let problem: unknown;
    for (const timeout of answerTimeoutsMs) {
      try {
        return await this.#publish(write, { msgID, timeout });
      } catch (error) {
        problem = error;
        if (!this.#context.link.connected()) break;
      }
    }
    throw problem;
  }

  async #publish(
    { key, value, marker }: BucketWrite,
    settings: Parameters<JetStreamClient["publish"]>[2],
  ): Promise<bigint> {
    const options = marker === undefined ? settings : { ...settings, headers: marker };
    try {
      const ack = await withStream(this.#context.stores, this.#stream, () =>
        this.#context.link.session().client.publish(this.#subjectPrefix + key, value, options),
      );
      this.#lastWritten = BigInt(ack.seq);
      return this.#lastWritten;
    } catch (error) {
      if (apiCodeOf(error) === apiCode.wrongLastSequence) throw error;
      throw busError(`write ${key}`, error);
    }
  }

  /** @throws GatewayError FIELD_INVALID for what is larger than the server takes of anybody. */
  #checkFitsServer({ key, value }: BucketWrite): void {
    const most = this.#context.link.session().publisher.maxMessageBytes;
    if (value.byteLength + headBytes <= most) return;
    const has = `entry ${key} has ${value.byteLength} bytes and ${headBytes} of headers`;
    const message = `${has}, the NATS server takes ${most} (max_payload)`;
    throw new GatewayError("FIELD_INVALID", message, { source: "gateway" });
  }

  #checkOpen(): void {
    if (this.#closed) throw busClosed();
  }
}
