import { formats } from "@penstock/formats";
import type { FormatName, StreamRelay } from "@penstock/formats";
import type { RequestContext } from "./request-context.ts";

/**
 * How a stream of a target that speaks the caller's format is passed on, under the name of the model
 * that the caller asked for; undefined: it is written anew.
 */
export function streamRelay(
  { stream, report, callerFormat }: RequestContext,
  format: FormatName,
  model: string,
): StreamRelay | undefined {
  if (!stream || report || callerFormat !== format) return undefined;
  return formats[format].relaysStreams === true ? { model } : undefined;
}
