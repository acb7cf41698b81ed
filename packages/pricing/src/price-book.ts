import { GatewayError } from "@penstock/errors";
import type { WallMs } from "@penstock/limits";

import { checkTokenPrices } from "./model-prices.ts";
import type { ModelPrices, PriceProblem } from "./model-prices.ts";
import { checkPriceVariants, sortVariants } from "./price-variants.ts";

/** The model name of the entry that prices every model without an entry of its own. */
export const anyModel = "*";

/** Prices of one model from a moment on, until a later entry of the same model. */
export interface PriceEntry extends ModelPrices {
  /** The exact model name, or `*`. */
  readonly model: string;
  readonly effectiveTimeMs: WallMs;
}

/** A price book made for look-ups; immutable. */
export interface CompiledPriceBook {
  /**
   * The prices of `model` at `time`: its latest entry that is effective then, else the latest
   * effective `*` entry, else undefined (the model has no price).
   */
  at(model: string, time: WallMs): ModelPrices | undefined;
}

/**
 * Everything that is wrong with the entries, with field paths such as
 * `entries[2].request_nano_usd`: bad prices or variants, an empty model, a time that is no number,
 * two entries for one model and moment. Never throws.
 */
export function checkPriceEntries(entries: readonly PriceEntry[]): PriceProblem[] {
  const problems: PriceProblem[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const path = `entries[${index}]`;
    const wrong = [...checkTokenPrices(entry), ...checkPriceVariants(entry.variants ?? [])];
    for (const { field, description } of wrong) {
      problems.push({ field: `${path}.${field}`, description });
    }
    if (entry.model === "") {
      problems.push({ field: `${path}.model`, description: "must be a model name or *" });
    }
    if (!Number.isFinite(entry.effectiveTimeMs)) {
      problems.push({ field: `${path}.effective_time`, description: "must be a time" });
    }
    const identity = `${entry.effectiveTimeMs} ${entry.model}`;
    if (seen.has(identity)) {
      const description = "must differ from the other entries of the same model";
      problems.push({ field: `${path}.effective_time`, description });
    }
    seen.add(identity);
  }
  return problems;
}

/**
 * Compiles entries in any order. Throws FIELD_INVALID with all problems of `checkPriceEntries` as
 * field violations.
 */
export function compilePriceBook(entries: readonly PriceEntry[]): CompiledPriceBook {
  const problems = checkPriceEntries(entries);
  if (problems.length > 0) {
    const text = problems.map((problem) => `${problem.field} ${problem.description}`).join("; ");
    throw new GatewayError("FIELD_INVALID", text, { fieldViolations: problems });
  }
  const newestFirst = entries
    .map(withSortedVariants)
    .toSorted((a, b) => b.effectiveTimeMs - a.effectiveTimeMs);
  const byModel = Map.groupBy(newestFirst, (entry) => entry.model);
  const defaults = byModel.get(anyModel);
  return {
    at: (model, time) => effective(byModel.get(model), time) ?? effective(defaults, time),
  };
}

function withSortedVariants(entry: PriceEntry): PriceEntry {
  const { variants, ...plain } = entry;
  if (variants === undefined) return entry;
  return variants.length === 0 ? plain : { ...plain, variants: sortVariants(variants) };
}

// Linear: a model has a handful of prices and the newest is almost always the one.
function effective(
  newestFirst: readonly PriceEntry[] | undefined,
  time: WallMs,
): ModelPrices | undefined {
  return newestFirst?.find((entry) => entry.effectiveTimeMs <= time);
}
