export {
  type Answer,
  type AnswerEnd,
  type AnswerIdentity,
  type CallerRequest,
  type Format,
  type FormatName,
  type FormatQuirks,
  type JsonObject,
  type StreamEvent,
  type StreamLimits,
  type StreamReader,
  type StreamSink,
  type StreamWriter,
  type TargetRequest,
} from "./src/format.ts";
export {
  failureReasons,
  type FailureClass,
  type HeaderGetter,
  type UpstreamFailure,
} from "./src/upstream-failure.ts";
