import type { GenerateRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { callerPaths } from "@penstock/formats";
import type { CompiledTarget } from "@penstock/snapshot";
import { adaptRequest } from "../choosing/adapt-request.ts";
import type { AdmissionParts } from "./plan-for-context.ts";
import type { RequestContext } from "./request-context.ts";

/**
 * What can't be written for a target, with the paths of the caller's own body in place of those of
 * the canonical request. Callers of protobuf wrote the latter.
 */
export function inCallersWords(
  error: GatewayError,
  context: RequestContext,
  target: CompiledTarget,
  parts: Pick<AdmissionParts, "affinity" | "clock">,
): GatewayError {
  const { request } = context;
  if (request === undefined || error.fieldViolations.length === 0) return error;
  return inWordsOf(context, error, adaptRequest(context, target, parts)?.request ?? request);
}

/** The same for an error about the request in the form that was written, or was to be. */
export function inWordsOf(
  { request, original, callerFormat: format }: RequestContext,
  error: GatewayError,
  written: GenerateRequest,
): GatewayError {
  const [first] = error.fieldViolations;
  if (first === undefined || format === undefined) return error;
  if (request === undefined || original === undefined) return error;
  const pathOf = callerPaths({ format, body: original.bytes, request, written });
  const fieldViolations = error.fieldViolations.map((one) => ({
    ...one,
    field: pathOf(one.field),
  }));
  const begin = `The field ${first.field} `;
  const isNamed = error.message.startsWith(begin);
  const rest = error.message.slice(begin.length);
  const message = isNamed ? `The field ${pathOf(first.field)} ${rest}` : error.message;
  const { reason, source, retryAfterMs, metadata, cause } = error;
  return new GatewayError(reason, message, {
    source,
    retryAfterMs,
    metadata,
    fieldViolations,
    cause,
  });
}
