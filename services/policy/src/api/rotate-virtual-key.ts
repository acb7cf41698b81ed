import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import type { RotateVirtualKeyRequest, VirtualKey, VirtualKeyCredential } from "@penstock/api";
import { RotateVirtualKeyRequestSchema, RotateVirtualKeyResponseSchema } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { expectResourceName } from "@penstock/rpc";
import { generateKey } from "@penstock/runtime";
import type { GeneratedKey } from "@penstock/runtime";
import { virtualKeyKind } from "../resources/virtual-key.ts";
import { applyChange } from "./apply-change.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { durationIn } from "./duration-in.ts";
import { credentialOf } from "./issue-credential.ts";
import { answerOf } from "./resource-handlers.ts";

const defaultOverlapMs = 24 * 60 * 60_000;
const maxOverlapMs = 30 * 24 * 60 * 60_000;

/**
 * Issues a new secret. Of the old ones only the newest works on, for the overlap: a key has at
 * most two secrets at a time.
 */
export function rotateVirtualKey({ writer }: ApiDependencies) {
  return async (request: RotateVirtualKeyRequest, context: HandlerContext) => {
    const { name, etag, overlap } = request;
    expectResourceName(name, "virtualKeys", "name");
    const bounds = { byDefaultMs: defaultOverlapMs, maxMs: maxOverlapMs };
    const overlapMs = durationIn(overlap, "overlap", bounds);
    const key = generateKey("psk");
    const { response, repeated } = await applyChange(writer, {
      context,
      output: RotateVirtualKeyResponseSchema,
      repeatable: { schema: RotateVirtualKeyRequestSchema, message: request },
      intents: () => [
        {
          type: "edit",
          field: "name",
          name,
          etag,
          edit: (copy, nowMs) => rotate(copy as VirtualKey, key, { nowMs, overlapMs }),
        },
      ],
      respond: ({ changes, revision }) => ({
        ...answerOf(virtualKeyKind, changes[0]?.after),
        revision,
      }),
    });
    // The secret of the first answer is known to nobody by now: a repetition issues no other one.
    if (!repeated) response.secret = key.text;
    return response;
  };
}

interface Overlap {
  readonly nowMs: number;
  readonly overlapMs: number;
}

function rotate(copy: VirtualKey, key: GeneratedKey, { nowMs, overlapMs }: Overlap): void {
  if (copy.revokeTime !== undefined) {
    const message = `${copy.name} was revoked, which is for good; create another key.`;
    throw new GatewayError("FAILED_PRECONDITION", message, {
      preconditionViolations: [
        { type: "REVOKED", subject: copy.name, description: "revoked keys get no new secret" },
      ],
      resource: { type: "virtualKeys", name: copy.name },
    });
  }
  const endMs = nowMs + overlapMs;
  const kept = copy.credentials
    .filter((credential) => endOf(credential) > nowMs)
    .toSorted((left, right) => startOf(left) - startOf(right))
    .slice(-1)
    .filter(() => overlapMs > 0);
  for (const credential of kept) {
    credential.expireTime = timestampFromMs(Math.min(endOf(credential), endMs));
  }
  copy.credentials = [...kept, credentialOf(key, nowMs)];
}

function endOf({ expireTime }: VirtualKeyCredential): number {
  return expireTime === undefined ? Number.POSITIVE_INFINITY : timestampMs(expireTime);
}

function startOf({ createTime }: VirtualKeyCredential): number {
  return createTime === undefined ? 0 : timestampMs(createTime);
}
