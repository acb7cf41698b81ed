export { isErrorReason, reasons } from "./src/reasons.ts";
export type { Blame, ErrorReason, LogLevel, ReasonRow, Retry } from "./src/reasons.ts";
export {
  connectionCauseOf,
  connectionSentences,
  unreadableSentence,
} from "./src/connection-causes.ts";
export type { ConnectionCause } from "./src/connection-causes.ts";
export { explanations } from "./src/explanations.ts";
export { errorPage, findErrorPage, helpPath } from "./src/error-page.ts";
export type { Explanation } from "./src/explanations.ts";
export { GatewayError, neverRetry, retryOf } from "./src/gateway-error.ts";
export type {
  ErrorSource,
  Exclusion,
  FieldViolation,
  GatewayErrorOptions,
  PreconditionViolation,
  QuotaViolation,
  ResourceReference,
} from "./src/gateway-error.ts";
export { toStatus } from "./src/to-status.ts";
export { fromStatus } from "./src/from-status.ts";
export { toGatewayError } from "./src/to-gateway-error.ts";
