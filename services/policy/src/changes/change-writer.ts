import type { ConfigEntry, ConfigHead } from "@penstock/api";
import { inTransaction, withStorageErrors } from "@penstock/database";
import { GatewayError } from "@penstock/errors";
import { attributeNames, formatTraceparent } from "@penstock/observability";
import type { Observability, Span, SpanContext } from "@penstock/observability";
import { newUuidV7 } from "@penstock/runtime";
import type { Clock } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import type { PolicyEvents } from "../events.ts";
import { appendAuditEvents } from "../storage/audit-store.ts";
import { findHandledRequest, rememberRequest } from "../storage/handled-request-store.ts";
import { lockHead } from "../storage/installation-store.ts";
import type { PolicyDatabase, PolicyTransaction } from "../storage/open-storage.ts";
import { auditEventsOf } from "./audit-events.ts";
import type { ChangeOrigin } from "./audit-events.ts";
import { checkNotEmptied, checkReferrers } from "./check-deletions.ts";
import { compileWouldBe, entriesOf } from "./compile-changes.ts";
import type { EntryStamp } from "./compile-changes.ts";
import type { Configuration } from "./configuration-cache.ts";
import { ConfigurationCache } from "./configuration-cache.ts";
import type { Intent, PlannedChange } from "./intent.ts";
import { planChanges } from "./plan-changes.ts";
import type { ResourceView } from "./resource-table.ts";
import { nextHead, publishLater, storeChanges } from "./store-changes.ts";
import { WriteQueue } from "./write-queue.ts";

/** A request to change resources. */
export interface ChangeRequest {
  readonly origin: ChangeOrigin;
  /** Span of the RPC. */
  readonly parent?: SpanContext | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly validateOnly: boolean;
  /** False: the last route and the last virtual key are kept. */
  readonly allowEmpty: boolean;
  /** What is wanted, seen from the configuration as it is. */
  intents(view: ResourceView): readonly Intent[];
  /** For requests that name an id for themselves. */
  readonly idempotency?: Idempotency | undefined;
}

/** How a repeated request is recognised and answered. */
export interface Idempotency {
  readonly requestId: string;
  /** SHA-256 of method and request. */
  readonly fingerprint: Uint8Array;
  /** The answer to keep, binary and without secrets. */
  encode(outcome: ChangeOutcome): Uint8Array;
}

/** What came of a request. */
export interface ChangeOutcome {
  /** In the order of the intents. */
  readonly changes: readonly PlannedChange[];
  /** Revision at which they take effect; the current one when nothing changed. */
  readonly revision: bigint;
}

/** Either a fresh outcome or the answer that was given the first time. */
export type ChangeResult = { outcome: ChangeOutcome } | { repeated: Uint8Array };

/** What the writer works with. */
export interface ChangeWriterOptions {
  readonly db: PolicyDatabase;
  readonly clock: Clock;
  readonly observability: Observability;
  readonly events: PolicyEvents;
  /** Told after every commit that changed something. */
  readonly onCommitted: () => void;
}

interface Executed {
  readonly result: ChangeResult;
  /** Set when something was written. */
  readonly written?: { configuration: Configuration; next: Snapshot } | undefined;
}

/**
 * The one way in which resources change: plan, check, compile the configuration as it would be
 * with the routers' own function, then write rows, audit, outbox and head in one transaction that
 * holds the lock of the head. Nothing is half written, and revisions have no gaps.
 */
export class ChangeWriter {
  readonly #options: ChangeWriterOptions;
  readonly #cache: ConfigurationCache;
  readonly #queue = new WriteQueue();

  constructor(options: ChangeWriterOptions) {
    this.#options = options;
    this.#cache = new ConfigurationCache(options.observability.logger);
  }

  /** Writes, or throws one error that names everything wrong with the request. */
  async write(request: ChangeRequest): Promise<ChangeResult> {
    const { tracer } = this.#options.observability;
    const span = tracer.startSpan("write policy", { kind: "internal", parent: request.parent });
    span.set(attributeNames.rpcMethod, request.origin.method);
    try {
      return await this.#queue.run(() => this.#transact(request, span), request.signal);
    } catch (error) {
      span.fail(error instanceof GatewayError ? error.reason : "INTERNAL");
      throw error;
    } finally {
      span.end();
    }
  }

