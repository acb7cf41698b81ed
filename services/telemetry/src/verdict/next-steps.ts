import type { UsageError } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";

const retrySoon = "Send it again; if it stays so, look at the health of the targets.";
const retryLater = "Wait as long as the error says, then send it again.";
const newKey = "Give the caller a key that is valid.";
const fixRequest = "Change the request as the error says; the same request fails the same way.";
const fixCall = "Change the call to the control plane; requests are not affected.";
const lookAtGateway = "Look at the log of the router under the request's id.";

/** The router waited, and quota was there: it is slow, not away. */
const quotaSlow =
  "Send it again; if it stays so, see what makes quota or its database slow, " +
  "or let requests wait longer (PENSTOCK_QUOTA_WAIT).";
const neverFits =
  "Send less, or let the answer be shorter (the most output tokens), or raise the limit or budget.";
const quotaSlowStates: ReadonlySet<string> = new Set(["late", "skipped"]);

/** What to do about a request that ended for this reason, with what its error says besides. */
export function nextStep(reason: ErrorReason, error: UsageError | undefined): string {
  const state = error?.metadata["quota_state"] ?? "";
  const isSlow = reason === "QUOTA_UNAVAILABLE" && quotaSlowStates.has(state);
  if (isSlow) return quotaSlow;
  const isQuota = reason === "LIMIT_EXCEEDED" || reason === "BUDGET_EXHAUSTED";
  if (isQuota && error?.metadata["retry"] === "never") return neverFits;
  return stepsByCause.get(error?.metadata["failure_cause"] ?? "") ?? nextSteps[reason];
}

/** What is known of a provider's failure says more than its reason. */
const stepsByCause: ReadonlyMap<string, string> = new Map([
  ["name_unknown", "Check the host name in the provider's base URL, and the routers' DNS."],
  ["connection_refused", "See whether a server runs at the provider's base URL, and on that port."],
  ["network_unreachable", "See whether the routers' network reaches the provider's base URL."],
  [
    "address_refused",
    "Set `private_network` of the provider if its address is meant to be called.",
  ],
  ["tls_failed", "Check the provider's certificate, and `transport` for its CA and server name."],
  ["path_unknown", "Check the path of the provider's base URL, and its kind."],
  [
    "redirected",
    "Set the provider's base URL (`baseUrl`) to one that answers itself; redirects are never followed.",
  ],
  [
    "status_unknown",
    "Look at what the provider says of this status; the same request may well fail the same way.",
  ],
  ["no_credential", "Give the provider a `credential`."],
]);

const nextSteps: Record<ErrorReason, string> = {
  KEY_MISSING: "Let the caller send its virtual key as bearer token.",
  KEY_INVALID: newKey,
  KEY_EXPIRED: newKey,
  KEY_REVOKED: newKey,
  MODEL_NOT_ALLOWED: "Ask for an allowed model, or allow this one in the policy.",
  POLICY_DENIED: "Change the request, or the policy.",
  MODEL_NOT_FOUND: "Ask for a model that a route matches, or add a route for this one.",
  FIELD_INVALID: fixRequest,
  UNSUPPORTED_FIELD: fixRequest,
  UNSUPPORTED_MEDIA_TYPE: fixRequest,
  ENDPOINT_NOT_FOUND: "Use a path that the router serves.",
  METHOD_NOT_ALLOWED: "Use a method for which the path is served.",
  UPSTREAM_REJECTED_REQUEST: fixRequest,
  CONTEXT_LENGTH_EXCEEDED: "Send a shorter prompt, or add a target with a longer context.",
  REQUEST_TOO_LARGE: "Send less in one request.",
  CONTENT_FILTERED: "Change the content; the provider's filter refuses it.",
  LIMIT_EXCEEDED: "Wait until the limit has room again, or raise it.",
  BUDGET_EXHAUSTED: "Wait for the next period, or raise the budget.",
  QUOTA_UNAVAILABLE: "See why the quota service can't be reached, or change on_unavailable.",
  METERING_UNAVAILABLE: "See why the router can't record usage: its disk, or the bus.",
  UPSTREAM_RATE_LIMITED: "Ask the provider for a higher limit, or add a target of another one.",
  UPSTREAM_OVERLOADED: "Add a target of another provider; this one has too much to do.",
  UPSTREAM_AUTHENTICATION_FAILED: "Check the credential that the provider's resource refers to.",
  UPSTREAM_FAILED: retrySoon,
  UPSTREAM_MALFORMED: "Check that the provider's kind and base URL are right.",
  UPSTREAM_TIMEOUT: "Look at the provider's latency; raise the timeout if it is normal.",
  STREAM_INTERRUPTED: retrySoon,
  OVERLOADED: "Add router replicas or workers, or send fewer requests at once.",
  DRAINING: "Send it again; another replica takes it.",
  NOT_READY: "Wait until the router has a configuration.",
  NO_HEALTHY_TARGET: "Look at the health of the route's targets, or add one.",
  NO_TARGET_FITS: "Change what the rules name, in the request or in the configuration.",
  PRICE_MISSING: "Give the route's deployments a price book that prices their models.",
  CREDENTIAL_MISSING: "Set the credential that the provider's resource refers to.",
  DEADLINE_EXCEEDED: "Give the request a longer deadline.",
  CANCELLED: "",
  ETAG_MISMATCH: fixCall,
  ALREADY_EXISTS: fixCall,
  RESOURCE_NOT_FOUND: fixCall,
  RESOURCE_IN_USE: fixCall,
  PAGE_TOKEN_INVALID: fixCall,
  ADMIN_UNAUTHENTICATED: fixCall,
  ADMIN_PERMISSION_DENIED: fixCall,
  FAILED_PRECONDITION: fixCall,
  UNAVAILABLE: retryLater,
  UNIMPLEMENTED: fixRequest,
  INTERNAL: lookAtGateway,
};
