import { durationMs } from "@bufbuild/protobuf/wkt";
import { MessageRole, RoutingSort } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import { pathOf } from "../choosing/resolve-wishes.ts";

/** Violations reported at once. */
const maximumViolations = 20;

/**
 * Checks the bounds that the proto states and that protobuf itself can't, for the door whose
 * messages come ready made. Reports every problem with its field path.
 */
export function validateGenerateRequest(
  request: GenerateRequest | undefined,
): GatewayError | undefined {
  return collectViolations((check) => {
    if (request === undefined) {
      check(false, "request", "is required");
      return;
    }
    checkHead(request, check);
    check(request.messages.length > 0, "messages", "must not be empty");
    check(request.messages.length <= 10_000, "messages", "must have at most 10,000 messages");
    check(request.tools.length <= 512, "tools", "must have at most 512 tools");
    const candidates = request.candidateCount ?? 1;
    check(candidates >= 1 && candidates <= 128, "candidate_count", "must be from 1 to 128");
    const tierLength = request.serviceTier?.length ?? 0;
    check(tierLength <= 64, "service_tier", "must have at most 64 characters");
    checkMessages(request, check);
    checkSampling(request, check);
  });
}

/** Runs checks; all that they find as one error, undefined when they find nothing. */
export function collectViolations(run: (check: Check) => void): GatewayError | undefined {
  const found: FieldViolation[] = [];
  run((ok, field, description) => {
    if (!ok && found.length < maximumViolations) found.push({ field, description });
  });
  return found.length === 0 ? undefined : invalid(found);
}

/** Checks what requests for answers and for vectors have in common. */
export function checkHead(request: GenerateRequest, check: Check): void {
  check(request.model !== "", "model", "is required");
  check(request.model.length <= 256, "model", "must have at most 256 characters");
  check((request.endUser?.length ?? 0) <= 256, "end_user", "must have at most 256 characters");
  check(
    (request.idempotencyKey?.length ?? 0) <= 128,
    "idempotency_key",
    "must have at most 128 characters",
  );
  checkLabels(request, check);
  checkRouting(request, check);
}

/** Notes a problem of a field where `ok` is false. */
export type Check = (ok: boolean, field: string, description: string) => void;

function checkMessages(request: GenerateRequest, check: Check): void {
  request.messages.forEach((message, at) => {
    const field = `messages[${at}]`;
    const known = message.role >= MessageRole.SYSTEM && message.role <= MessageRole.TOOL;
    check(known, `${field}.role`, "must be one of the known roles");
    const empty = message.parts.length === 0 && message.role !== MessageRole.ASSISTANT;
    check(!empty, `${field}.parts`, "must not be empty");
    message.parts.forEach((part, index) => {
      const path = `${field}.parts[${index}]`;
      check(part.part.case !== undefined, path, "must have a kind that is known here");
      if (part.part.case === "toolCall") {
        check(part.part.value.id !== "", `${path}.tool_call.id`, "is required");
        check(part.part.value.name !== "", `${path}.tool_call.name`, "is required");
      }
      if (part.part.case === "toolResult") {
        check(part.part.value.toolCallId !== "", `${path}.tool_result.tool_call_id`, "is required");
      }
    });
  });
  request.tools.forEach((tool, at) => check(tool.name !== "", `tools[${at}].name`, "is required"));
}

function checkSampling({ sampling }: GenerateRequest, check: Check): void {
  if (sampling === undefined) return;
  const within = (value: number | undefined, low: number, high: number): boolean =>
    value === undefined || (value >= low && value <= high);
  check(
    within(sampling.maxOutputTokens, 1, 100_000_000),
    "sampling.max_output_tokens",
    "must be from 1 to 100,000,000",
  );
  check(within(sampling.temperature, 0, 2), "sampling.temperature", "must be from 0 to 2");
  check(
    sampling.topP === undefined || (sampling.topP > 0 && sampling.topP <= 1),
    "sampling.top_p",
    "must be above 0 and at most 1",
  );
  check(within(sampling.topLogprobs, 0, 20), "sampling.top_logprobs", "must be from 0 to 20");
  check(within(sampling.topK, 1, 2 ** 31), "sampling.top_k", "must be at least 1");
  const penalty = "must be from -2 to 2";
  check(within(sampling.frequencyPenalty, -2, 2), "sampling.frequency_penalty", penalty);
  check(within(sampling.presencePenalty, -2, 2), "sampling.presence_penalty", penalty);
  check(
    sampling.stopSequences.length <= 16,
    "sampling.stop_sequences",
    "must have at most 16 texts",
  );
}

function checkLabels({ labels }: GenerateRequest, check: Check): void {
  const entries = Object.entries(labels);
  check(entries.length <= 16, "labels", "must have at most 16 labels");
  for (const [key, value] of entries.slice(0, 16)) {
    const fits = key.length <= 64 && value.length <= 64;
    check(fits, `labels[${key.slice(0, 64)}]`, "key and value must have at most 64 characters");
  }
}

function checkRouting(request: GenerateRequest, check: Check): void {
  const { routing, keepaliveInterval } = request;
  const attempts = routing?.maxAttempts;
  check((request.session?.length ?? 0) <= 128, "session", "must have at most 128 characters");
  const models = routing?.models ?? [];
  check(models.length <= 8, "routing.models", "must have at most 8 models");
  models.forEach((model, at) => {
    const fits = model !== "" && model.length <= 256;
    check(fits, `routing.models[${at}]`, "must have 1 to 256 characters");
  });
  const sort: number = routing?.sort ?? 0;
  check(Object.values<number>(RoutingSort).includes(sort), "routing.sort", "is not known");
  for (const list of ["onlyProviders", "ignoreProviders", "providerOrder"] as const) {
    const field = pathOf(list, undefined);
    check((routing?.[list].length ?? 0) <= 64, field, "must have at most 64 providers");
  }
  check(attempts === undefined || attempts >= 1, "routing.max_attempts", "must be at least 1");
  const prices: readonly (readonly [string, bigint | undefined])[] = [
    [
      "max_output_price_nano_usd_per_million_tokens",
      routing?.maxOutputPriceNanoUsdPerMillionTokens,
    ],
    ["max_input_price_nano_usd_per_million_tokens", routing?.maxInputPriceNanoUsdPerMillionTokens],
    ["max_request_price_nano_usd", routing?.maxRequestPriceNanoUsd],
  ];
  for (const [name, price] of prices) {
    check(price === undefined || price >= 0n, `routing.${name}`, "must not be negative");
  }
  if (keepaliveInterval !== undefined) {
    const intervalMs = durationMs(keepaliveInterval);
    const fits = intervalMs === 0 || (intervalMs >= 1_000 && intervalMs <= 60_000);
    check(fits, "keepalive_interval", "must be from 1 s to 60 s, or 0");
  }
}

function invalid(fieldViolations: FieldViolation[]): GatewayError {
  const [first] = fieldViolations;
  const more = fieldViolations.length > 1 ? ` (and ${fieldViolations.length - 1} more)` : "";
  return new GatewayError(
    "FIELD_INVALID",
    `The request is not valid: ${first?.field} ${first?.description}${more}.`,
    { fieldViolations },
  );
}
