import type { Capabilities } from "@penstock/api";

import type { ProblemList } from "./field-problem.ts";

/** Ten times the largest context offered in 2026. Unit: tokens. */
const maxContextTokens = 100_000_000n;

/** Checks what a deployment or provider is said to be able to do. */
export function checkCapabilities(
  problems: ProblemList,
  capabilities: Capabilities | undefined,
): void {
  const { contextTokens, maxOutputTokens } = capabilities ?? {};
  for (const [name, tokens] of Object.entries({ contextTokens, maxOutputTokens })) {
    if (tokens === undefined || (tokens >= 1n && tokens <= maxContextTokens)) continue;
    problems.invalid(`capabilities.${name}`, `must be from 1 to ${maxContextTokens}`);
  }
}
