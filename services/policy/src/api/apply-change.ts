import { createHash } from "node:crypto";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { GatewayError } from "@penstock/errors";
import { canonicalBytes, identityOf, requestIdOf, spanContextOf } from "@penstock/rpc";
import type { ChangeOutcome, ChangeWriter, Idempotency } from "../changes/change-writer.ts";
import type { Intent } from "../changes/intent.ts";
import type { ResourceView } from "../changes/resource-table.ts";

/** How an RPC changes resources. */
export interface ChangeCall<Output extends DescMessage> {
  readonly context: HandlerContext;
  readonly output: Output;
  readonly validateOnly?: boolean;
  /** False: the last route and the last virtual key are kept. */
  readonly allowEmpty?: boolean;
  readonly reason?: string;
  /** For requests with a `request_id`. */
  readonly repeatable?: RepeatableRequest | undefined;
  intents(view: ResourceView): readonly Intent[];
  /** The answer; without secrets, for it may be stored. */
  respond(outcome: ChangeOutcome): MessageInitShape<Output>;
}

/** A request that may come twice. */
export interface RepeatableRequest {
  readonly schema: DescMessage;
  readonly message: MessageShape<DescMessage> & { readonly requestId: string };
}

const maxRequestIdLength = 64;

/** Plans and writes on behalf of a call; a repeated request gets its first answer again. */
export async function applyChange<Output extends DescMessage>(
  writer: ChangeWriter,
  call: ChangeCall<Output>,
): Promise<{ response: MessageShape<Output>; repeated: boolean }> {
  const { context, output } = call;
  const method = `${context.service.typeName}/${context.method.name}`;
  const { reason } = call;
  const actor = identityOf(context).name;
  const requestId = requestIdOf(context);
  const result = await writer.write({
    origin: { actor, method, requestId, ...(reason === undefined ? {} : { reason }) },
    parent: spanContextOf(context),
    signal: context.signal,
    validateOnly: call.validateOnly ?? false,
    allowEmpty: call.allowEmpty ?? true,
    intents: (view) => call.intents(view),
    idempotency: idempotencyOf(call, method),
  });
  if ("repeated" in result)
    return { response: fromBinary(output, result.repeated), repeated: true };
  return { response: create(output, call.respond(result.outcome)), repeated: false };
}

function idempotencyOf<Output extends DescMessage>(
  call: ChangeCall<Output>,
  method: string,
): Idempotency | undefined {
  const { repeatable, output } = call;
  if (repeatable === undefined || repeatable.message.requestId === "") return undefined;
  const { requestId } = repeatable.message;
  if (requestId.length > maxRequestIdLength) {
    const description = `must have at most ${maxRequestIdLength} characters`;
    throw new GatewayError("FIELD_INVALID", `The field request_id ${description}.`, {
      fieldViolations: [{ field: "request_id", description }],
    });
  }
  const bytes = canonicalBytes(repeatable.schema, repeatable.message, ["request_id"]);
  const fingerprint = createHash("sha256").update(method).update("\0").update(bytes).digest();
  return {
    requestId,
    fingerprint,
    encode: (outcome) => toBinary(output, create(output, call.respond(outcome))),
  };
}
