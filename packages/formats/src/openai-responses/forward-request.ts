import type { GenerateRequest, Message } from "@penstock/api";
import type { BodyEdit, ForwardableBody, TargetRequest } from "../format.ts";
import { asciiJson } from "../ascii-json.ts";
import { formatName } from "./format-part.ts";

/**
 * What of the caller's body must be replaced for a target of the same format: the model, and where
 * the caller did not say whether its answer is to be stored, that it is not. Everything else, known
 * or not, arrives as the caller wrote it. Undefined when there is something to leave out.
 */
export function forwardRequest(
  body: ForwardableBody,
  request: GenerateRequest,
  target: TargetRequest,
): BodyEdit | undefined {
  if (request.messages.some(hasForeignSignature)) return undefined;
  const { start, end } = body.model;
  const name = asciiJson(target.model);
  const isSaid = body.fields["store"] !== undefined;
  // Behind the model, as nothing else has a known place.
  return { start, end, text: isSaid ? name : `${name},"store":false` };
}

/** Whether a message has what another format's target made, which means nothing to this one. */
export function hasForeignSignature({ parts }: Message): boolean {
  return parts.some(({ part }) => {
    if (part.case !== "reasoning" && part.case !== "toolCall") return false;
    const { signatureIssuer } = part.value;
    return signatureIssuer !== undefined && signatureIssuer !== formatName;
  });
}
