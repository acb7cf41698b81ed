import type { RelayedAnswer } from "../format.ts";
import { isJsonObject } from "../read-json.ts";
import { readEnd } from "./read-response.ts";
import { encryptedOf } from "./read-output.ts";
import { findTopLevelValue } from "./top-level-value.ts";

/** A text of printable ASCII, which is the same in Latin-1 and in UTF-8. */
const plain = /^[\x20-\x7e]+$/;

/**
 * Looks over a whole answer that may go to the caller as it came: it is over and no failure, its
 * id, model and usage are there and believable. Undefined for any other, which `readResponse`
 * takes. What stands inside of items is not looked at.
 */
export function relayResponse(text: string): RelayedAnswer | undefined {
  const model = findTopLevelValue(text, "model");
  const fields = model === undefined ? undefined : parse(text);
  if (model === undefined || fields === undefined) return undefined;
  const { error, output } = fields;
  if (error != null || !Array.isArray(output) || !output.every(isJsonObject)) return undefined;
  const end = readEnd(fields);
  if (end.candidates.length === 0 || end.usage === undefined) return undefined;
  if (!plain.test(end.responseId) || !plain.test(end.model)) return undefined;
  const signature = signatureIn(output);
  return signature === undefined ? { model, end } : { model, end, signature };
}

/** The sealed content of the last reasoning. */
function signatureIn(output: readonly Record<string, unknown>[]): string | undefined {
  const last = output.findLast(
    (item) => item["type"] === "reasoning" && encryptedOf(item) !== undefined,
  );
  return last && encryptedOf(last);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
