import type { ClientReadableStream, Metadata, ServiceError, StatusObject } from "@grpc/grpc-js";
import type { StreamGenerateRequest, StreamGenerateResponse } from "@penstock/api";
import { InferenceService } from "@penstock/api";
import type { CallDefaults, CallOptions } from "./call.ts";
import { callDeadline, callMetadata, cancelOnAbort, toHeaders, wireForm } from "./call.ts";
import type { FollowedChannel } from "./followed-channel.ts";
import { cancelledError, toPenstockError } from "./penstock-error.ts";

/**
 * One event of an answer: its kind in `case`, its content in `value`. A kind that this version
 * does not know has the case undefined.
 */
export type GenerateEvent = StreamGenerateResponse["event"];

/**
 * An answer while it is written; to be iterated once. Leaving the loop cancels the call, up to the
 * provider. A failure is thrown by the loop as PenstockError.
 */
export interface GenerateStream extends AsyncIterable<GenerateEvent> {
  /** The metadata before the first event. Rejects with a PenstockError when there is none. */
  readonly headers: Promise<Headers>;
  /** The metadata after the last event, also of a failed call. */
  readonly trailers: Promise<Headers>;
  /** Cancels the call; a loop under way throws a PenstockError with reason CANCELLED. */
  cancel(): void;
}

/** Starts a streamed answer at once. Never throws: a call that can't begin fails in its loop. */
export function openGenerateStream(
  channel: Pick<FollowedChannel, "current">,
  request: StreamGenerateRequest,
  defaults: CallDefaults,
  options: CallOptions,
): GenerateStream {
  if (options.signal?.aborted === true) return refusedStream(cancelledError());
  let call: EventCall;
  try {
    const { path, write, read } = wireForm(InferenceService.method.streamGenerate);
    const metadata = callMetadata(defaults, options);
    const deadline = callDeadline(defaults, options);
    const open = channel.current;
    const opened = open.makeServerStreamRequest(path, write, read, request, metadata, { deadline });
    call = opened as EventCall;
  } catch (error) {
    return refusedStream(error);
  }
  return followCall(call, options);
}

function followCall(call: EventCall, options: CallOptions): GenerateStream {
  const unwatch = cancelOnAbort(options.signal, () => call.cancel());
  const headers = Promise.withResolvers<Headers>();
  const trailers = Promise.withResolvers<Headers>();
  // Nobody has to look at the headers, so their failure alone must not be unhandled.
  headers.promise.catch(() => undefined);
  let initial: Metadata | undefined;
  call.on("metadata", (received: Metadata) => {
    initial = received;
    headers.resolve(toHeaders(received));
  });
  // The stream itself forgets its failure: a loop that begins later would find a plain end.
  let failed: Error | undefined;
  call.on("error", (error: Error) => {
    failed = asPenstockError(error, initial);
    headers.reject(failed);
  });
  call.on("status", (status: StatusObject) => {
    unwatch();
    trailers.resolve(toHeaders(status.metadata));
    if (status.code === 0) headers.resolve(toHeaders(initial));
  });
  return {
    headers: headers.promise,
    trailers: trailers.promise,
    cancel: () => call.cancel(),
    [Symbol.asyncIterator]: () =>
      cancelling(call, events(call, { initial: () => initial, failed: () => failed })),
  };
}

type EventCall = ClientReadableStream<StreamGenerateResponse>;

interface KnownOfCall {
  readonly initial: () => Metadata | undefined;
  readonly failed: () => Error | undefined;
}

async function* events(
  call: EventCall,
  { initial, failed }: KnownOfCall,
): AsyncGenerator<GenerateEvent> {
  try {
    for await (const message of call) yield (message as StreamGenerateResponse).event;
  } catch (error) {
    throw asPenstockError(error as Error, initial());
  } finally {
    // Does nothing when the call has ended.
    call.cancel();
  }
  const failure = failed();
  if (failure !== undefined) throw failure;
}

/** A generator that was left before its first event would not come to its end. */
function cancelling(
  call: EventCall,
  events: AsyncGenerator<GenerateEvent>,
): AsyncIterableIterator<GenerateEvent> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => events.next(),
    return: () => {
      call.cancel();
      return events.return(undefined);
    },
  };
}

function asPenstockError(error: Error, initial: Metadata | undefined): Error {
  return "code" in error && typeof error.code === "number"
    ? toPenstockError(error as ServiceError, initial)
    : error;
}

function refusedStream(error: unknown): GenerateStream {
  const refused = Promise.reject<Headers>(error);
  refused.catch(() => undefined);
  return {
    headers: refused,
    trailers: Promise.resolve(new Headers()),
    cancel: () => undefined,
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
  };
}
