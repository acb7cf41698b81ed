import { formats, warnOfForeignParameters } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { adaptRequest } from "../choosing/adapt-request.ts";
import { forwardedBody } from "./forwarded-body.ts";
import type { AdmissionParts } from "./plan-for-context.ts";
import { plainForTarget } from "./plain-for-target.ts";
import type { RequestContext } from "./request-context.ts";
import { warnInto } from "./warn-into.ts";

/**
 * The body for a target: the caller's own where it may go on as it is, else the request in the
 * target's format. What is left out of it is told in the warnings of the context, and how calls are
 * told in its `callForms`. Throws a GatewayError when the format can't express the request.
 */
export function attemptBody(
  context: RequestContext,
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "affinity" | "clock">,
): string | Buffer {
  const { request, stream } = context;
  const { format, model, quirks } = target.deployment;
  if (request === undefined) throw new Error("runs after the request was read");
  const adapted = adaptRequest(context, target, parts);
  const warnings = adapted === undefined ? [] : [...adapted.warnings];
  context.warnings = warnings;
  context.callForms = undefined;
  const warn = warnInto(warnings);
  const defaultMaxOutputTokens = target.deployment.askedMaxOutputTokens;
  const wanted = { model, stream, quirks, warn, defaultMaxOutputTokens };
  warnOfForeignParameters(adapted?.request ?? request, format, warn);
  if (adapted === undefined) {
    const forwarded = forwardedBody(context, formats[format], wanted);
    if (forwarded !== undefined) return forwarded;
  }
  const asked = adapted?.request ?? request;
  return formats[format].writeRequest(plainForTarget(context, asked, format, warn), wanted);
}
