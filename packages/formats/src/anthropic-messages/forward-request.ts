import type { GenerateRequest } from "@penstock/api";
import { asciiJson } from "../ascii-json.ts";
import type { BodyEdit, ForwardableBody, TargetRequest } from "../format.ts";

/**
 * What of the caller's body must be replaced for a target of the same format: the model. Everything
 * else, known or not, arrives as the caller wrote it, so that prompt caches and signatures hold.
 */
export function forwardRequest(
  body: ForwardableBody,
  _request: GenerateRequest,
  target: TargetRequest,
): BodyEdit {
  const { start, end } = body.model;
  return { start, end, text: asciiJson(target.model) };
}
