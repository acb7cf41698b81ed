import { create } from "@bufbuild/protobuf";
import { AttemptSchema, Blame, RequestOutcome, UsageEventSchema } from "@penstock/api";
import type { Attempt, UsageEvent } from "@penstock/api";
import { reasons } from "@penstock/errors";
import type { ErrorReason } from "@penstock/errors";
import { describe, expect, it } from "vitest";

import { verdictOf } from "./verdict.ts";

function attempt(number: number, provider: string, parts: Partial<Attempt> = {}): Attempt {
  const init = { number, provider, outcome: "OK", httpStatus: 200 };
  return Object.assign(create(AttemptSchema, init), parts);
}

function event(outcome: RequestOutcome, parts: Partial<UsageEvent> = {}): UsageEvent {
  return Object.assign(create(UsageEventSchema, { outcome, replica: "r1" }), parts);
}

function error(reason: string, message = "", metadata: Record<string, string> = {}) {
  const $typeName = "penstock.event.v1.UsageError" as const;
  return { error: { $typeName, reason, message, source: "", metadata, excludedBy: [] } };
}

const alphaDown = attempt(1, "providers/alpha", { outcome: "OVERLOADED", httpStatus: 503 });
const betaOk = attempt(2, "providers/beta", { committed: true });
const quotaFacts = { quota: "limits/five", limit: "5", unit: "requests" };
const keyScope = "projects/p/virtualKeys/k";

