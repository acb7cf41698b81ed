import { checkTokenPrices } from "./model-prices.ts";
import type { ModelPrices, PriceProblem, TokenPrices } from "./model-prices.ts";
import { maximumTokenCount } from "./token-usage.ts";

/**
 * Prices of a model for some requests: a whole set, which takes nothing over from other prices. It
 * fits a request of its tier, and one with more input tokens than its bound.
 */
export interface PriceVariant extends TokenPrices {
  /**
   * Tier by which the provider served, in its words; empty: every tier that no variant names, of
   * whatever size: one that has variants costs the model's own prices where none of them fits.
   */
  readonly serviceTier: string;
  /** Cached tokens included. Absent: any number. */
  readonly aboveInputTokens?: number;
}

/** Most variants of one price: every tier of a vendor times every size, several times over. */
export const maximumPriceVariants = 64;

/** Longest name of a tier; unit: characters. */
const maximumTierLength = 64;

/**
 * The prices of a request: those of the first variant of a compiled book that fits, else the
 * model's own. `serviceTier` is empty where the tier is not known.
 */
export function pricesFor(
  prices: ModelPrices,
  serviceTier: string,
  inputTokens: number,
): TokenPrices {
  const { variants } = prices;
  if (variants === undefined) return prices;
  let isNamed = false;
  for (const variant of variants) {
    const { serviceTier: tier, aboveInputTokens: above } = variant;
    if (tier === "") {
      // Those that name a tier came before (`sortVariants`).
      if (isNamed) break;
    } else if (tier === serviceTier) isNamed = true;
    else continue;
    if (above === undefined || inputTokens > above) return variant;
  }
  return prices;
}

/** Variants so that the first one that fits is the most specific: named tiers, then large sizes. */
export function sortVariants(variants: readonly PriceVariant[]): PriceVariant[] {
  return variants.toSorted((a, b) => {
    if ((a.serviceTier === "") !== (b.serviceTier === "")) return a.serviceTier === "" ? 1 : -1;
    return boundOf(b) - boundOf(a);
  });
}

/**
 * Everything that is wrong with the variants, with field paths such as `variants[1].service_tier`:
 * bad prices or conditions, the same condition twice, and requests that two fit of which neither is
 * the more specific. Never throws.
 */
export function checkPriceVariants(variants: readonly PriceVariant[]): PriceProblem[] {
  if (variants.length > maximumPriceVariants) {
    return [
      { field: "variants", description: `must have at most ${maximumPriceVariants} entries` },
    ];
  }
  const problems: PriceProblem[] = [];
  const seen = new Map<string, number>();
  for (const [index, variant] of variants.entries()) {
    const path = `variants[${index}]`;
    for (const { field, description } of [
      ...checkTokenPrices(variant),
      ...checkCondition(variant),
    ]) {
      problems.push({ field: `${path}.${field}`, description });
    }
    const condition = conditionOf(variant.serviceTier, boundOf(variant));
    const same = seen.get(condition);
    if (same !== undefined) {
      const description = `must differ from the condition of variants[${same}]`;
      problems.push({ field: `${path}.service_tier`, description });
    }
    seen.set(condition, index);
  }
  return [...problems, ...checkOverlaps(variants, seen)];
}

function checkCondition({ serviceTier, aboveInputTokens: above }: PriceVariant): PriceProblem[] {
  const problems: PriceProblem[] = [];
  if (serviceTier === "" && above === undefined) {
    const description = "must name a tier where above_input_tokens is absent";
    problems.push({ field: "service_tier", description });
  }
  if (serviceTier.length > maximumTierLength || serviceTier.trim() !== serviceTier) {
    const description = `must have at most ${maximumTierLength} characters, without blanks around`;
    problems.push({ field: "service_tier", description });
  }
  if (above !== undefined && !(above >= 0 && above <= maximumTokenCount)) {
    const description = `must be from 0 to ${maximumTokenCount}`;
    problems.push({ field: "above_input_tokens", description });
  }
  return problems;
}

/**
 * A large request of a named tier fits the variant of its tier and that of its size. Which of the
 * two a vendor means can't be known, and the wrong one is a wrong charge: a variant must say.
 */
function checkOverlaps(
  variants: readonly PriceVariant[],
  seen: ReadonlyMap<string, number>,
): PriceProblem[] {
  const problems: PriceProblem[] = [];
  const named = Map.groupBy(variants, ({ serviceTier }) => serviceTier);
  for (const [index, { serviceTier, aboveInputTokens: above }] of variants.entries()) {
    if (serviceTier !== "" || above === undefined) continue;
    for (const [tier, own] of named) {
      if (tier === "" || seen.has(conditionOf(tier, above))) continue;
      const smaller = own.find((one) => boundOf(one) < above);
      if (smaller === undefined) continue;
      const description =
        `overlaps variants[${variants.indexOf(smaller)}]: ` +
        `add a variant for the tier ${tier} above ${above} input tokens`;
      problems.push({ field: `variants[${index}].above_input_tokens`, description });
    }
  }
  return problems;
}

/** A variant for any number of tokens has a bound below all others. */
function boundOf({ aboveInputTokens }: PriceVariant): number {
  return aboveInputTokens ?? -1;
}

function conditionOf(serviceTier: string, bound: number): string {
  return `${bound} ${serviceTier}`;
}
