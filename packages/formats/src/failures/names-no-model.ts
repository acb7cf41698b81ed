import type { UpstreamFailure } from "../upstream-failure.ts";

/** Types that say no more than that the request was wrong; OpenAI's own for an unknown URL. */
const emptyTypes: ReadonlySet<string> = new Set(["", "invalid_request_error"]);

/**
 * Whether a 404 says nothing of what was not found: who does not know a model says so by a code or a
 * type, who does not know the path, such as a proxy or another server, by a page or a bare sentence.
 */
export function namesNoModel({ rule, providerCode, providerType }: UpstreamFailure): boolean {
  return rule === "status-404" && /^(?:404)?$/.test(providerCode) && emptyTypes.has(providerType);
}
