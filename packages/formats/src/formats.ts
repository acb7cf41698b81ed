import type { Format, FormatName } from "./format.ts";
import { googleGenerateContent } from "./google-generate-content/google-generate-content.ts";
import { openaiChat } from "./openai-chat/openai-chat.ts";
import { openaiResponses } from "./openai-responses/openai-responses.ts";

/** Every wire format by its name. */
export const formats: Readonly<Record<FormatName, Format>> = {
  "google-generate-content": googleGenerateContent,
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
};
