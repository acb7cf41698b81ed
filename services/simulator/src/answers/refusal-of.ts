import { MessageRole } from "@penstock/api";
import type { VendorError } from "../vendor-error.ts";
import type { Call } from "./call.ts";

/** The error by which a vendor refuses what the call asks for; undefined when it does not. */
export function refusalOf(call: Call): VendorError | undefined {
  const { scenario, asked, inputTokens, body, limitWaitMs } = call;
  if (limitWaitMs !== undefined) {
    return {
      kind: "rate_limit",
      message: "simulated limit per minute",
      retryAfterSeconds: Math.ceil(limitWaitMs / 1_000),
    };
  }
  const { contextTokens = Infinity, rejects, rejectsPrefill } = scenario;
  if (inputTokens > contextTokens) {
    const message = `simulated context of ${contextTokens} tokens, asked with ${inputTokens}`;
    return { kind: "context_length", message, parameter: "messages" };
  }
  if (rejects !== undefined && hasField(body, rejects)) {
    const message = `simulated: "${rejects}" is not supported with this model`;
    return { kind: "unsupported_parameter", message, parameter: rejects };
  }
  if (rejectsPrefill === true && asked.request.messages.at(-1)?.role === MessageRole.ASSISTANT) {
    const message = "simulated: this model does not support assistant message prefill";
    return { kind: "unsupported_prefill", message, parameter: "messages" };
  }
  return undefined;
}

/** Whether the body has the field, at the top or in an object that stands there. */
function hasField(body: Readonly<Record<string, unknown>>, name: string): boolean {
  if (Object.hasOwn(body, name)) return true;
  return Object.values(body).some(
    (value) => typeof value === "object" && value !== null && Object.hasOwn(value, name),
  );
}
