import { bedrockCountTokens } from "./bedrock-converse/count-tokens.ts";
import { bedrockConverse } from "./bedrock-converse/bedrock-converse.ts";
import type { CountingFormat, CountingFormatName } from "./counting-format.ts";
import type { EmbeddingFormat, EmbeddingFormatName } from "./embedding-format.ts";
import { anthropicCountTokens } from "./anthropic-messages/count-tokens.ts";
import { anthropicMessages } from "./anthropic-messages/anthropic-messages.ts";
import type { Format, FormatName } from "./format.ts";
import { geminiCountTokens, vertexCountTokens } from "./google-generate-content/count-tokens.ts";
import { googleGenerateContent } from "./google-generate-content/google-generate-content.ts";
import { openaiChat } from "./openai-chat/openai-chat.ts";
import { openaiEmbeddings } from "./openai-embeddings/openai-embeddings.ts";
import { openaiInputTokens } from "./openai-responses/input-tokens.ts";
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

/** Every way to ask for the tokens of an input, by its name. */
export const countingFormats: Readonly<Record<CountingFormatName, CountingFormat>> = {
  "anthropic-count-tokens": anthropicCountTokens,
  "bedrock-count-tokens": bedrockCountTokens,
  "gemini-count-tokens": geminiCountTokens,
  "openai-input-tokens": openaiInputTokens,
  "vertex-count-tokens": vertexCountTokens,
};
