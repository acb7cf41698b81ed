import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { anyPack, durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  RequestInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
  RoutingFailureSchema,
  type Status,
  StatusSchema,
} from "@penstock/api";
import { helpPath } from "./error-page.ts";
import type { GatewayError, QuotaViolation } from "./gateway-error.ts";
import { reasons } from "./reasons.ts";

/*
 * A status travels in HTTP/2 trailers, whose whole size clients bound (8 KiB is a common default),
 * so every list and every text in it is bounded too.
 */
const messageCharacters = 1_000;
const valueCharacters = 300;
const metadataEntries = 24;
const violations = 10;
const exclusions = 16;
const reasonCharacters = 160;

const int64Max = 2n ** 63n - 1n;

/** The longest delay that a Duration can say is beyond any use; a year is enough. */
const retryDelayMaxMs = 366 * 86_400_000;

/**
 * Renders an error as `google.rpc.Status`; each detail type stands in it at most once. `nowMs`
 * (wall clock) is used only to turn the reset time of a quota into a delay where the error names
 * no delay itself.
 */
export function toStatus(error: GatewayError, requestId: string, nowMs = Date.now()): Status {
  const details: Any[] = [
    pack(ErrorInfoSchema, {
      reason: error.reason,
      domain: "penstock",
      metadata: boundedMetadata(error),
    }),
    pack(RequestInfoSchema, { requestId: bounded(requestId, valueCharacters) }),
  ];
  const delayMs = retryDelayMs(error, nowMs);
  if (delayMs !== undefined) {
    details.push(pack(RetryInfoSchema, { retryDelay: durationFromMs(delayMs) }));
  }
  details.push(
    pack(HelpSchema, {
      links: [{ description: "What it means and what to do", url: helpPath(error.reason) }],
    }),
  );
  if (error.quotaViolations.length > 0) details.push(packQuota(error));
  if (error.fieldViolations.length > 0) details.push(packFields(error));
  if (error.preconditionViolations.length > 0) details.push(packPreconditions(error));
  if (error.exclusions.length > 0) details.push(packExclusions(error));
  if (error.resource !== undefined) {
    const { type, name } = error.resource;
    details.push(
      pack(ResourceInfoSchema, {
        resourceType: bounded(type, valueCharacters),
        resourceName: bounded(name, valueCharacters),
      }),
    );
  }
  return create(StatusSchema, {
    code: reasons[error.reason].grpcCode,
    message: bounded(error.message, messageCharacters),
    details,
  });
}

function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

/** Cuts at a length and replaces half characters, which protobuf refuses to encode. */
function bounded(text: string, characters: number): string {
  return (text.length <= characters ? text : text.slice(0, characters)).toWellFormed();
}

function boundedMetadata(error: GatewayError): Record<string, string> {
  const metadata: Record<string, string> = { source: error.source, ...quotaMetadata(error) };
  for (const [key, value] of Object.entries(error.metadata).slice(0, metadataEntries)) {
    if (key !== "source") metadata[bounded(key, 64)] = bounded(value, valueCharacters);
  }
  return metadata;
}

/** The quota the caller waits for longest, so that one look at the metadata is enough. */
function quotaMetadata(error: GatewayError): Record<string, string> {
  const [first] = error.quotaViolations.toSorted(
    (a, b) => (b.resetTimeMs ?? 0) - (a.resetTimeMs ?? 0),
  );
  if (first === undefined) return {};
  return {
    subject: bounded(first.subject, valueCharacters),
    quota: bounded(first.quota, valueCharacters),
    metric: bounded(first.metric, valueCharacters),
    ...quotaDimensions(first),
  };
}

function quotaDimensions(violation: QuotaViolation): Record<string, string> {
  const dimensions: Record<string, string> = { limit: bounded(violation.limit, valueCharacters) };
  const resetTime = isoTime(violation.resetTimeMs);
  if (resetTime !== undefined) dimensions["reset_time"] = resetTime;
  return dimensions;
}

function isoTime(timeMs: number | undefined): string | undefined {
  if (timeMs === undefined) return undefined;
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function retryDelayMs(error: GatewayError, nowMs: number): number | undefined {
  const given = error.retryAfterMs ?? delayUntilReset(error.quotaViolations, nowMs);
  if (given === undefined || Number.isNaN(given)) return undefined;
  return Math.ceil(Math.min(Math.max(given, 0), retryDelayMaxMs));
}

function delayUntilReset(quotas: readonly QuotaViolation[], nowMs: number): number | undefined {
  const times = quotas.flatMap((quota) => quota.resetTimeMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times) - nowMs;
}

function packQuota(error: GatewayError): Any {
  return pack(QuotaFailureSchema, {
    violations: error.quotaViolations.slice(0, violations).map((violation) => ({
      subject: bounded(violation.subject, valueCharacters),
      description: bounded(violation.description, valueCharacters),
      apiService: "penstock",
      quotaMetric: bounded(violation.metric, valueCharacters),
      quotaId: bounded(violation.quota, valueCharacters),
      quotaDimensions: quotaDimensions(violation),
      quotaValue: quotaValue(violation.limit),
    })),
  });
}

/** The limit as an integer where it is one; its exact text is among the dimensions anyway. */
function quotaValue(limit: string): bigint {
  if (!/^\d{1,19}$/.test(limit)) return 0n;
  const value = BigInt(limit);
  return value > int64Max ? int64Max : value;
}

function packFields(error: GatewayError): Any {
  return pack(BadRequestSchema, {
    fieldViolations: error.fieldViolations.slice(0, violations).map((violation) => ({
      field: bounded(violation.field, valueCharacters),
      description: bounded(violation.description, valueCharacters),
      reason: bounded(violation.reason ?? "", valueCharacters),
    })),
  });
}

function packPreconditions(error: GatewayError): Any {
  return pack(PreconditionFailureSchema, {
    violations: error.preconditionViolations.slice(0, violations).map((violation) => ({
      type: bounded(violation.type, valueCharacters),
      subject: bounded(violation.subject, valueCharacters),
      description: bounded(violation.description, valueCharacters),
    })),
  });
}

function packExclusions(error: GatewayError): Any {
  return pack(RoutingFailureSchema, {
    excludedBy: error.exclusions.slice(0, exclusions).map((exclusion) => ({
      deployment: bounded(exclusion.deployment, valueCharacters),
      rule: bounded(exclusion.rule, valueCharacters),
      reason: bounded(exclusion.reason, reasonCharacters),
      ...(exclusion.untilTimeMs === undefined
        ? {}
        : { untilTime: timestampFromMs(Math.ceil(exclusion.untilTimeMs)) }),
    })),
  });
}
