import type { GenerateRequest } from "@penstock/api";
import { formats } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";
import type { RequestContext } from "./request-context.ts";

/**
 * The request as a target of a format gets it: what only the caller's format has words for is said
 * so that others understand it, and `warn` is told. How calls are told to the caller then is noted.
 */
export function plainForTarget(
  context: RequestContext,
  request: GenerateRequest,
  format: FormatName,
  warn: (warning: string) => void,
): GenerateRequest {
  const { callerFormat } = context;
  if (callerFormat === undefined || callerFormat === format) return request;
  const plain = formats[callerFormat].plainRequest?.(request, warn);
  if (plain?.callForms !== undefined) context.callForms = plain.callForms;
  return plain?.request ?? request;
}
