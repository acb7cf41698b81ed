import { Door } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { ServerInterceptingCall } from "@grpc/grpc-js";
import type { Metadata, ServerInterceptor } from "@grpc/grpc-js";
import { parseTraceparent } from "@penstock/observability";
import { toGrpcError } from "@penstock/rpc";
import { newUuidV7 } from "@penstock/runtime";
import type { Timer } from "@penstock/runtime";
import type { Snapshot } from "@penstock/snapshot";
import type { Operation } from "../pipeline/head-of-vectors.ts";
import { RequestHandler } from "../pipeline/handle-request.ts";
import { identify } from "../pipeline/list-models.ts";
import type { PipelineParts } from "../pipeline/pipeline-parts.ts";
import type { RequestArrival } from "../pipeline/request-context.ts";
import { bearerToken } from "./bearer-token.ts";
import { GrpcStreamDownstream, GrpcUnaryDownstream } from "./grpc-downstream.ts";
import { ambiguity, textOf, unusableTimeout } from "./grpc-refusals.ts";

/** What the gate uses. */
export interface GrpcGateOptions {
  readonly parts: PipelineParts;
  readonly currentSnapshot: () => Snapshot | undefined;
}

/** A call that was let in. */
interface EnteredCall<Side> {
  readonly handler: RequestHandler;
  readonly downstream: Side;
  /** Where the list of calls without a message has it; -1 when it is not there. */
  index: number;
}

type AnySide = GrpcUnaryDownstream | GrpcStreamDownstream;

/** Metadata is all that a method gets of what an interceptor knows. */
interface GatedMetadata extends Metadata {
  entered?: EnteredCall<AnySide>;
}

/** A call as an interceptor sees it. */
type Intercepted = Parameters<ServerInterceptor>[1];

/** The longest a request may take (decisions §4). */
const maximumTimeoutMs = 900_000;

/** The longest that a message may take to come, as on the HTTP door. */
const messageTimeoutMs = 75_000;

/** How long before a caller's deadline its request ends, at most and as a share of what it gives. */
const longestMarginMs = 250;
const marginShare = 0.1;

/**
 * Lets calls in by their metadata alone. grpc-js reads the whole message, up to 32 MiB, before it
 * calls a method: only callers that are let in may send one.
 */
export class GrpcGate {
  readonly #options: GrpcGateOptions;
  /** In no order. Not a map, whose tables would keep former calls alive; see `Admission`. */
  readonly #waiting: EnteredCall<AnySide>[] = [];
  #sweep: Timer | undefined;

  constructor(options: GrpcGateOptions) {
    this.#options = options;
  }

  /** To be given to the server. Health and reflection, which ask for no key, pass. */
  readonly intercept: ServerInterceptor = (method, call) => {
    switch (method.path) {
      case "/penstock.inference.v1.InferenceService/Generate":
        return this.#intercept(call, new GrpcUnaryDownstream(call));
      case "/penstock.inference.v1.InferenceService/Embed":
        return this.#intercept(call, new GrpcUnaryDownstream(call), "embed");
      case "/penstock.inference.v1.InferenceService/CountTokens":
        return this.#intercept(call, new GrpcUnaryDownstream(call), "count_tokens");
      case "/penstock.inference.v1.InferenceService/StreamGenerate": {
        const { clock } = this.#options.parts;
        return this.#intercept(call, new GrpcStreamDownstream(call, clock));
      }
      case "/penstock.inference.v1.InferenceService/ListModels":
        return this.#interceptQuestion(call);
      default:
        return new ServerInterceptingCall(call);
    }
  };

  /** The call of a method whose message is here; undefined when it was given up before. */
  take<Side extends AnySide>(
    metadata: GatedMetadata,
    kind: new (...parameters: never[]) => Side,
  ): EnteredCall<Side> | undefined {
    const { entered } = metadata;
    if (entered === undefined || entered.index < 0) return undefined;
    this.#remove(entered);
    const { handler, downstream, index } = entered;
    return downstream instanceof kind ? { handler, downstream, index } : undefined;
  }

  /** Ends the watch over messages that do not come. */
  close(): void {
    this.#sweep?.cancel();
  }

