import { oncePerName } from "../once-per-name.ts";

/**
 * Makers whose models take what the common API has no words for. `unknown`: an id that an account
 * chose, behind which any model may be.
 */
export type ModelFamily = "anthropic" | "nova" | "other" | "unknown";

/**
 * The family of a model, from its id or that of an inference profile
 * (`us.anthropic.claude-sonnet-4-5-20250929-v1:0`).
 */
export const modelFamily = oncePerName((model: string): ModelFamily => {
  if (/(?:^|[./])anthropic\./.test(model)) return "anthropic";
  if (/(?:^|[./])amazon\.nova-/.test(model)) return "nova";
  return /(?:^|[./])[a-z0-9]+\.[a-z]/.test(model) ? "other" : "unknown";
});
