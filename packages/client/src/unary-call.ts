import type { DescMethodUnary, DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import type { CallDefaults, CallOptions } from "./call.ts";
import { callDeadline, callMetadata, cancelOnAbort, toHeaders, wireForm } from "./call.ts";
import type { FollowedChannel } from "./followed-channel.ts";
import { cancelledError, toPenstockError } from "./penstock-error.ts";

/** The answer of a unary call with the metadata before and after it. */
export interface Answer<Response> {
  readonly response: Response;
  readonly headers: Headers;
  readonly trailers: Headers;
}

/** Makes a unary call. Rejects with a PenstockError. */
export function callUnary<Input extends DescMessage, Output extends DescMessage>(
  channel: Pick<FollowedChannel, "current">,
  method: DescMethodUnary<Input, Output>,
  request: MessageShape<Input>,
  settings: { readonly defaults: CallDefaults; readonly options: CallOptions },
): Promise<Answer<MessageShape<Output>>> {
  const { defaults, options } = settings;
  if (options.signal?.aborted === true) return Promise.reject(cancelledError());
  const { path, write, read } = wireForm(method);
  return new Promise((resolve, reject) => {
    let response: MessageShape<Output>;
    let initial: Metadata | undefined;
    // What throws here rejects.
    const call = channel.current.makeUnaryRequest(
      path,
      write,
      read,
      request,
      callMetadata(defaults, options),
      { deadline: callDeadline(defaults, options) },
      (error, value) => {
        if (error !== null) {
          unwatch();
          reject(toPenstockError(error, initial));
        } else response = value as MessageShape<Output>;
      },
    );
    const unwatch = cancelOnAbort(options.signal, () => call.cancel());
    call.on("metadata", (metadata) => {
      initial = metadata;
    });
    // The status comes after the callback and brings the trailers.
    call.on("status", (status) => {
      unwatch();
      if (status.code !== 0) return;
      resolve({ response, headers: toHeaders(initial), trailers: toHeaders(status.metadata) });
    });
  });
}