  async #transact(request: ChangeRequest, span: Span): Promise<ChangeResult> {
    const { db, events, onCommitted } = this.#options;
    const traceparent = formatTraceparent(span.context);
    const { result, written } = await withStorageErrors(() =>
      inTransaction(db, (trx) => this.#execute(trx, request, traceparent)),
    );
    if (written === undefined || "repeated" in result) return result;
    const { changes, revision } = result.outcome;
    this.#cache.commit(written.configuration, changes, written.next);
    onCommitted();
    span.set(attributeNames.configRevision, Number(revision));
    const changed = changes.filter(({ change }) => change !== "unchanged").length;
    events.changed(request.origin.method, changed, revision);
    return result;
  }

  async #execute(
    trx: PolicyTransaction,
    request: ChangeRequest,
    traceparent: string,
  ): Promise<Executed> {
    const head = await lockHead(trx);
    const repeated = await this.#findRepeated(trx, request);
    if (repeated !== undefined) return { result: { repeated } };
    const configuration = await this.#cache.at(trx, head);
    const commitMs = this.#options.clock.wallMs();
    const stamp = { revision: head.revision + 1n, traceparent, commitMs };
    const { changes, entries, next } = plan(request, configuration, head, stamp);
    const outcome = { changes, revision: entries.length === 0 ? head.revision : stamp.revision };
    if (request.validateOnly) {
      return { result: { outcome: { changes, revision: head.revision } } };
    }
    if (entries.length > 0) {
      await appendAuditEvents(
        trx,
        auditEventsOf(changes, request.origin, stamp.revision, commitMs),
      );
      await storeChanges(trx, changes, stamp.revision, commitMs);
      await publishLater(trx, entries, nextHead(head, next, stamp));
    }
    await this.#remember(trx, request, outcome, commitMs);
    const written = entries.length === 0 ? undefined : { configuration, next };
    return { result: { outcome }, written };
  }

  async #findRepeated(
    trx: PolicyTransaction,
    { origin, idempotency, validateOnly }: ChangeRequest,
  ): Promise<Uint8Array | undefined> {
    if (idempotency === undefined || validateOnly) return undefined;
    const key = { actor: origin.actor, requestId: idempotency.requestId };
    const handled = await findHandledRequest(trx, key, this.#options.clock.wallMs());
    if (handled === undefined) return undefined;
    if (Buffer.compare(handled.fingerprint, idempotency.fingerprint) === 0) return handled.response;
    const description = "was used for a different request; give each request an id of its own";
    throw new GatewayError("FIELD_INVALID", `The field request_id ${description}.`, {
      fieldViolations: [{ field: "request_id", description }],
    });
  }

  async #remember(
    trx: PolicyTransaction,
    { origin, idempotency }: ChangeRequest,
    outcome: ChangeOutcome,
    nowMs: number,
  ): Promise<void> {
    if (idempotency === undefined) return;
    const { requestId, fingerprint } = idempotency;
    const handled = { fingerprint, response: idempotency.encode(outcome) };
    await rememberRequest(trx, { actor: origin.actor, requestId }, handled, nowMs);
  }
}

function plan(
  request: ChangeRequest,
  configuration: Configuration,
  head: ConfigHead,
  stamp: EntryStamp,
): { changes: readonly PlannedChange[]; entries: ConfigEntry[]; next: Snapshot } {
  const view: ResourceView = configuration.table;
  const { changes, problems } = planChanges({
    intents: request.intents(view),
    view,
    revision: stamp.revision,
    nowMs: stamp.commitMs,
    newUid: () => newUuidV7(),
  });
  checkReferrers(changes, view, problems);
  if (!request.allowEmpty) checkNotEmptied(changes, view, problems);
  const entries = entriesOf(changes, stamp);
  const { installationId, epoch } = head;
  const wouldBe = { installationId, epoch, revision: stamp.revision };
  const next =
    entries.length === 0
      ? configuration.snapshot
      : compileWouldBe(configuration.snapshot, changes, { entries, head: wouldBe, problems });
  problems.throwIfAny();
  return { changes, entries, next };
}
