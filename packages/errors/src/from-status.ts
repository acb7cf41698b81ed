import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { anyUnpack, durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  Code,
  type ErrorInfo,
  type Exclusion as RoutingExclusion,
  ErrorInfoSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  type QuotaFailure_Violation,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  RoutingFailureSchema,
  type Status,
} from "@penstock/api";
import type { ErrorSource, Exclusion, FieldViolation, QuotaViolation } from "./gateway-error.ts";
import { GatewayError } from "./gateway-error.ts";
import type { ErrorReason } from "./reasons.ts";
import { isErrorReason } from "./reasons.ts";

/**
 * What a status without our ErrorInfo means: it was made by an rpc library or a proxy in between.
 * The codes that blame the request are not believed from there and become INTERNAL; the libraries
 * say RESOURCE_EXHAUSTED when a message is over their size bound.
 */
const reasonOfForeignCode: Readonly<Record<number, ErrorReason>> = {
  [Code.CANCELLED]: "CANCELLED",
  [Code.DEADLINE_EXCEEDED]: "DEADLINE_EXCEEDED",
  [Code.RESOURCE_EXHAUSTED]: "REQUEST_TOO_LARGE",
  [Code.UNAUTHENTICATED]: "ADMIN_UNAUTHENTICATED",
  [Code.PERMISSION_DENIED]: "ADMIN_PERMISSION_DENIED",
  [Code.UNAVAILABLE]: "UNAVAILABLE",
  [Code.UNIMPLEMENTED]: "UNIMPLEMENTED",
};

const sources: readonly string[] = ["downstream", "gateway", "upstream"] satisfies ErrorSource[];

/**
 * Reads an error back from its status, for clients. Details that are malformed are left out; a
 * reason that this version does not know is judged by its code and kept as metadata `reason`.
 */
export function fromStatus(status: Status): GatewayError {
  const info = detail(status, ErrorInfoSchema);
  const ours = info?.domain === "penstock" ? info : undefined;
  const retryDelay = detail(status, RetryInfoSchema)?.retryDelay;
  const resource = detail(status, ResourceInfoSchema);
  return new GatewayError(reasonOf(status, ours), status.message, {
    source: sourceOf(ours),
    retryAfterMs: retryDelay === undefined ? undefined : durationMs(retryDelay),
    metadata: metadataOf(ours),
    fieldViolations: fieldViolationsOf(status),
    quotaViolations: detail(status, QuotaFailureSchema)?.violations.map(quotaViolationOf),
    preconditionViolations: detail(status, PreconditionFailureSchema)?.violations.map(
      ({ type, subject, description }) => ({ type, subject, description }),
    ),
    exclusions: detail(status, RoutingFailureSchema)?.excludedBy.map(exclusionOf),
    resource: resource && { type: resource.resourceType, name: resource.resourceName },
    requestId: detail(status, RequestInfoSchema)?.requestId,
  });
}

function detail<Desc extends DescMessage>(
  status: Status,
  schema: Desc,
): MessageShape<Desc> | undefined {
  const suffix = `/${schema.typeName}`;
  const found = status.details.find((any) => any.typeUrl.endsWith(suffix));
  if (found === undefined) return undefined;
  try {
    return anyUnpack(found, schema);
  } catch {
    return undefined;
  }
}

function reasonOf(status: Status, ours: ErrorInfo | undefined): ErrorReason {
  if (ours !== undefined && isErrorReason(ours.reason)) return ours.reason;
  return reasonOfForeignCode[status.code] ?? "INTERNAL";
}

function sourceOf(ours: ErrorInfo | undefined): ErrorSource | undefined {
  const text = ours?.metadata["source"];
  return text !== undefined && sources.includes(text) ? (text as ErrorSource) : undefined;
}

function metadataOf(ours: ErrorInfo | undefined): Record<string, string> {
  if (ours === undefined) return {};
  const { source: _source, ...metadata } = ours.metadata;
  return isErrorReason(ours.reason) ? metadata : { ...metadata, reason: ours.reason };
}

function fieldViolationsOf(status: Status): FieldViolation[] | undefined {
  return detail(status, BadRequestSchema)?.fieldViolations.map((violation) => {
    const { field, description, reason } = violation;
    return reason === "" ? { field, description } : { field, description, reason };
  });
}

function quotaViolationOf(violation: QuotaFailure_Violation): QuotaViolation {
  const resetTimeMs = Date.parse(violation.quotaDimensions["reset_time"] ?? "");
  return {
    subject: violation.subject,
    quota: violation.quotaId,
    metric: violation.quotaMetric,
    limit: violation.quotaDimensions["limit"] ?? violation.quotaValue.toString(),
    description: violation.description,
    ...(Number.isNaN(resetTimeMs) ? {} : { resetTimeMs }),
  };
}

function exclusionOf({ deployment, rule, reason, untilTime }: RoutingExclusion): Exclusion {
  const known = { deployment, rule, reason };
  return untilTime === undefined ? known : { ...known, untilTimeMs: timestampMs(untilTime) };
}
