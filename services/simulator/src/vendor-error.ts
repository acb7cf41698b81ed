/** What a vendor complains of; each dialect has its own status, code and words for it. */
export type VendorErrorKind =
  | "bad_request"
  | "invalid_key"
  | "forbidden"
  | "not_found"
  | "timeout"
  | "too_large"
  | "unprocessable"
  | "rate_limit"
  | "quota"
  | "server_error"
  | "overloaded"
  | "context_length"
  | "content_filter"
  | "unsupported_parameter"
  | "unsupported_prefill";

/** An error that a vendor answers with. */
export interface VendorError {
  readonly kind: VendorErrorKind;
  /** HTTP status; undefined: the one that the vendor documents for the kind. */
  readonly status?: number | undefined;
  readonly message: string;
  /** Field of the request that is at fault. */
  readonly parameter?: string | undefined;
  /** Wait that is asked for, where the dialect tells it in the body. Unit: seconds. */
  readonly retryAfterSeconds?: number | undefined;
}

/** The kind that a status stands for when nothing else is said. */
export function kindOfStatus(status: number): VendorErrorKind {
  const kind = kinds[status];
  if (kind !== undefined) return kind;
  return status >= 500 ? "server_error" : "bad_request";
}

const kinds: Readonly<Record<number, VendorErrorKind>> = {
  401: "invalid_key",
  402: "quota",
  403: "forbidden",
  404: "not_found",
  408: "timeout",
  413: "too_large",
  422: "unprocessable",
  429: "rate_limit",
  503: "overloaded",
  504: "timeout",
  529: "overloaded",
};
