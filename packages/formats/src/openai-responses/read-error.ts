import { readError as readChatError } from "../openai-chat/read-error.ts";
import { isJsonObject } from "../read-json.ts";
import type { HeaderGetter, UpstreamFailure } from "../upstream-failure.ts";

/** More of an error body is never looked at. Unit: bytes. */
const maxErrorBytes = 65_536;

const decoder = new TextDecoder("utf-8");

/**
 * Classifies an error answer as the Chat Completions API does, but for one: status 404 is also what
 * an item of the input gets that the provider does not store. That is the caller's doing, and says
 * nothing against the model. Total.
 */
export function readError(
  status: number,
  header: HeaderGetter,
  body: Uint8Array,
  nowMs?: number,
): UpstreamFailure {
  const failure = readChatError(status, header, body, nowMs);
  if (failure.class !== "MODEL_NOT_FOUND" || !isAboutInput(body)) return failure;
  const { providerCode, providerType, message } = failure;
  const about = { rule: "item-not-stored", unmapped: false };
  return { class: "BAD_REQUEST", providerCode, providerType, message, ...about };
}

/** Whether the field at fault is one of the conversation's. */
function isAboutInput(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(decoder.decode(body.subarray(0, maxErrorBytes)));
    const error = isJsonObject(value) ? value["error"] : undefined;
    const field = isJsonObject(error) ? error["param"] : undefined;
    return typeof field === "string" && (field === "previous_response_id" || isInput(field));
  } catch {
    return false;
  }
}

function isInput(field: string): boolean {
  return field === "input" || field.startsWith("input[") || field.startsWith("input.");
}
