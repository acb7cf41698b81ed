import type {
  Attempt,
  Charge,
  Door,
  EmbedRequest,
  GenerateRequest,
  Principal,
} from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import type { CallForms, FormatName, ForwardableBody } from "@penstock/formats";
import type { MonotonicMs, WallMs } from "@penstock/limits";
import type { SpanContext } from "@penstock/observability";
import type { WishDialect } from "@penstock/formats";
import type { Caller, CompiledRoute, ConditionFacts, Snapshot } from "@penstock/snapshot";
import type { ResolvedWishes } from "../choosing/resolve-wishes.ts";
import type { MediaSize } from "./media-size.ts";
import type { RoutedModel, SkippedTarget } from "./plan-attempts.ts";
import type { UsageEstimate } from "@penstock/pricing";
import type { Reservation } from "../leases/reservation.ts";
import type { QuotaUse } from "../leases/reserve-outcome.ts";
import type { Operation } from "./head-of-vectors.ts";
import type { OpenOfKey } from "./admit.ts";
import type { Downstream } from "./downstream.ts";

/** What a door knows of a request before the pipeline has looked at it. */
export interface RequestArrival {
  readonly requestId: string;
  readonly door: Door;
  /** The bearer secret as sent; empty when none was. */
  readonly token: string;
  readonly snapshot: Snapshot | undefined;
  /** The caller's trace, if it sent one. */
  readonly parent: SpanContext | undefined;
  readonly startMonotonicMs: MonotonicMs;
  readonly startWallMs: WallMs;
  /** Time the caller gives, from the start; Infinity when it gives none. Unit: milliseconds. */
  readonly timeoutMs: number;
}

/** A caller's body in the format of its door. */
export interface OriginalBody {
  readonly bytes: Buffer;
  /** Undefined: it may not go on as it is. */
  readonly forwardable: ForwardableBody | undefined;
}

/** How a request ended, as its caller saw it; the names of `penstock.event.v1.RequestOutcome`. */
export type Outcome = "COMPLETED" | "FAILED" | "REFUSED" | "CANCELLED";

/** Lists are replaced, not changed: most requests have nothing in most of them. */
const none: readonly never[] = [];

/**
 * Everything about one request, from its door to its settlement. One object per request: stages
 * read what earlier ones wrote, and each field is written by the one stage named beside it.
 */
export class RequestContext {
  readonly requestId: string;
  readonly door: Door;
  readonly token: string;
  /** Pinned for the life of the request: a later revision does not touch it. */
  readonly snapshot: Snapshot | undefined;
  readonly parent: SpanContext | undefined;
  readonly startMonotonicMs: MonotonicMs;
  readonly startWallMs: WallMs;
  /** Monotonic moment after which nothing may run; narrowed by `resolve-route`. */
  deadlineMs: number;
  readonly downstream: Downstream;
  /** Who runs the request; undefined where single stages are run for an explanation. */
  handler: { interrupt(error: GatewayError): void } | undefined;

  /** When its body was read, and what followed without waiting was done. */
  readyMs: MonotonicMs;
  /** Set by the door. */
  operation: Operation = "generate";
  /** Set by the door, once the body is read. */
  request: GenerateRequest | undefined;
  /** Vectors that are asked for; `request` then has what both kinds of requests have in common. */
  vectors: EmbedRequest | undefined;
  /** Format of the door; undefined where callers speak protobuf. */
  callerFormat: FormatName | undefined;
  /** The body as it came. */
  original: OriginalBody | undefined;
  /** The caller's name for its session, for affinity and reports; at most 128 characters. */
  session = "";
  /** The caller's headers that go on to a target of its own format, flat: name, value. */
  passedHeaders: readonly string[] = none;
  stream = false;
  /** Whether the caller asked for usage in the stream. */
  includeUsage = false;
  requestBytes = 0;
  /** Where the caller wrote what it wishes of routing; undefined where it speaks protobuf. */
  wishDialect: WishDialect | undefined;
  /** Whether the answer is to tell how it came about. */
  report = false;

  /** Made by `authenticate`: the trace depends on whether the key's context is trusted. */
  trace: SpanContext;
  links: readonly SpanContext[] = none;
  caller: Caller | undefined;
  principal: Principal | undefined;

  /** `admit` */
  admitted = false;
  /** Where the list of open requests has it. */
  openIndex = -1;
  /** Undefined: it is not admitted, or never was. */
  openOfKey: OpenOfKey | undefined;
  /** `resolve-route` */
  route: CompiledRoute | undefined;
  /** Models to fall back to, with their routes. */
  fallbacks: readonly RoutedModel[] = none;
  wishes: ResolvedWishes | undefined;
  /** Made when a condition is met first. */
  conditionFacts: ConditionFacts | undefined;
  /** `enforce-policies` */
  refuseUnknownFields = false;
  deniedProviders: ReadonlyMap<string, string> | undefined;
  /** `estimate-usage` */
  estimate: UsageEstimate | undefined;
  media: MediaSize | undefined;
  quotaUses: readonly QuotaUse[] = none;
  /** `reserve-quota` */
  reservation: Reservation | undefined;
  reserveWaitMs = 0;
  /** A call to the quota service hangs below this span. Empty: none was made. */
  reserveSpanId = "";
  /** From the arrival. Undefined: refused before. */
  reserveOffsetMs: number | undefined;

  /** `plan-for-context`: what the requests of its conversation have in common. */
  affinityKey: string | undefined;

  /** `run-attempts` */
  /** What the caller should know of the answer, such as a parameter that was left out. */
  warnings: readonly string[] = none;
  /** How calls of functions are told to the caller that stand for its own tools. */
  callForms: CallForms | undefined;
  /** Targets that were planned and not asked when their turn came. */
  passedOver: readonly SkippedTarget[] = none;
  /** Model that each attempt was for, in their order; empty where the request names only one. */
  attemptModels: readonly string[] = none;
  /** Signature of the reasoning that was sent last. */
  signature: string | undefined;
  attempts: readonly Attempt[] = none;
  firstTokenMs: number | undefined;
  finishReasons: readonly string[] = none;

  /** `settle` */
  settled = false;
  /** See `encodeEventHead`; made with the first record. */
  eventHead: string | undefined;
  costNanoUsd: bigint | undefined;
  charges: readonly Charge[] = none;
  outcome: Outcome | undefined;
  error: GatewayError | undefined;

  constructor(arrival: RequestArrival, trace: SpanContext, downstream: Downstream) {
    this.requestId = arrival.requestId;
    this.door = arrival.door;
    this.token = arrival.token;
    this.snapshot = arrival.snapshot;
    this.parent = arrival.parent;
    this.startMonotonicMs = arrival.startMonotonicMs;
    this.startWallMs = arrival.startWallMs;
    this.readyMs = arrival.startMonotonicMs;
    this.deadlineMs = arrival.startMonotonicMs + arrival.timeoutMs;
    this.trace = trace;
    this.downstream = downstream;
  }
}
