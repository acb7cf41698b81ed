import { bedrockConverse } from "./bedrock-converse/bedrock-converse.ts";
import type { EmbeddingFormat, EmbeddingFormatName } from "./embedding-format.ts";
import { anthropicMessages } from "./anthropic-messages/anthropic-messages.ts";
import type { Format, FormatName } from "./format.ts";
import { googleGenerateContent } from "./google-generate-content/google-generate-content.ts";
import { openaiChat } from "./openai-chat/openai-chat.ts";
import { openaiEmbeddings } from "./openai-embeddings/openai-embeddings.ts";
import { openaiResponses } from "./openai-responses/openai-responses.ts";

/** Every wire format of answers by its name. */
export const formats: Readonly<Record<FormatName, Format>> = {
  "bedrock-converse": bedrockConverse,
  "anthropic-messages": anthropicMessages,
  "google-generate-content": googleGenerateContent,
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
};

/** Every wire format of vectors by its name. */
export const embeddingFormats: Readonly<Record<EmbeddingFormatName, EmbeddingFormat>> = {
  "openai-embeddings": openaiEmbeddings,
};
