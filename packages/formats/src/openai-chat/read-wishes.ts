import type { RoutingWishes } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readBoolean, readInteger, readList, readObject, readText } from "../field-values.ts";

/** What a caller says to Penstock itself, in the member `penstock` of the body. */
export interface Wishes {
  routing: RoutingWishes | undefined;
  labels: Record<string, string> | undefined;
  idempotencyKey: string | undefined;
}

const maxProviderCount = 64;
const maxAttempts = 100;
const maxLabelLength = 64;

/**
 * Reads the member `penstock`: `routing` and `labels` as proto JSON of the canonical request,
 * field names in either spelling, and `idempotency_key`.
 */
export function readWishes(problems: FieldProblems, value: unknown): Wishes {
  const wishes: Wishes = { routing: undefined, labels: undefined, idempotencyKey: undefined };
  const fields = readObject(problems, "penstock", value) ?? {};
  for (const [key, member] of Object.entries(fields)) {
    const field = `penstock.${key}`;
    if (member === null) continue;
    if (key === "routing") wishes.routing = readRouting(problems, field, member);
    else if (key === "labels") wishes.labels = readLabels(problems, field, member);
    else if (key === "idempotency_key" || key === "idempotencyKey") {
      wishes.idempotencyKey = readText(problems, field, member, { min: 1, max: 128 });
    } else problems.add(field, "is not known; known are routing, labels, idempotency_key");
  }
  return wishes;
}

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

function readRouting(
  problems: FieldProblems,
  path: string,
  value: unknown,
): RoutingWishes | undefined {
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  const wishes: RoutingWishes = {
    $typeName: "penstock.inference.v1.RoutingWishes",
    onlyProviders: [],
    ignoreProviders: [],
    providerOrder: [],
  };
  for (const [key, member] of Object.entries(fields)) {
    if (member !== null) readWish(problems, `${path}.${key}`, member, wishes);
  }
  return wishes;
}

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
    case "max_attempts":
      wishes.maxAttempts = readInteger(problems, field, value, { min: 1, max: maxAttempts });
      return;
    case "max_output_price_nano_usd_per_million_tokens":
      wishes.maxOutputPriceNanoUsdPerMillionTokens = readInt64(problems, field, value);
      return;
    default:
      problems.add(field, "is not a known routing wish");
  }
}

function readProviders(problems: FieldProblems, path: string, value: unknown): string[] {
  const list = readList(problems, path, value, maxProviderCount) ?? [];
  const providers: string[] = [];
  for (const [index, member] of list.entries()) {
    if (typeof member === "string" && /^providers\/[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(member)) {
      providers.push(member);
    } else problems.add(`${path}[${index}]`, "must be a name such as providers/openai");
  }
  return providers;
}

/** Proto JSON writes a 64-bit integer as text; a number is taken too where it is exact. */
function readInt64(problems: FieldProblems, field: string, value: unknown): bigint | undefined {
  const text = typeof value === "number" && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === "string" && /^\d{1,18}$/.test(text)) return BigInt(text);
  problems.add(field, "must be a whole amount of at most 18 digits");
  return undefined;
}
