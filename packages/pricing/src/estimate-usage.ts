import { fieldInvalid } from "./field-invalid.ts";
import { maximumTokenCount } from "./token-usage.ts";

/** Bytes per token while nothing is known about a model (decisions §6). */
export const defaultBytesPerToken = 3.6;

/** Output tokens assumed where neither caller nor deployment says a maximum (decisions §6). */
export const defaultMaximumOutputTokens = 1_024;

// A terabyte: far above any body, and its thousandfold is still a safe integer.
const maximumSizeBytes = 1_000_000_000_000;

/** What is known about a request before it is sent. */
export interface UsageEstimateInput {
  /** Size of the request's body in bytes, that of the media in it excluded. */
  readonly requestBytes: number;
  /** Tokens of the media in it (`estimateMediaTokens`); none when left out. */
  readonly mediaTokens?: number;
  /** The maximum of output tokens the caller set. */
  readonly requestedMaxOutputTokens?: number | undefined;
  /** The deployment's default, used where the caller set none; 1,024 when left out. */
  readonly defaultMaxOutputTokens?: number;
  /** How many answers the caller wants (`n`); 1 when left out. */
  readonly candidateCount?: number;
  /** Calibrated value of the model; 3.6 when left out. */
  readonly bytesPerToken?: number;
}

/** Tokens to reserve for a request, each from 0 to `maximumTokenCount`. */
export interface UsageEstimate {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What the caller allowed to be written: no estimate of an answer says that more was. */
  readonly mostOutputTokens: number;
}

/**
 * A cautious estimate before the call: input is bytes / bytes per token, rounded up, and what
 * its media take; output is the
 * requested maximum (else the default) for each candidate. Both stop at `maximumTokenCount`.
 * Throws FIELD_INVALID for anything that is not a whole number of at least 0: a negative maximum
 * must never turn into a negative reservation.
 */
export function estimateUsage(input: UsageEstimateInput): UsageEstimate {
  const maximum = wholeNumber(
    input.requestedMaxOutputTokens ?? input.defaultMaxOutputTokens ?? defaultMaximumOutputTokens,
    "max_output_tokens",
  );
  const candidates = wholeNumber(input.candidateCount ?? 1, "candidate_count");
  const outputTokens = Math.min(maximumTokenCount, maximum * candidates);
  const mediaTokens = wholeNumber(input.mediaTokens ?? 0, "media_tokens");
  const textTokens = tokensOfBytes(
    input.requestBytes,
    input.bytesPerToken ?? defaultBytesPerToken,
    "request_bytes",
  );
  return {
    inputTokens: Math.min(maximumTokenCount, textTokens + mediaTokens),
    outputTokens,
    mostOutputTokens:
      input.requestedMaxOutputTokens === undefined ? maximumTokenCount : outputTokens,
  };
}

/**
 * Output tokens of a stream that ended without a report: the bytes of text received / bytes per
 * token, rounded up, at most `maximumTokenCount`. Throws FIELD_INVALID like `estimateUsage`.
 */
export function estimateOutputTokensFromBytes(
  bytes: number,
  bytesPerToken: number = defaultBytesPerToken,
): number {
  return tokensOfBytes(bytes, bytesPerToken, "bytes");
}

// In thousandths of a byte and with integer division, so that every machine and every replay of a
// record gives the same count.
function tokensOfBytes(bytes: number, bytesPerToken: number, field: string): number {
  const thousandths = Math.round(bytesPerToken * 1000);
  if (!(thousandths >= 1 && thousandths <= 1_000_000)) {
    throw fieldInvalid("bytes_per_token", "must be from 0.001 to 1000");
  }
  const scaled = Math.min(wholeNumber(bytes, field), maximumSizeBytes) * 1000;
  const remainder = scaled % thousandths;
  const tokens = (scaled - remainder) / thousandths + (remainder > 0 ? 1 : 0);
  return Math.min(maximumTokenCount, tokens);
}

function wholeNumber(value: number, field: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw fieldInvalid(field, "must be a whole number of at least 0");
}
