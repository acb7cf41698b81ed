export { unknownParameters, type UnknownParameter } from "./src/unknown-parameters.ts";
export { callerPaths, type RefusedRequest } from "./src/caller-paths.ts";
export {
  type Answer,
  type AnswerEnd,
  type AnswerIdentity,
  type BodyEdit,
  type CallerRequest,
  type Format,
  type FormatName,
  type FormatQuirks,
  type ForwardableBody,
  type JsonObject,
  type PlainRequest,
  type RelayedAnswer,
  type RequestAddress,
  type StreamEvent,
  type StreamLimits,
  type StreamReader,
  type StreamRelay,
  type StreamSink,
  type StreamWriter,
  type TargetRequest,
  type TextRange,
} from "./src/format.ts";
export type { CallForms } from "./src/call-forms.ts";
export { headerRules, type HeaderRules } from "./src/header-rules.ts";
export {
  failureReasons,
  type FailureClass,
  type HeaderGetter,
  type UpstreamFailure,
} from "./src/upstream-failure.ts";
export { bedrockConverse } from "./src/bedrock-converse/bedrock-converse.ts";
export {
  type CallerEmbedRequest,
  type EmbeddingFormat,
  type EmbeddingFormatName,
  type EmbeddingQuirks,
  type EmbeddingTarget,
  type ExpectedVectors,
  type VectorAnswer,
} from "./src/embedding-format.ts";
export type { CountingFormat, CountingFormatName } from "./src/counting-format.ts";
export { countingFormats, embeddingFormats, formats } from "./src/formats.ts";
export { finishWarning } from "./src/finish-warning.ts";
export { warnOfForeignParameters } from "./src/foreign-parameters.ts";
export { askedTier, mayServe } from "./src/service-tier.ts";
export { sideEffectOf } from "./src/side-effect.ts";
export { failureOfError, failureToError, localFailure } from "./src/failure-to-error.ts";
export {
  type CooldownScope,
  type FailureAction,
  type FailureCircumstances,
  type FailureFacts,
  type FailureRule,
} from "./src/failures/failure-rule.ts";
export { failureTreatments, type FailureTreatment } from "./src/failures/failure-treatments.ts";
export { judgeFailure, refineFailure } from "./src/failures/judge-failure.ts";
export { namesNoModel } from "./src/failures/names-no-model.ts";
export { statusRules } from "./src/failures/status-rules.ts";
export { googleGenerateContent } from "./src/google-generate-content/google-generate-content.ts";
export { anthropicMessages } from "./src/anthropic-messages/anthropic-messages.ts";
export { openaiChat } from "./src/openai-chat/openai-chat.ts";
export { openaiResponses } from "./src/openai-responses/openai-responses.ts";
export { checkFormatParameters } from "./src/check-format-parameters.ts";
export { openaiEmbeddings } from "./src/openai-embeddings/openai-embeddings.ts";
export { checkEmbeddingParameters } from "./src/openai-embeddings/write-request.ts";
export { encodeVector } from "./src/vector-encoding.ts";
export { parseDuration } from "./src/retry-after.ts";
export { redactMessage } from "./src/redact.ts";
export { isJsonObject } from "./src/read-json.ts";
export type { WishDialect } from "./src/wishes/wishes.ts";
export { scanJson, type JsonLimits, type JsonScan } from "./src/scan-json.ts";
export { SseParser, type SseHandler } from "./src/streams/sse-parser.ts";
