import type { ErrorReason } from "./reasons.ts";

/** What a person reads of a reason: why it comes, and what to do. Whole sentences. */
export interface Explanation {
  readonly cause: string;
  readonly steps: readonly string[];
}

const callerKey =
  "Send a virtual key as `Authorization: Bearer psk_…` (gRPC: metadata `authorization`).";
const seeWhy = "`penstock why <request id>` shows every attempt with its target, class and time.";
const seeExplain =
  "`penstock explain` shows for a key and a model which routes, policies and targets are weighed.";
const targetHealth =
  "`RouterService.ListTargetHealth` on the admin port says which targets are left alone, why and until when.";
const neverFits =
  "Where the message says `never room`, the request is more than all of it: no delay is told and `retry: never` stands in the error's metadata. Send less, or let the answer be shorter.";
const sdkRetries =
  "Penstock has used up its own attempts, so the answer carries `x-should-retry: false`: wait before you ask again.";

/** The explanation of every reason; a page is generated of each. */
export const explanations: Readonly<Record<ErrorReason, Explanation>> = {
  KEY_MISSING: { cause: "The request carries no virtual key.", steps: [callerKey] },
  KEY_INVALID: {
    cause: "The virtual key is malformed, or no router knows it.",
    steps: [
      "Compare it with the one that was shown when it was made; it begins with `psk_` and is shown once.",
      "Check that the key belongs to this installation. A new key is known to every router within a second or so.",
    ],
  },
  KEY_EXPIRED: {
    cause: "The virtual key, or this secret of it, had an expiry, and that has passed.",
    steps: ["Ask whoever made the key to rotate it or to set another expiry."],
  },
  KEY_REVOKED: {
    cause: "The virtual key was revoked.",
    steps: ["Use another key. A revoked key does not come back."],
  },
  MODEL_NOT_ALLOWED: {
    cause: "A policy does not allow this model to the caller.",
    steps: ["Ask for a model that is allowed; `GET /v1/models` lists them.", seeExplain],
  },
  POLICY_DENIED: {
    cause: "A policy denies the request; the message names it.",
    steps: ["Change the request so that the policy allows it, or the policy.", seeExplain],
  },
  MODEL_NOT_FOUND: {
    cause: "No route serves a model of this name for the caller.",
    steps: ["Check the spelling; `GET /v1/models` lists what is served.", seeExplain],
  },
  FIELD_INVALID: {
    cause: "A field of the request has a value that can't be meant. The error names each field.",
    steps: ["Correct the fields that are named and send the request again."],
  },
  UNSUPPORTED_FIELD: {
    cause: "A field is known, and refused here: by a policy, or because no target can do it.",
    steps: ["Leave the field out, or ask for a model whose target supports it."],
  },
  UNSUPPORTED_MEDIA_TYPE: {
    cause: "The body has a content type or an encoding that is not read here.",
    steps: [
      "Send `content-type: application/json`, plain or with one `content-encoding`: gzip, deflate, br or zstd.",
    ],
  },
  ENDPOINT_NOT_FOUND: {
    cause: "The path is not served by this port.",
    steps: [
      "Send it to the path that the message names, if it names one; the client's base URL is often what is wrong.",
      "OpenAI's clients want a base URL that ends with `/v1`, Anthropic's one without.",
      'WebSockets (426) are not served: send the request with `"stream": true` over plain HTTP.',
    ],
  },
  METHOD_NOT_ALLOWED: {
    cause: "The path is served, for another HTTP method.",
    steps: ["Use a method that the header `allow` names."],
  },
  UPSTREAM_REJECTED_REQUEST: {
    cause: "The provider refused what the caller wrote. Its words are quoted where they help.",
    steps: [
      "Change the request as the provider says. Asking again without a change fails again.",
      seeWhy,
    ],
  },
  CONTEXT_LENGTH_EXCEEDED: {
    cause:
      "The input, with the output that was asked for, is longer than the model takes, and the route has no target with a larger context.",
    steps: [
      "Shorten the input or lower the largest number of output tokens.",
      "Add a target with a larger context to the route, with `context_tokens` in its capabilities.",
    ],
  },
  REQUEST_TOO_LARGE: {
    cause: "The body has more bytes than Penstock, or the provider, takes.",
    steps: ["Make the body smaller, for example by smaller images."],
  },
  CONTENT_FILTERED: {
    cause: "A content filter of the provider refused the request.",
    steps: [
      "Change the content.",
      "Where other providers may be asked, set `content_filter_fallback` on the route.",
    ],
  },
  LIMIT_EXCEEDED: {
    cause: "A limit of Penstock has no room now; the error names it.",
    steps: ["Wait as long as `Retry-After` says.", neverFits, "Raise the limit if it is too low."],
  },
  BUDGET_EXHAUSTED: {
    cause: "A budget is used up until its period ends; the error names it.",
    steps: ["Wait for the period to end, or raise the budget.", neverFits],
  },
  QUOTA_UNAVAILABLE: {
    cause:
      "The quota service did not say whether there is room, and the limit or budget says to deny then.",
    steps: [
      "Ask again after the wait that is told.",
      "Look whether quota and its database run; the router logs what it waited for.",
    ],
  },
  METERING_UNAVAILABLE: {
    cause: "Usage can't be recorded now, and the key may not go unmetered.",
    steps: ["Look at the disk of the router: it is full, or its spool is at its bound."],
  },
  UPSTREAM_RATE_LIMITED: {
    cause: "The providers of all targets limit their requests, or say that the account is used up.",
    steps: [
      sdkRetries,
      "Raise the limit at the provider, or add a target with another key or provider to the route.",
      targetHealth,
    ],
  },
  UPSTREAM_OVERLOADED: {
    cause: "The providers of all targets say that they have too much to do.",
    steps: [sdkRetries, "Add a target at another provider to the route.", targetHealth],
  },
  UPSTREAM_AUTHENTICATION_FAILED: {
    cause:
      "The provider refused Penstock's own credential, or does not allow it this model. The caller's key is good.",
    steps: [
      "Check the credential that the provider's resource refers to, and what it may use at the provider.",
      "A refused credential is left alone for 5 minutes. Its file is read again every 30 s: another secret in it is used at once.",
    ],
  },
  UPSTREAM_FAILED: {
    cause: "The provider failed, could not be reached, or does not know the model.",
    steps: [
      sdkRetries,
      "`failure_cause` in the error says what broke a connection: its name, its address, TLS or its path.",
      seeWhy,
    ],
  },
  UPSTREAM_MALFORMED: {
    cause: "The provider's answer is not what its format says, or ended before it was complete.",
    steps: [
      sdkRetries,
      seeWhy,
      "If it stays so, check that the provider's kind and base URL are right.",
    ],
  },
  UPSTREAM_TIMEOUT: {
    cause: "The provider did not connect, begin, go on or end within the timers of the target.",
    steps: [
      "Ask again; a streamed answer begins sooner.",
      "Raise `timeouts` of the route, deployment or provider where the model needs longer.",
      seeWhy,
    ],
  },
  STREAM_INTERRUPTED: {
    cause:
      "The answer broke off after part of it had been sent. It is never continued by another model.",
    steps: ["Throw the part away and ask again for a whole answer.", seeWhy],
  },
  OVERLOADED: {
    cause: "The router, or the key, has as many requests open as it takes.",
    steps: [
      "Ask again after the wait that is told.",
      "Start more routers, or raise the bound of the key.",
    ],
  },
  DRAINING: {
    cause: "This router is about to stop and takes no new requests.",
    steps: ["Ask again: a new connection reaches another router."],
  },
  NOT_READY: {
    cause: "The router has no configuration yet.",
    steps: [
      "Wait a few seconds.",
      "If it stays so, look whether policy and the bus can be reached from it.",
    ],
  },
  NO_HEALTHY_TARGET: {
    cause: "No target of the route can be used now; the message says why, for each.",
    steps: [
      "Ask again after the wait that is told.",
      targetHealth,
      "Add targets at other providers to the route.",
    ],
  },
  NO_TARGET_FITS: {
    cause:
      "No target of the routes can serve the request as it is: what it asks for, what it wishes of " +
      "routing, or conditions and prices exclude each of them. The error says which rule excludes which.",
    steps: ["Change what the rules name, in the request or in the configuration.", seeExplain],
  },
  PRICE_MISSING: {
    cause:
      "A budget applies to the request, and no target that could serve it has a price: what it would " +
      "cost can't be kept within the budget. The caller can't mend it.",
    steps: [
      "Give the deployments a `priceBook` that prices their models.",
      "Or narrow the budget's scope or selector, so that it does not apply to them.",
      seeExplain,
    ],
  },
  CREDENTIAL_MISSING: {
    cause: "The credential that the provider's resource refers to is not there.",
    steps: ["Set the variable or the file that `credential` names, for every router."],
  },
  DEADLINE_EXCEEDED: {
    cause: "The deadline that the caller set has passed.",
    steps: ["Allow more time, or ask for less."],
  },
  CANCELLED: {
    cause:
      "The caller went away before the answer was complete. What was used until then is charged.",
    steps: [
      "Nothing, if that was meant. Otherwise look for a proxy or a timer of the caller that cuts.",
    ],
  },
  ETAG_MISMATCH: {
    cause: "Somebody else changed the resource since it was read.",
    steps: ["Read it again, make the change again, and send it with the new etag."],
  },
  ALREADY_EXISTS: {
    cause: "A resource of that name exists, or did: ids are never used again.",
    steps: ["Choose another name, or update the resource that exists."],
  },
  RESOURCE_NOT_FOUND: {
    cause: "There is no resource of that name.",
    steps: ["Check the name; list the resources of its kind."],
  },
  RESOURCE_IN_USE: {
    cause: "Other resources refer to the resource; the error names them.",
    steps: ["Change or delete those first."],
  },
  PAGE_TOKEN_INVALID: {
    cause: "The page token is malformed, or belongs to another query.",
    steps: ["Begin again without a page token, and keep everything else the same between pages."],
  },
  ADMIN_UNAUTHENTICATED: {
    cause:
      "The call carries no valid admin or service token, and no client certificate that stands for one.",
    steps: ["Send the token of an administrator, or of a service, as `Authorization: Bearer`."],
  },
  ADMIN_PERMISSION_DENIED: {
    cause: "The role of the token does not allow this call.",
    steps: ["Use a token with one of the roles that the message names."],
  },
  FAILED_PRECONDITION: {
    cause: "The state of the installation forbids it; the error says which.",
    steps: ["Bring about what is missing, then ask again."],
  },
  UNAVAILABLE: {
    cause: "A service that is needed can't be reached.",
    steps: [
      "Ask again after the wait that is told.",
      "`penstock doctor` looks at what a start needs.",
    ],
  },
  UNIMPLEMENTED: {
    cause: "The service does not have this RPC.",
    steps: [
      "Check that client and server are of the same version, and that the port is that of the service.",
    ],
  },
  INTERNAL: {
    cause: "A mistake in Penstock.",
    steps: ["Report it with the request id: the log has what happened under it."],
  },
};
