import { formats } from "@penstock/formats";
import type { FormatName, StreamRelay } from "@penstock/formats";
import type { RequestContext } from "./request-context.ts";

/**
 * How a stream of a target that speaks the caller's format is passed on, under the name of the model
 * that the caller asked for; undefined: it is written anew.
 */
export function streamRelay(
  context: RequestContext,
  format: FormatName,
  model: string,
): StreamRelay | undefined {
  const { stream, report, callerFormat, includeUsage, requestId } = context;
  if (!stream || report || callerFormat !== format) return undefined;
  if (formats[format].relaysStreams !== true) return undefined;
  const createdSeconds = Math.floor(context.startWallMs / 1_000);
  return { model, includeUsage, requestId, createdSeconds };
}