describe("the verdict", () => {
  it.each<[string, UsageEvent, Blame, string]>([
    [
      "a fallback",
      event(RequestOutcome.COMPLETED, { attempts: [alphaDown, betaOk] }),
      Blame.UNSPECIFIED,
      "The provider providers/alpha answered 503 to attempt 1; " +
        "providers/beta answered attempt 2: the caller got a complete answer.",
    ],
    [
      "a count of tokens",
      event(RequestOutcome.COMPLETED, { countTokens: true, attempts: [alphaDown, betaOk] }),
      Blame.UNSPECIFIED,
      "The provider providers/alpha answered 503 to attempt 1; " +
        "providers/beta answered attempt 2: the caller got its count of tokens.",
    ],
    [
      "a count of tokens that nobody gave",
      event(RequestOutcome.COMPLETED, { countTokens: true, attempts: [alphaDown] }),
      Blame.UNSPECIFIED,
      "The provider providers/alpha answered 503 to attempt 1: " +
        "the caller got an estimate of its tokens.",
    ],
    [
      "an answer without attempts",
      event(RequestOutcome.COMPLETED),
      Blame.UNSPECIFIED,
      "The caller got a complete answer.",
    ],
    [
      "a limit of the key",
      event(
        RequestOutcome.REFUSED,
        error("LIMIT_EXCEEDED", "", { ...quotaFacts, scope: keyScope }),
      ),
      Blame.QUOTA,
      "The caller's key reached limits/five (5 requests per minute): quota.",
    ],
    [
      "a limit of a deployment, met after an attempt",
      event(RequestOutcome.FAILED, {
        attempts: [alphaDown],
        ...error("LIMIT_EXCEEDED", "", { ...quotaFacts, scope: "all" }),
      }),
      Blame.QUOTA,
      "The provider providers/alpha answered 503 to attempt 1: " +
        "the caller got the error LIMIT_EXCEEDED, for want of quota.",
    ],
    [
      "a budget of the team",
      event(
        RequestOutcome.REFUSED,
        error("BUDGET_EXHAUSTED", "", {
          quota: "budgets/demo",
          limit: "12500000000",
          unit: "nano_usd",
          scope: "teams/demo",
        }),
      ),
      Blame.QUOTA,
      "The caller's team reached budgets/demo (12.5 USD): quota.",
    ],
    [
      "a policy",
      event(
        RequestOutcome.REFUSED,
        error("MODEL_NOT_ALLOWED", "Not this one.", { policy: "policies/p" }),
      ),
      Blame.POLICY,
      "The request was refused before any attempt, by policies/p (MODEL_NOT_ALLOWED): " +
        "Not this one.",
    ],
    [
      "a bad key",
      event(RequestOutcome.REFUSED, error("KEY_INVALID", "The key is not known")),
      Blame.CALLER,
      "The request was refused before any attempt, because of what the caller sent " +
        "(KEY_INVALID): The key is not known.",
    ],
    [
      "a failure of the only provider after content",
      event(RequestOutcome.FAILED, {
        attempts: [attempt(1, "providers/alpha", { outcome: "STREAM_BROKEN", committed: true })],
        ...error("STREAM_INTERRUPTED"),
      }),
      Blame.PROVIDER,
      "The provider providers/alpha broke off its answer in attempt 1: the caller got the error " +
        "STREAM_INTERRUPTED after part of an answer, the provider's doing.",
    ],
    [
      "a caller that left",
      event(RequestOutcome.CANCELLED, {
        attempts: [attempt(1, "providers/a", { committed: true })],
      }),
      Blame.CALLER,
      "The caller went away while providers/a was answering attempt 1; " +
        "what was used until then is charged.",
    ],
    [
      "a caller that left early",
      event(RequestOutcome.CANCELLED),
      Blame.CALLER,
      "The caller went away before anything was sent to a provider; " +
        "what was used until then is charged.",
    ],
    [
      "a death of the router",
      event(RequestOutcome.INTERRUPTED, { attempts: [alphaDown, betaOk] }),
      Blame.GATEWAY,
      "The provider providers/alpha answered 503 to attempt 1; then the router r1 died while the " +
        "request ran; its usage is an estimate, found at the restart.",
    ],
    [
      "nothing said",
      event(RequestOutcome.UNSPECIFIED),
      Blame.GATEWAY,
      "The router did not say how the request ended.",
    ],
  ])("tells %s", (_, usage, blame, sentence) => {
    const verdict = verdictOf(usage);
    expect(verdict.sentence).toBe(sentence);
    expect(verdict.blame).toBe(blame);
  });

  it("does not advise to wait for what never fits", () => {
    const advised = (metadata: Record<string, string>) =>
      verdictOf(event(RequestOutcome.REFUSED, error("BUDGET_EXHAUSTED", "", metadata))).nextStep;
    expect(advised({ retry: "never" })).toMatch(/^Send less/);
    expect(advised({})).toMatch(/^Wait/);
  });

  it.each([
    ["late", "what makes quota or its database slow"],
    ["skipped", "what makes quota or its database slow"],
    ["away", "why the quota service can't be reached"],
    [undefined, "why the quota service can't be reached"],
  ])("advises for a quota that was %s", (state, advice) => {
    const facts = state === undefined ? {} : { quota_state: state };
    const refused = error("QUOTA_UNAVAILABLE", "Said.", { quota: "budgets/demo", ...facts });
    expect(verdictOf(event(RequestOutcome.REFUSED, refused)).nextStep).toContain(advice);
  });

  const blames: Record<string, Blame> = {
    caller: Blame.CALLER,
    policy: Blame.POLICY,
    quota: Blame.QUOTA,
    provider: Blame.PROVIDER,
    gateway: Blame.GATEWAY,
  };

  it.each(Object.keys(reasons) as ErrorReason[])("blames who the table says for %s", (reason) => {
    for (const outcome of [RequestOutcome.FAILED, RequestOutcome.REFUSED]) {
      const verdict = verdictOf(event(outcome, error(reason, "Said.")));
      expect(verdict.blame).toBe(blames[reasons[reason].blame]);
      expect(verdict.sentence).toMatch(/^[A-Z].*\.$/);
      expect(verdict.nextStep).toMatch(reason === "CANCELLED" ? /^$/ : /^[A-Z].*\.$/);
    }
  });

  it.each([
    [
      "name_unknown ENOTFOUND",
      "has a host name that could not be resolved in attempt 1 (ENOTFOUND)",
    ],
    [
      "tls_failed CERT_HAS_EXPIRED",
      "could not be called, as TLS failed in attempt 1 (CERT_HAS_EXPIRED)",
    ],
    ["no_credential", "asked for a credential, of which none is configured, in attempt 1"],
    [
      "redirected https://api.example.com",
      "redirects to another address, which Penstock never follows: its base URL is wrong, " +
        "in attempt 1 (https://api.example.com)",
    ],
  ])("tells what is known of a failure: %s", (failureCause, text) => {
    const attempts = [attempt(1, "providers/a", { outcome: "CONNECTION", failureCause })];
    const cause = { failure_cause: failureCause.split(" ")[0] ?? "" };
    const failed = error("UPSTREAM_FAILED", "", cause);
    const verdict = verdictOf(event(RequestOutcome.FAILED, { attempts, ...failed }));
    expect(verdict.sentence).toContain(`The provider providers/a ${text}: `);
    expect(verdict.nextStep).toMatch(/base URL|certificate|credential/);
  });

  it("accuses the configuration of a redirect, and nobody of a status without a meaning", () => {
    const verdictFor = (cause: string, httpStatus: number) => {
      const attempts = [
        attempt(1, "providers/a", { httpStatus, outcome: "BAD_REQUEST", failureCause: cause }),
      ];
      const failed = error("UPSTREAM_FAILED", "", { failure_cause: cause });
      return verdictOf(event(RequestOutcome.FAILED, { attempts, ...failed }));
    };
    const redirected = verdictFor("redirected", 302);
    expect(redirected.blame).toBe(Blame.GATEWAY);
    expect(redirected.sentence).toMatch(/, the doing of Penstock's configuration\.$/);
    expect(redirected.nextStep).toContain("`baseUrl`");
    expect(redirected.nextStep).not.toMatch(/[Ss]end it again/);
    const unknown = verdictFor("status_unknown", 418);
    expect(unknown.blame).toBe(Blame.UNSPECIFIED);
    expect(unknown.sentence).toContain("no meaning is known, in attempt 1 (418): ");
    expect(unknown.sentence).toMatch(/; whose doing is not known\.$/);
  });

  it.each<[ErrorReason, string]>([
    ["DRAINING", "was stopped, because its router was shut down, in attempt 1"],
    ["METERING_UNAVAILABLE", "was stopped in attempt 1"],
    ["STREAM_INTERRUPTED", "was stopped, because the caller went away, in attempt 1"],
  ])("tells one story of a stream that was cut with %s", (reason, text) => {
    const attempts = [attempt(1, "providers/a", { outcome: "CANCELLED", committed: true })];
    const verdict = verdictOf(event(RequestOutcome.FAILED, { attempts, ...error(reason) }));
    expect(verdict.sentence).toContain(`providers/a ${text}: `);
  });

  it.each([
    ["TIMEOUT_FIRST_TOKEN", 0, "sent no content in time in"],
    ["TIMEOUT_CONNECT", 0, "could not be reached in time in"],
    ["CONNECTION", 0, "could not be reached, or hung up, in"],
    ["RATE_LIMITED", 429, "answered 429 to"],
    ["UNMAPPED", 418, "answered 418 to"],
  ])("tells an attempt that ended with %s", (outcome, httpStatus, text) => {
    const attempts = [attempt(1, "providers/a", { outcome, httpStatus })];
    const verdict = verdictOf(event(RequestOutcome.FAILED, { attempts, ...error("INTERNAL") }));
    expect(verdict.sentence).toContain(`The provider providers/a ${text} attempt 1: `);
  });
});
