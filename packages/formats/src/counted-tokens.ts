import { GatewayError } from "@penstock/errors";
import { localFailure } from "./failure-to-error.ts";
import { readJsonObject } from "./read-json.ts";
import { isToldCount } from "./told-count.ts";

/**
 * The count in a target's answer, which stands in the member `name`. An input that was worth asking
 * about has tokens, so that zero is no count. Unit: tokens. Throws UPSTREAM_MALFORMED.
 */
export function readCountedTokens(body: Uint8Array, name: string): number {
  const count = parse(body)[name];
  if (isToldCount(count) && count > 0) return count;
  throw localFailure("MALFORMED", `no count of tokens in ${name}`);
}

/** The members of a body that bear on the input, in the order of `names`. */
export function onlyMembers(
  body: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const name of names) if (body[name] !== undefined) kept[name] = body[name];
  return kept;
}

function parse(body: Uint8Array): Record<string, unknown> {
  try {
    return readJsonObject(body);
  } catch (error) {
    if (error instanceof GatewayError) throw localFailure("MALFORMED", error.message);
    throw error;
  }
}
