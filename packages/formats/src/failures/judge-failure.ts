import { redactMessage } from "../redact.ts";
import { parseLimitReset, parseProseWait, parseRetryAfter } from "../retry-after.ts";
import type { FailureClass, UpstreamFailure } from "../upstream-failure.ts";
import type { FailureCircumstances, FailureFacts, FailureRule } from "./failure-rule.ts";
import { isStatusRule } from "./status-rules.ts";

/** More of a provider's words is never looked at. Unit: characters. */
const longestMessage = 2_048;

/** Classes that waiting can mend, so that a wait is looked for. */
const waiting: ReadonlySet<FailureClass> = new Set<FailureClass>([
  "RATE_LIMITED",
  "QUOTA_EXHAUSTED",
  "OVERLOADED",
  "UPSTREAM_ERROR",
  "CONFLICT",
]);

/**
 * What an error means, by the first row that fits. Where none does, or only one that goes by the
 * status although the provider gave a word for it, `unmapped` asks for a new row. Total.
 */
export function judgeFailure(
  facts: FailureFacts,
  rules: readonly FailureRule[],
  circumstances: FailureCircumstances,
): UpstreamFailure {
  const rule = rules.find((candidate) => fits(candidate, facts, circumstances));
  const failureClass = rule?.class ?? classOfUnknown(facts);
  // A code that only repeats a status says nothing more.
  const named = facts.type !== "" || !/^(?:[1-5]\d\d)?$/.test(facts.code);
  const failure: UpstreamFailure = {
    class: failureClass,
    rule: rule?.id ?? "",
    unmapped: rule === undefined || (isStatusRule(rule.id) && named),
    providerCode: facts.code,
    providerType: facts.type,
    message: redactMessage(facts.message),
  };
  if (rule?.cooldown !== undefined) failure.cooldown = rule.cooldown;
  if (rule?.actions !== undefined) failure.actions = rule.actions;
  if (facts.details !== undefined && facts.details.length > 0) failure.details = facts.details;
  const retryAfterMs = waitOf(failureClass, facts, circumstances);
  if (retryAfterMs !== undefined) failure.retryAfterMs = retryAfterMs;
  return failure;
}

/**
 * A failure as its format understands it, judged again by what is particular to a provider's kind.
 * Unchanged where none of those rows fits.
 */
export function refineFailure(
  failure: UpstreamFailure,
  rules: readonly FailureRule[],
  answer: { readonly status: number; readonly inBand: boolean } & FailureCircumstances,
): UpstreamFailure {
  if (rules.length === 0) return failure;
  const { providerCode: code, providerType: type, message, details = [] } = failure;
  const { inBand } = answer;
  // In-band errors carry the status they would have had as a numeric code.
  const status = inBand && /^[45]\d\d$/.test(code) ? Number(code) : answer.status;
  const bodyWaitMs = failure.retryAfterMs;
  const facts = { status, inBand, code, type, message, details, bodyWaitMs };
  if (!rules.some((rule) => fits(rule, facts, answer))) return failure;
  return judgeFailure(facts, rules, answer);
}

/** Servers that begin to fail in a new way fail all the same; other answers are no failure of them. */
function classOfUnknown({ status, inBand }: FailureFacts): FailureClass {
  if (status >= 500 && status < 600) return "UPSTREAM_ERROR";
  if (status >= 400 && status < 500) return "BAD_REQUEST";
  return inBand ? "UPSTREAM_ERROR" : "UNMAPPED";
}

function fits(rule: FailureRule, facts: FailureFacts, { header }: FailureCircumstances): boolean {
  const { details = [] } = facts;
  if (rule.inBand !== undefined && rule.inBand !== facts.inBand) return false;
  if (rule.status !== undefined && !rule.status.includes(facts.status)) return false;
  if (rule.code !== undefined && !rule.code.includes(facts.code)) return false;
  if (rule.type !== undefined && !rule.type.includes(facts.type)) return false;
  if (rule.detail !== undefined && !rule.detail.some((word) => details.includes(word)))
    return false;
  if (rule.header !== undefined && !rule.header.value.test(header(rule.header.name) ?? "")) {
    return false;
  }
  return rule.message === undefined || rule.message.test(facts.message.slice(0, longestMessage));
}

/** Headers are meant for programs, then the body's own field, then its words. */
function waitOf(
  failureClass: FailureClass,
  facts: FailureFacts,
  { header, nowMs }: FailureCircumstances,
): number | undefined {
  if (!waiting.has(failureClass)) return undefined;
  const date = header("date");
  const now = nowMs > 0 || date === undefined ? nowMs : Date.parse(date) || 0;
  // Limits that are full again soon say nothing about money or a server that fails.
  const reset = failureClass === "RATE_LIMITED" ? parseLimitReset(header, now) : undefined;
  const told = parseRetryAfter(header, now) ?? reset ?? facts.bodyWaitMs;
  return told ?? parseProseWait(facts.message.slice(0, longestMessage));
}
