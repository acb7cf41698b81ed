import { RoutingSort, type RoutingWishes } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readBoolean, readInteger, readObject, readText } from "../field-values.ts";
import { readModels } from "./read-models.ts";
import { readProviders } from "./read-providers.ts";
import { routingOf, useDialect } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";

const maxAttempts = 100;
const maxLabelLength = 64;

/**
 * Reads the member `penstock`: `routing` and `labels` as proto JSON of the canonical request,
 * field names in either spelling, `idempotency_key`, `session`, and `report`: true for an answer
 * that tells how it came about.
 */
export function readPenstockMember(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const fields = readObject(problems, "penstock", value) ?? {};
  for (const [key, member] of Object.entries(fields)) {
    const field = `penstock.${key}`;
    if (member === null) continue;
    if (key === "routing") readRouting(problems, wishes, member);
    else if (key === "labels") wishes.labels = readLabels(problems, field, member);
    else if (key === "idempotency_key" || key === "idempotencyKey") {
      wishes.idempotencyKey = readText(problems, field, member, { min: 1, max: 128 });
    } else if (key === "session") {
      wishes.session = readText(problems, field, member, { min: 1, max: 128 });
    } else if (key === "report") wishes.report = readBoolean(problems, field, member) ?? false;
    else problems.add(field, `is not known; known are ${known}`);
  }
}

const known = "routing, labels, idempotency_key, session, report";

function readLabels(
  problems: FieldProblems,
  path: string,
  value: unknown,
): Record<string, string> | undefined {
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const labels: Record<string, string> = {};
  for (const [key, label] of Object.entries(fields)) {
    const field = `${path}.${key}`;
    if (problems.full) break;
    if (key === "" || key.length > maxLabelLength) {
      problems.add(field, `must have a name of 1 to ${maxLabelLength} characters`);
    }
    labels[key] = readText(problems, field, label, { min: 0, max: maxLabelLength }) ?? "";
  }
  return labels;
}

function readRouting(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const path = "penstock.routing";
  const fields = readObject(problems, path, value);
  if (fields === undefined || !useDialect(problems, wishes, path)) return;
  const routing = routingOf(wishes);
  for (const [key, member] of Object.entries(fields)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (member === null) continue;
    if (name === "models") readModels(problems, wishes, `${path}.${key}`, member);
    else readWish(problems, `${path}.${key}`, member, routing);
  }
}

const unknownWish =
  "is not a known routing wish; known are only_providers, ignore_providers, provider_order, " +
  "models, allow_fallbacks, hedging, require_parameters, sort, max_attempts, " +
  "max_request_price_nano_usd, " +
  "max_input_price_nano_usd_per_million_tokens, max_output_price_nano_usd_per_million_tokens";

function readWish(
  problems: FieldProblems,
  field: string,
  value: unknown,
  wishes: RoutingWishes,
): void {
  const name = field.slice(field.lastIndexOf(".") + 1);
  switch (name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) {
    case "only_providers":
      wishes.onlyProviders = readProviders(problems, field, value);
      return;
    case "ignore_providers":
      wishes.ignoreProviders = readProviders(problems, field, value);
      return;
    case "provider_order":
      wishes.providerOrder = readProviders(problems, field, value);
      return;
    case "allow_fallbacks":
      wishes.allowFallbacks = readBoolean(problems, field, value);
      return;
    case "hedging":
      wishes.hedging = readBoolean(problems, field, value);
      return;
    case "require_parameters":
      wishes.requireParameters = readBoolean(problems, field, value);
      return;
    case "sort":
      wishes.sort = readSort(problems, field, value);
      return;
    case "max_input_price_nano_usd_per_million_tokens":
      wishes.maxInputPriceNanoUsdPerMillionTokens = readInt64(problems, field, value);
      return;
    case "max_request_price_nano_usd":
      wishes.maxRequestPriceNanoUsd = readInt64(problems, field, value);
      return;
    case "max_attempts":
      wishes.maxAttempts = readInteger(problems, field, value, { min: 1, max: maxAttempts });
      return;
    case "max_output_price_nano_usd_per_million_tokens":
      wishes.maxOutputPriceNanoUsdPerMillionTokens = readInt64(problems, field, value);
      return;
    default:
      problems.add(field, unknownWish);
  }
}

/** Proto JSON writes an enum by its name. */
function readSort(problems: FieldProblems, field: string, value: unknown): RoutingSort {
  const name = typeof value === "string" ? value.replace(/^ROUTING_SORT_/, "") : "";
  if (Object.hasOwn(RoutingSort, name)) return RoutingSort[name as keyof typeof RoutingSort];
  problems.add(
    field,
    "must be ROUTING_SORT_PRICE, ROUTING_SORT_LATENCY or ROUTING_SORT_THROUGHPUT",
  );
  return RoutingSort.UNSPECIFIED;
}

/** Proto JSON writes a 64-bit integer as text; a number is taken too where it is exact. */
function readInt64(problems: FieldProblems, field: string, value: unknown): bigint | undefined {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === "string" && /^\d{1,18}$/.test(text)) return BigInt(text);
  problems.add(field, "must be a whole amount of at most 18 digits");
  return undefined;
}
