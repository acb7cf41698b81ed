import type { GenerateRequest } from "@penstock/api";
import type { FormatName } from "./format.ts";

/** What a request says of its tier. */
type TieredRequest = Pick<GenerateRequest, "serviceTier" | "formatParameters">;

/** The tier without a premium, by its names: whatever was asked for, a request may end there. */
const standardTiers: ReadonlySet<string> = new Set(["default", "standard", "on_demand"]);

/**
 * The tier that a request asks of a target of the format, in the words by which the target's
 * answers tell it; empty: it leaves the choice to the provider.
 */
export function askedTier(request: TieredRequest, format: FormatName): string {
  const tier = request.serviceTier ?? "";
  switch (format) {
    case "openai-chat":
    case "openai-responses":
      // OpenAI's guide "Fast mode": answers say `priority` whichever of the two was asked for.
      return tier === "fast" ? "priority" : named(tier);
    case "anthropic-messages": {
      const { speed, service_tier: own } = request.formatParameters[format] ?? {};
      if (typeof speed === "string" && speed !== "standard") return speed;
      if (own === "standard_only") return "standard";
      return typeof own === "string" ? named(own) : "";
    }
    case "google-generate-content": {
      const own = request.formatParameters[format]?.["serviceTier"];
      return typeof own === "string" ? named(own.toLowerCase()) : "";
    }
    case "bedrock-converse": {
      const performance = request.formatParameters[format]?.["performanceConfig"];
      const optimized =
        typeof performance === "object" &&
        performance !== null &&
        !Array.isArray(performance) &&
        performance["latency"] === "optimized";
      return optimized ? "optimized" : named(tier);
    }
  }
}

/**
 * Whether a target of the format may serve the request by a tier, as far as vendors document it. One
 * that was asked for may be served by the standard tier instead. Where none was asked for, OpenAI
 * and Azure serve by the one that the project or deployment is set to, Anthropic by its priority
 * tier while there is capacity, Google and Amazon by the standard one or by capacity bought before.
 */
export function mayServe(request: TieredRequest, format: FormatName, tier: string): boolean {
  if (standardTiers.has(tier)) return true;
  const asked = askedTier(request, format);
  if (asked !== "") return tier === asked || (asked === "priority" && tier === "fast");
  switch (format) {
    case "openai-chat":
    case "openai-responses":
      return true;
    case "anthropic-messages":
      return tier === "priority";
    case "google-generate-content":
      return tier !== "priority" && tier !== "flex";
    case "bedrock-converse":
      return false;
  }
}

function named(tier: string): string {
  return tier === "auto" || tier === "unspecified" ? "" : tier;
}
