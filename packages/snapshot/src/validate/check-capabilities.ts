import type { Capabilities } from "@penstock/api";

import { checkRange } from "./check-text.ts";
import { checkDuration } from "./check-timeouts.ts";
import type { ProblemList } from "./field-problem.ts";

/** Ten times the largest context offered in 2026. Unit: tokens. */
const maxContextTokens = 100_000_000n;
/** No provider keeps a prompt cache for longer than a day. */
const longestCacheMs = 86_400_000;

/** Many times the longest vectors offered in 2026. */
const maxDimensions = 65_536;

/** Checks what a deployment or provider is said to be able to do. */
export function checkCapabilities(
  problems: ProblemList,
  capabilities: Capabilities | undefined,
): void {
  const { contextTokens, maxOutputTokens, promptCacheLifetime, embeddingDimensions } =
    capabilities ?? {};
  const lifetimeField = "capabilities.promptCacheLifetime";
  checkDuration(problems, lifetimeField, promptCacheLifetime, [0, longestCacheMs]);
  checkRange(problems, "capabilities.embeddingDimensions", embeddingDimensions, [1, maxDimensions]);
  for (const [name, tokens] of Object.entries({ contextTokens, maxOutputTokens })) {
    if (tokens === undefined || (tokens >= 1n && tokens <= maxContextTokens)) continue;
    problems.invalid(`capabilities.${name}`, `must be from 1 to ${maxContextTokens}`);
  }
}
