import { RoutingSort } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readBoolean, readObject } from "../field-values.ts";
import { isJsonObject } from "../read-json.ts";
import { readUsd } from "./read-price.ts";
import { readProviders } from "./read-providers.ts";
import { routingOf, useDialect } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";

type FieldReader = (problems: FieldProblems, wishes: Wishes, value: unknown) => void;

/**
 * Reads OpenRouter's `provider` (https://openrouter.ai/docs/features/provider-routing). What
 * Penstock can't promise is refused rather than passed over: a caller that asks for a quantization
 * or for no retention must not get an answer without it.
 */
export function readProviderObject(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const fields = readObject(problems, "provider", value);
  if (fields === undefined || !useDialect(problems, wishes, "provider")) return;
  routingOf(wishes);
  for (const [key, member] of Object.entries(fields)) {
    if (member === null) continue;
    const read = readers.get(key);
    if (read === undefined) problems.addUnsupported(`provider.${key}`, unknownWish);
    else read(problems, wishes, member);
  }
}

const unknownWish =
  "is not a known wish; known are order, only, ignore, allow_fallbacks, require_parameters, " +
  "sort, max_price";

const sorts: Readonly<Record<string, RoutingSort>> = {
  price: RoutingSort.PRICE,
  latency: RoutingSort.LATENCY,
  throughput: RoutingSort.THROUGHPUT,
};

const readers: ReadonlyMap<string, FieldReader> = new Map<string, FieldReader>([
  [
    "order",
    (problems, wishes, value) => {
      routingOf(wishes).providerOrder = readProviders(problems, "provider.order", value);
    },
  ],
  [
    "only",
    (problems, wishes, value) => {
      routingOf(wishes).onlyProviders = readProviders(problems, "provider.only", value);
    },
  ],
  [
    "ignore",
    (problems, wishes, value) => {
      routingOf(wishes).ignoreProviders = readProviders(problems, "provider.ignore", value);
    },
  ],
  [
    "allow_fallbacks",
    (problems, wishes, value) => {
      const allowed = readBoolean(problems, "provider.allow_fallbacks", value);
      if (allowed !== undefined) routingOf(wishes).allowFallbacks = allowed;
    },
  ],
  [
    "require_parameters",
    (problems, wishes, value) => {
      const required = readBoolean(problems, "provider.require_parameters", value);
      if (required !== undefined) routingOf(wishes).requireParameters = required;
    },
  ],
  ["sort", readSort],
  ["max_price", readMaxPrice],
  refused(
    "quantizations",
    isEmptyList,
    "is not offered: Penstock does not know how models are quantized; name the deployments in a route",
  ),
  refused(
    "data_collection",
    (value) => value === "allow",
    "is not offered: what a provider keeps is up to its contract; use provider.only",
  ),
  refused(
    "zdr",
    isFalse,
    "is not offered: what a provider keeps is up to its contract; use provider.only",
  ),
  refused(
    "enforce_distillable_text",
    isFalse,
    "is not offered: Penstock does not know the licences of models",
  ),
  refused("preferred_min_throughput", () => false, 'is not offered; use "sort": "throughput"'),
  refused("preferred_max_latency", () => false, 'is not offered; use "sort": "latency"'),
]);

function refused(
  key: string,
  asksForNothing: (value: unknown) => boolean,
  why: string,
): [string, FieldReader] {
  return [
    key,
    (problems, _wishes, value) => {
      if (!asksForNothing(value)) problems.addUnsupported(`provider.${key}`, why);
    },
  ];
}

function isFalse(value: unknown): boolean {
  return value === false;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function readSort(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const by = isJsonObject(value) ? value["by"] : value;
  const sort = typeof by === "string" && Object.hasOwn(sorts, by) ? sorts[by] : undefined;
  if (sort === undefined) problems.add("provider.sort", "must be price, latency or throughput");
  else routingOf(wishes).sort = sort;
  if (isJsonObject(value) && (value["partition"] ?? "model") !== "model") {
    problems.addUnsupported("provider.sort.partition", "must be model: models are tried in turn");
  }
}

function readMaxPrice(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const routing = routingOf(wishes);
  for (const [key, member] of Object.entries(
    readObject(problems, "provider.max_price", value) ?? {},
  )) {
    const field = `provider.max_price.${key}`;
    if (!["prompt", "completion", "request"].includes(key)) {
      problems.addUnsupported(field, "is not offered; known are prompt, completion, request");
      continue;
    }
    const price = readUsd(problems, field, member);
    if (price === undefined) continue;
    if (key === "prompt") routing.maxInputPriceNanoUsdPerMillionTokens = price;
    else if (key === "completion") routing.maxOutputPriceNanoUsdPerMillionTokens = price;
    else routing.maxRequestPriceNanoUsd = price;
  }
}
