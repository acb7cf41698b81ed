import type { Scenario } from "./scenario.ts";
import type { VendorErrorKind } from "./vendor-error.ts";

type FieldOf<Value> = {
  [Name in keyof Scenario]-?: Required<Scenario>[Name] extends Value
    ? Value extends Required<Scenario>[Name]
      ? Name
      : never
    : never;
}[keyof Scenario];

/** A fault that carries a number, and the range it may be in. */
interface NumberFault {
  readonly field: FieldOf<number>;
  readonly least: number;
  readonly most: number;
}

const tokens = { least: 0, most: 100_000 };
const seconds = { least: 0, most: 86_400 };
const counted = { least: 1, most: 100_000 };

/** Faults named with a number behind a hyphen. */
export const numberFaults: Readonly<Record<string, NumberFault>> = {
  status: { field: "status", least: 400, most: 599 },
  "retry-after": { field: "retryAfterSeconds", ...seconds },
  "retry-after-ms": { field: "retryAfterMs", least: 0, most: 999_999 },
  "retry-after-date": { field: "retryAfterDateSeconds", ...seconds },
  "retry-after-prose": { field: "retryAfterProseSeconds", ...seconds },
  "slow-first-token": { field: "firstTokenMs", least: 0, most: 600_000 },
  "slow-content": { field: "contentDelayMs", least: 0, most: 600_000 },
  delay: { field: "tokenIntervalMs", least: 0, most: 60_000 },
  tokens: { field: "tokens", ...tokens },
  reasoning: { field: "reasoningTokens", ...tokens },
  calls: { field: "toolCalls", least: 1, most: 64 },
  "cut-after": { field: "cutAfter", ...tokens },
  "end-after": { field: "endAfter", ...tokens },
  "stall-after": { field: "stallAfter", ...tokens },
  "ping-after": { field: "pingAfter", ...tokens },
  "malformed-after": { field: "malformedAfter", ...tokens },
  "error-after": { field: "errorAfter", ...tokens },
  context: { field: "contextTokens", ...counted },
  rpm: { field: "requestsPerMinute", ...counted },
  tpm: { field: "tokensPerMinute", ...counted },
  first: { field: "firstCalls", ...counted },
  every: { field: "everyCall", ...counted },
};

/** Faults that are there or not. */
export const plainFaults: Readonly<Record<string, FieldOf<boolean>>> = {
  hang: "hang",
  reset: "reset",
  html: "html",
  "no-usage": "noUsage",
  "no-end": "noEnd",
  refusal: "refusal",
  "rejects-prefill": "rejectsPrefill",
};

/** Faults that are an error of the vendor, in its own words. */
export const errorFaults: Readonly<Record<string, VendorErrorKind>> = {
  "rate-limit": "rate_limit",
  "insufficient-quota": "quota",
  overloaded: "overloaded",
  "server-error": "server_error",
  "invalid-key": "invalid_key",
  forbidden: "forbidden",
  "too-large": "too_large",
  unprocessable: "unprocessable",
  "context-length": "context_length",
  "content-filter": "content_filter",
};

/** Names a field of the request's body that is refused: `rejects-temperature`. */
export const rejectsPrefix = "rejects-";

/** Names the tier by which a vendor serves, whatever was asked for: `served-as-default`. */
export const servedAsPrefix = "served-as-";

/** Before a fault that is for calls alone which count tokens: `count-hang`. */
export const countPrefix = "count-";

/** What all faults do, for people; `N` stands for a number. */
export function knownFaults(): string[] {
  return [
    ...Object.keys(plainFaults),
    ...Object.keys(errorFaults),
    `${rejectsPrefix}FIELD`,
    `${servedAsPrefix}TIER`,
    ...Object.keys(numberFaults).map((name) => `${name}-N`),
    `${countPrefix}FAULT`,
  ];
}
