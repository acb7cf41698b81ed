import { askedTier } from "@penstock/formats";
import type { AnswerEnd } from "@penstock/formats";
import type { Call } from "./call.ts";

/** Where the Gemini API tells it: ai.google.dev/gemini-api/docs/priority-inference. */
const geminiTier = "x-gemini-service-tier";
/** What Anthropic calls tiers; whatever else changes its price is a speed. */
const anthropicTiers = new Set(["standard", "priority", "batch"]);

/** The tier by which a call is served; empty: none was asked for, and nothing is told of it. */
function servedTier({ scenario, asked, endpoint }: Call): string {
  return scenario.servedAs ?? askedTier(asked.request, endpoint.format.name);
}

/** What the end of an answer tells of the tier, where the vendor does so. */
export function toldTier(call: Call): Pick<AnswerEnd, "serviceTier" | "rawUsage"> {
  const tier = servedTier(call);
  if (tier === "") return { rawUsage: undefined };
  switch (call.endpoint.format.name) {
    case "anthropic-messages":
      if (anthropicTiers.has(tier)) return { rawUsage: { service_tier: tier } };
      return { rawUsage: { service_tier: "standard", speed: tier } };
    case "google-generate-content":
      return { rawUsage: undefined };
    default:
      return { rawUsage: undefined, serviceTier: tier };
  }
}

/** What headers tell of the tier. */
export function tierHeaders(call: Call): Record<string, string> {
  if (call.endpoint.format.name !== "google-generate-content") return {};
  const tier = servedTier(call);
  return tier === "" ? {} : { [geminiTier]: tier };
}
