import type { GenerateRequest } from "@penstock/api";
import { checkConverseParameters } from "./bedrock-converse/write-request.ts";
import { checkGoogleParameters } from "./google-generate-content/write-request.ts";
import { checkMessagesParameters } from "./anthropic-messages/write-request.ts";
import { checkFormatParameters as checkChatParameters } from "./openai-chat/write-request.ts";
import { checkResponsesParameters } from "./openai-responses/check-parameters.ts";

/**
 * Checks the `format_parameters` of a caller who wrote them directly: throws UNSUPPORTED_FIELD for a
 * name that is refused, or that has its own field in the request.
 */
export function checkFormatParameters(request: GenerateRequest): void {
  checkChatParameters(request);
  checkConverseParameters(request);
  checkGoogleParameters(request);
  checkResponsesParameters(request);
  checkMessagesParameters(request);
}
