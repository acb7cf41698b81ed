import { isJsonObject } from "../read-json.ts";

const warning =
  "content_filter_failed: the provider's filter did not run, and the text is unfiltered";

/**
 * What the caller should know of a content filter: that it failed, and the text came all the same
 * (Azure's `content_filter_error`). Undefined: nothing. Looks at a choice and at a whole answer.
 */
export function filterWarning(holder: Readonly<Record<string, unknown>>): string | undefined {
  if (hasFailed(holder["content_filter_results"])) return warning;
  const { prompt_filter_results: prompts } = holder;
  if (!Array.isArray(prompts)) return undefined;
  const failed = prompts.some(
    (one) => isJsonObject(one) && hasFailed(one["content_filter_results"]),
  );
  return failed ? warning : undefined;
}

function hasFailed(results: unknown): boolean {
  const error = isJsonObject(results) ? results["error"] : undefined;
  return isJsonObject(error) && error["code"] === "content_filter_error";
}