  #intercept(
    call: Intercepted,
    downstream: AnySide,
    operation: Operation = "generate",
  ): ServerInterceptingCall {
    let entered: EnteredCall<AnySide> | undefined;
    return new ServerInterceptingCall(call, {
      start: (start) =>
        start({
          onReceiveMetadata: (metadata: GatedMetadata, next) => {
            const handler = this.#enter(call, metadata, { downstream, operation });
            if (handler === undefined) return;
            entered = { handler, downstream, index: -1 };
            metadata.entered = entered;
            this.#wait(entered);
            next(metadata);
          },
          onCancel: () => {
            if (entered === undefined) return;
            this.#remove(entered);
            downstream.stop();
            entered.handler.cancel();
          },
        }),
    });
  }

  /** Methods that send nothing to providers. */
  #interceptQuestion(call: Intercepted): ServerInterceptingCall {
    return new ServerInterceptingCall(call, {
      start: (start) =>
        start({
          onReceiveMetadata: (metadata, next) => {
            const { parts, currentSnapshot } = this.#options;
            const ambiguous = ambiguity(metadata);
            const caller = ambiguous ?? identify(currentSnapshot(), tokenOf(metadata), parts);
            if (caller instanceof GatewayError) call.sendStatus(toGrpcError(caller, newUuidV7()));
            else next(metadata);
          },
        }),
    });
  }

  /** Undefined when the call was refused, answered and settled. */
  #enter(
    call: Intercepted,
    metadata: Metadata,
    { downstream, operation }: { readonly downstream: AnySide; readonly operation: Operation },
  ): RequestHandler | undefined {
    const arrival = this.#arrival(metadata, Number(call.getDeadline()));
    const handler = new RequestHandler(arrival, downstream, this.#options.parts);
    downstream.context = handler.context;
    handler.context.operation = operation;
    handler.context.stream = downstream instanceof GrpcStreamDownstream;
    const refusal = ambiguity(metadata) ?? unusableTimeout(metadata, arrival.timeoutMs);
    if (refusal !== undefined) handler.refuse(refusal);
    else if (handler.enter()) return handler;
    return undefined;
  }

  #arrival(metadata: Metadata, deadlineMs: number): RequestArrival {
    const { clock } = this.#options.parts;
    const startMonotonicMs = clock.monotonicMs();
    const startWallMs = clock.wallMs();
    const given = textOf(metadata, "traceparent");
    return {
      requestId: newUuidV7(clock, startWallMs),
      door: Door.GRPC,
      token: tokenOf(metadata),
      snapshot: this.#options.currentSnapshot(),
      parent: given === undefined ? undefined : parseTraceparent(given),
      startMonotonicMs,
      startWallMs,
      timeoutMs: Math.min(maximumTimeoutMs, withMargin(deadlineMs - startWallMs)),
    };
  }

  /** One timer for all calls, while there are any: nearly every message comes with its metadata. */
  #wait(entered: EnteredCall<AnySide>): void {
    entered.index = this.#waiting.push(entered) - 1;
    this.#watch();
  }

  #watch(): void {
    this.#sweep ??= this.#options.parts.clock.schedule(messageTimeoutMs, () => {
      this.#sweep = undefined;
      this.#endLate();
      if (this.#waiting.length > 0) this.#watch();
    });
  }

  #endLate(): void {
    const before = this.#options.parts.clock.monotonicMs() - messageTimeoutMs;
    const isLate = ({ handler }: EnteredCall<AnySide>) =>
      handler.context.startMonotonicMs <= before;
    for (const entered of this.#waiting.filter(isLate)) {
      this.#remove(entered);
      const message = "The message of the request did not arrive in time.";
      entered.handler.interrupt(new GatewayError("DEADLINE_EXCEEDED", message));
    }
  }

  /** The last one takes its place. */
  #remove(entered: EnteredCall<AnySide>): void {
    if (entered.index < 0) return;
    const last = this.#waiting.pop();
    if (last !== undefined && last !== entered) {
      this.#waiting[entered.index] = last;
      last.index = entered.index;
    }
    entered.index = -1;
  }
}

/** The secret of a call, as `bearerToken` reads it. */
export function tokenOf(metadata: Metadata): string {
  const apiKey = textOf(metadata, "x-api-key");
  return bearerToken(textOf(metadata, "authorization"), apiKey);
}

/**
 * Time to work with: a caller stops listening at its deadline, so that what happened is told a little
 * before (reliability §2.1).
 */
function withMargin(remainingMs: number): number {
  return remainingMs - Math.min(longestMarginMs, Math.max(0, remainingMs) * marginShare);
}
