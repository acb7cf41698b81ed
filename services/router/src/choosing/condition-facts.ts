import { estimateUsage } from "@penstock/pricing";
import type { ConditionFacts } from "@penstock/snapshot";
import { mediaOf, textBytes } from "../pipeline/media-size.ts";
import type { RequestContext } from "../pipeline/request-context.ts";
import { hasMedia } from "./request-needs.ts";

/** What conditions may ask of a request. Gone through only where a route or target has one. */
export function conditionFacts(context: RequestContext): ConditionFacts {
  if (context.conditionFacts !== undefined) return context.conditionFacts;
  const { caller, request, requestBytes, stream } = context;
  if (caller === undefined || request === undefined) throw new Error("runs after authenticate");
  const media = mediaOf(context);
  const input = {
    requestBytes: textBytes(requestBytes, media),
    mediaTokens: media?.tokens ?? 0,
  };
  const facts: ConditionFacts = {
    key: caller.virtualKey,
    project: caller.project,
    team: caller.team,
    model: request.model,
    labels: request.labels,
    end_user: request.endUser ?? "",
    stream,
    input_tokens: BigInt(estimateUsage(input).inputTokens),
    max_output_tokens: BigInt(request.sampling?.maxOutputTokens ?? 0),
    has_tools: request.tools.length > 0,
    has_images: hasMedia(request, "image"),
    has_audio: hasMedia(request, "audio"),
    has_files: hasMedia(request, "file"),
    has_reasoning: request.reasoning !== undefined,
    has_json_schema: request.responseFormat?.format.case === "jsonSchema",
  };
  context.conditionFacts = facts;
  return facts;
}
