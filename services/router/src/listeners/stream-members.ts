import type { CallerRequest, FormatName } from "@penstock/formats";

const streamed = ',"stream":true'.length;
const notStreamed = ',"stream":false'.length;
const usageAsked = ',"stream_options":{"include_usage":true}'.length;

/**
 * Bytes of a body that say how the answer is to come, as clients write them: nothing of the input,
 * so that the same input is estimated alike whole and streamed. None where the path says it.
 */
export function streamMemberBytes(
  format: FormatName,
  { stream, includeUsage, forwardable }: CallerRequest,
): number {
  if (format === "google-generate-content" || format === "bedrock-converse") return 0;
  if (!stream) return forwardable?.fields["stream"] === false ? notStreamed : 0;
  return format === "openai-chat" && includeUsage ? streamed + usageAsked : streamed;
}
