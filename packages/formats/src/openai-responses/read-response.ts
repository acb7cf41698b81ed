import { GatewayError } from "@penstock/errors";
import { failureToError, localFailure } from "../failure-to-error.ts";
import type { Answer, AnswerEnd } from "../format.ts";
import { readInBandError } from "../openai-chat/read-error.ts";
import { shortText } from "../openai-chat/read-response.ts";
import { isJsonObject, readJsonObject } from "../read-json.ts";
import { readFinish } from "./finish-reason.ts";
import { readOutput } from "./read-output.ts";
import { readUsage } from "./usage.ts";

type Fields = Record<string, unknown>;

/**
 * Reads a whole answer. Throws UPSTREAM_MALFORMED when it is not what the format says, and the
 * error itself when the target put one into an answer of status 200.
 */
export function readResponse(body: Uint8Array): Answer {
  const fields = parse(body);
  refuseFailed(fields);
  const { output } = fields;
  if (!Array.isArray(output)) throw localFailure("MALFORMED", "no list of output items");
  const end = readEnd(fields);
  const [finish] = end.candidates;
  if (finish === undefined) throw localFailure("MALFORMED", "the answer is not over");
  return { candidates: [{ parts: readOutput(output), finish }], end };
}

/** Throws the error that an answer holds instead of content. */
export function refuseFailed(fields: Fields): void {
  const { error, status } = fields;
  if (error != null) throw failureToError(readInBandError({ error }));
  if (status === "failed" || status === "cancelled") {
    throw localFailure("UPSTREAM_ERROR", `status ${status}`);
  }
}

/** What an answer says of its end; no candidate when it says none. */
export function readEnd(fields: Fields): AnswerEnd {
  const { usage, raw, warnings } = readUsage(fields["usage"]);
  const { status, incomplete_details: details, output, service_tier: tier } = fields;
  const reason = isJsonObject(details) ? shortText(details["reason"]) : "";
  const isOver = status === "completed" || status === "incomplete";
  const end: AnswerEnd = {
    candidates: isOver ? [readFinish(status, reason, callsTools(output))] : [],
    usage,
    rawUsage: raw,
    responseId: shortText(fields["id"]),
    model: shortText(fields["model"]),
    warnings,
  };
  if (typeof tier === "string" && tier !== "") end.serviceTier = tier.slice(0, 64);
  return end;
}

function callsTools(output: unknown): boolean {
  if (!Array.isArray(output)) return false;
  return output.some((item: unknown) => isJsonObject(item) && isCall(item["type"]));
}

/** Whether an item asks the caller to run a tool. */
function isCall(type: unknown): boolean {
  return type === "function_call" || type === "custom_tool_call" || type === "local_shell_call";
}

function parse(body: Uint8Array): Fields {
  try {
    return readJsonObject(body);
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}
