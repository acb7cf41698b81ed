import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { RevokeVirtualKeyRequest, VirtualKey } from "@penstock/api";
import { RevokeVirtualKeyResponseSchema } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { expectResourceName } from "@penstock/rpc";
import { virtualKeyKind } from "../resources/virtual-key.ts";
import { applyChange } from "./apply-change.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { answerOf } from "./resource-handlers.ts";

const maxReasonLength = 1_024;

/** Ends a key for good. A key that is revoked already stays as it is. */
export function revokeVirtualKey({ writer }: ApiDependencies) {
  return async (request: RevokeVirtualKeyRequest, context: HandlerContext) => {
    const { name, reason } = request;
    expectResourceName(name, "virtualKeys", "name");
    if (reason.length > maxReasonLength) {
      const description = `must have at most ${maxReasonLength} characters`;
      throw new GatewayError("FIELD_INVALID", `The field reason ${description}.`, {
        fieldViolations: [{ field: "reason", description }],
      });
    }
    const { response } = await applyChange(writer, {
      context,
      output: RevokeVirtualKeyResponseSchema,
      reason,
      intents: () => [
        {
          type: "edit",
          field: "name",
          name,
          etag: "",
          edit: (copy, nowMs) => {
            (copy as VirtualKey).revokeTime ??= timestampFromMs(nowMs);
          },
        },
      ],
      respond: ({ changes, revision }) => ({
        ...answerOf(virtualKeyKind, changes[0]?.after),
        revision,
      }),
    });
    return response;
  };
}
