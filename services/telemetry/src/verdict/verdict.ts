import { create } from "@bufbuild/protobuf";
import { Blame, RequestOutcome, VerdictSchema } from "@penstock/api";
import type { UsageEvent, Verdict } from "@penstock/api";
import { isErrorReason, reasons } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";
import { formatMoney } from "@penstock/pricing";

import { describeAttempts } from "./describe-attempts.ts";
import { nextStep } from "./next-steps.ts";

const blames = {
  caller: Blame.CALLER,
  policy: Blame.POLICY,
  quota: Blame.QUOTA,
  provider: Blame.PROVIDER,
  gateway: Blame.GATEWAY,
};

/** Whose doing the end of a request was, in a sentence, and what to do. Pure. */
export function verdictOf(event: UsageEvent): Verdict {
  switch (event.outcome) {
    case RequestOutcome.COMPLETED:
      return completed(event);
    case RequestOutcome.FAILED:
      return failed(event);
    case RequestOutcome.REFUSED:
      return refused(event);
    case RequestOutcome.CANCELLED:
      return cancelled(event);
    case RequestOutcome.INTERRUPTED:
      return interrupted(event);
    default:
      return verdict(Blame.GATEWAY, "The router did not say how the request ended.", "");
  }
}

function verdict(blame: Blame, sentence: string, advice: string): Verdict {
  return create(VerdictSchema, { blame, sentence, nextStep: advice });
}

function completed(event: UsageEvent): Verdict {
  const story = sentenceStart(describeAttempts(event.attempts));
  const got = `the caller got ${whatWasGot(event)}.`;
  const sentence = story === "" ? sentenceStart(got) : `${story}: ${got}`;
  return verdict(Blame.UNSPECIFIED, sentence, "");
}

/** A count of tokens without a provider's is an estimate. */
function whatWasGot({ countTokens, attempts }: UsageEvent): string {
  if (!countTokens) return "a complete answer";
  const counted = attempts.at(-1)?.outcome === "OK";
  return counted ? "its count of tokens" : "an estimate of its tokens";
}

function failed(event: UsageEvent): Verdict {
  const reason = reasonOf(event);
  const story = sentenceStart(describeAttempts(event.attempts, reason));
  const part = event.attempts.some((attempt) => attempt.committed)
    ? " after part of an answer"
    : "";
  const got = `the caller got the error ${reason}${part}`;
  const cause = event.error?.metadata["failure_cause"] ?? "";
  const { blame, whose } = doersByCause.get(cause) ?? doerOf(reason);
  const sentence = story === "" ? `${sentenceStart(got)}${whose}` : `${story}: ${got}${whose}`;
  return verdict(blame, sentence, nextStep(reason, event.error));
}

function refused(event: UsageEvent): Verdict {
  const reason = reasonOf(event);
  const { blame } = reasons[reason];
  const told = event.error?.message ?? "";
  if (blame === "quota")
    return verdict(Blame.QUOTA, quotaSentence(event), nextStep(reason, event.error));
  const who = {
    caller: "because of what the caller sent",
    policy: policyPhrase(event),
    quota: "",
    provider: "because no provider could take it",
    gateway: "because Penstock itself could not take it",
  }[blame];
  const details = told === "" ? "." : `: ${asSentence(told)}`;
  const sentence = `The request was refused before any attempt, ${who} (${reason})${details}`;
  return verdict(blames[blame], sentence, nextStep(reason, event.error));
}

function policyPhrase({ error }: UsageEvent): string {
  const policy = error?.metadata["policy"] ?? "";
  return policy === "" ? "by policy" : `by ${policy}`;
}

/** Such as "The caller's key reached limits/five (5 requests per minute): quota." */
function quotaSentence({ error, attempts }: UsageEvent): string {
  const facts = error?.metadata ?? {};
  const quota = facts["quota"] ?? "";
  const before = attempts.length === 0 ? "" : `${sentenceStart(describeAttempts(attempts))}; then `;
  if (quota === "") return `${before}${before === "" ? "A" : "a"} quota had no room left: quota.`;
  const amount = describeAmount(quota, facts);
  const who = holderOf(facts["scope"] ?? "");
  const subject = before === "" ? sentenceStart(who) : who;
  return `${before}${subject} reached ${quota}${amount}: quota.`;
}

function describeAmount(quota: string, facts: Readonly<Record<string, string>>): string {
  const limit = facts["limit"] ?? "";
  const unit = facts["unit"] ?? "";
  if (!/^\d{1,19}$/.test(limit) || unit === "") return "";
  const amount = unit === "nano_usd" ? `${formatMoney(BigInt(limit))} USD` : `${limit} ${unit}`;
  return quota.startsWith("limits/") ? ` (${amount} per minute)` : ` (${amount})`;
}

function holderOf(scope: string): string {
  if (scope === "all") return "all callers together";
  if (scope.startsWith("teams/")) return "the caller's team";
  if (scope.startsWith("projects/") && !scope.includes("/virtualKeys/")) {
    return "the caller's project";
  }
  return "the caller's key";
}

function cancelled(event: UsageEvent): Verdict {
  const last = event.attempts.at(-1);
  const begun = event.attempts.some((attempt) => attempt.committed);
  const where =
    last === undefined
      ? "before anything was sent to a provider"
      : begun
        ? `while ${last.provider} was answering attempt ${last.number}`
        : `while it waited for ${last.provider} in attempt ${last.number}`;
  const sentence = `The caller went away ${where}; what was used until then is charged.`;
  return verdict(Blame.CALLER, sentence, "");
}

function interrupted(event: UsageEvent): Verdict {
  const story = describeAttempts(event.attempts.slice(0, -1));
  const before = story === "" ? "" : `${sentenceStart(story)}; then `;
  const subject = before === "" ? "The" : "the";
  const sentence =
    `${before}${subject} router ${event.replica} died while the request ran; ` +
    "its usage is an estimate, found at the restart.";
  return verdict(Blame.GATEWAY, sentence, "Look at why the router ended; send the request again.");
}

function reasonOf({ error }: UsageEvent): ErrorReason {
  const reason = error?.reason ?? "";
  return isErrorReason(reason) ? reason : "INTERNAL";
}

const doers = {
  caller: ", the caller's doing.",
  policy: ", by policy.",
  quota: ", for want of quota.",
  provider: ", the provider's doing.",
  gateway: ", Penstock's own doing.",
};

interface Doer {
  readonly blame: Blame;
  /** The end of a sentence. */
  readonly whose: string;
}

function doerOf(reason: ErrorReason): Doer {
  const { blame } = reasons[reason];
  return { blame: blames[blame], whose: doers[blame] };
}

/** Where what is known of a provider's failure names another doer than its reason, or none. */
const doersByCause: ReadonlyMap<string, Doer> = new Map([
  ["redirected", { blame: Blame.GATEWAY, whose: ", the doing of Penstock's configuration." }],
  ["status_unknown", { blame: Blame.UNSPECIFIED, whose: "; whose doing is not known." }],
]);

/** Names of resources keep their lower case: they begin with a word of their own. */
function sentenceStart(text: string): string {
  if (text === "") return "";
  if (text.startsWith("providers/")) return `The provider ${text}`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
