import type { Format, TargetRequest } from "@penstock/formats";
import type { RequestContext } from "./request-context.ts";

/**
 * The caller's own body with what differs for the target replaced; undefined when the target speaks
 * another format, or wants something said in another way.
 */
export function forwardedBody(
  context: RequestContext,
  format: Pick<Format, "name" | "forwardRequest">,
  target: TargetRequest,
): Buffer | undefined {
  const { original, request, callerFormat } = context;
  if (original === undefined || request === undefined) return undefined;
  if (callerFormat !== format.name) return undefined;
  const { bytes, forwardable } = original;
  if (forwardable === undefined) return undefined;
  const edit = format.forwardRequest(forwardable, request, target);
  if (edit === undefined) return undefined;
  const { start, end, text } = edit;
  const body = Buffer.allocUnsafe(bytes.length - (end - start) + text.length);
  bytes.copy(body, 0, 0, start);
  body.write(text, start, "latin1");
  bytes.copy(body, start + text.length, end);
  return body;
}
