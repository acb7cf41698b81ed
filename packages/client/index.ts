export { create } from "@bufbuild/protobuf";
export type { MessageInitShape } from "@bufbuild/protobuf";
export {
  BlockKind,
  EmbedRequestSchema,
  EmbedResponseSchema,
  FinishReason,
  GenerateRequestSchema,
  GenerateResponseSchema,
  ListModelsRequestSchema,
  MessageRole,
  MessageSchema,
  StreamGenerateResponseSchema,
  ToolChoiceMode,
  ToolSchema,
  UsageSource,
  VectorEncoding,
} from "@penstock/api";
export type {
  ContentPart,
  CountTokensResponse,
  Embedding,
  EmbedRequest,
  EmbedResponse,
  Finished,
  GenerateRequest,
  GenerateResponse,
  ListModelsResponse,
  Message,
  Model,
  ModelFacts,
  Started,
  StreamGenerateResponse,
  TokenUsage,
  Tool,
} from "@penstock/api";
export type { ErrorReason, Exclusion, FieldViolation, QuotaViolation } from "@penstock/errors";
export { PenstockError } from "./src/penstock-error.ts";
export { createPenstockClient } from "./src/penstock-client.ts";
export type {
  Answer,
  CallOptions,
  EmbedRequestInit,
  GenerateRequestInit,
  ListModelsRequestInit,
  PenstockClient,
} from "./src/penstock-client.ts";
export type { PenstockClientOptions, TlsOptions } from "./src/channel.ts";
export type { GenerateEvent, GenerateStream } from "./src/generate-stream.ts";
export { OpenAI } from "./src/openai/openai-client.ts";
export type { CreateChatCompletion, OpenAIOptions } from "./src/openai/openai-client.ts";
export type { ModelList } from "./src/openai/openai-calls.ts";
export type { ChatCompletionStream } from "./src/openai/chat-stream.ts";
export {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from "./src/openai/api-error.ts";
export type {
  ChatAnnotation,
  ChatCompletion,
  ChatCompletionChunk,
  ChatDelta,
  ChatFinishReason,
  ChatLogprobs,
  ChatMessage,
  ChatTokenLogprob,
  ChatToolCall,
  CompletionUsage,
  CreateEmbeddingResponse,
  ModelEntry,
} from "./src/openai/openai-answers.ts";
export type {
  ChatCompletionParams,
  ChatContentPartParam,
  ChatMessageParam,
  EmbeddingParams,
  RequestOptions,
} from "./src/openai/openai-params.ts";
