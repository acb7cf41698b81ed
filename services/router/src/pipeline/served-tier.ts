import { askedTier } from "@penstock/formats";
import type { AnswerEnd } from "@penstock/formats";
import type { AttemptRun } from "./attempt-run.ts";
import type { RequestContext } from "./request-context.ts";

/** Longest name of a tier in events; unit: characters. */
const maximumTierLength = 64;

/**
 * Where the Gemini API tells the tier that served (ai.google.dev/gemini-api/docs/priority-inference):
 * a request for priority may be served as standard.
 */
const geminiTier = "x-gemini-service-tier";

/**
 * The tier whose prices hold for an attempt: as the provider told it in its answer, at its end or,
 * where there was none, before; else the one that the target was asked for; empty: neither.
 */
export function servedTier(
  context: Pick<RequestContext, "request" | "vectors">,
  run: Pick<AttemptRun, "target" | "answerHeader" | "tierSoFar">,
  end: Pick<AnswerEnd, "serviceTier" | "servedTier"> | undefined,
): string {
  const told = end === undefined ? run.tierSoFar : (end.servedTier ?? end.serviceTier);
  if (told !== undefined && told !== "") return told.slice(0, maximumTierLength);
  const { request, vectors } = context;
  if (request === undefined || vectors !== undefined) return "";
  const { format } = run.target.deployment;
  if (format === "google-generate-content") {
    const header = run.answerHeader(geminiTier);
    if (header) return header.toLowerCase().slice(0, maximumTierLength);
  }
  return askedTier(request, format).slice(0, maximumTierLength);
}
