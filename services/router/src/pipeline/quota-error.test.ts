import { toStatus } from "@penstock/errors";
import { recordingObservability } from "@penstock/observability";
import { describe, expect, it } from "vitest";
import { RouterEvents } from "../events.ts";
import type { QuotaRefused, QuotaSilence } from "../leases/reserve-outcome.ts";
import { quota, use } from "../leases/lease-book.fixture.ts";
import { quotaError } from "./quota-error.ts";

const refused = (silence: QuotaSilence | undefined): QuotaRefused => ({
  kind: "refused",
  use: use(quota("budgets/demo", { kind: "budget", scopeName: "all" })),
  cause: "unavailable",
  resetTimeMs: undefined,
  silence,
});

describe("the error of a quota without room", () => {
  const budget = quota("budgets/demo", {
    kind: "budget",
    unit: "nano_usd",
    amount: 5_000_000_000n,
    period: "day",
    scopeName: "all",
  });
  const exhausted = (amount: number): QuotaRefused => ({
    kind: "refused",
    use: use(budget, amount),
    cause: "exhausted",
    resetTimeMs: 60_000,
  });

  it("says when there is room again", () => {
    const error = quotaError(exhausted(5_000_000_000), 20_000);
    expect(error.message).toBe(
      "budgets/demo (5 USD per day, for everyone) has no room left for this request. " +
        "It has room again at 1970-01-01T00:01:00.000Z.",
    );
    expect(error.retryAfterMs).toBe(40_000);
  });

  it("promises none to a request that the whole of it would not be enough for", () => {
    const error = quotaError(exhausted(5_000_000_001), 20_000);
    expect(error.message).toBe(
      "budgets/demo (5 USD per day, for everyone) has never room for this request, which may take " +
        "5.000000001 USD. Send less, or let the answer be shorter (the most output tokens).",
    );
    expect(error.retryAfterMs).toBeUndefined();
    expect(error.metadata).toMatchObject({ retry: "never", requested: "5000000001" });
    expect(error.metadata).not.toHaveProperty("reset_time");
    const status = toStatus(error, "r", 20_000);
    const types = status.details.map(({ typeUrl }) => typeUrl.split(".").at(-1));
    expect(types).toContain("QuotaFailure");
    expect(types).not.toContain("RetryInfo");
  });
});

describe("the error of a quota that can't be asked", () => {
  it.each<[QuotaSilence | undefined, string, string | undefined]>([
    [{ state: "late", waitedMs: 150 }, "Quota did not answer within 150 ms, so whether", "late"],
    [{ state: "skipped" }, "Quota left those who asked before without an answer, so", "skipped"],
    [{ state: "away" }, "Quota can't be reached, or fails, so whether budgets/demo has", "away"],
    [
      { state: "refused" },
      "Quota refuses this router's lease syncs (its log and /readyz say why and what to do), so",
      "refused",
    ],
    [undefined, "Whether budgets/demo has room can't be found out now", undefined],
  ])("says why: %j", (silence, start, state) => {
    const error = quotaError(refused(silence), 0);
    expect(error.reason).toBe("QUOTA_UNAVAILABLE");
    expect(error.message.slice(0, start.length)).toBe(start);
    expect(error.metadata["quota_state"]).toBe(state);
  });

  it("is counted each time, and logged once a second", () => {
    const { logger, metrics, lines } = recordingObservability();
    const events = new RouterEvents(logger, metrics);
    const late = refused({ state: "late", waitedMs: 150 });
    for (const nowMs of [0, 1, 999]) events.quotaRefused("r", late, nowMs);
    events.quotaRefused("r", refused({ state: "away" }), 1_000);
    events.quotaRefused("r", { ...late, cause: "exhausted" }, 5_000);
    expect(lines).toMatchObject([
      { level: "warn", quota: "budgets/demo", state: "late", waitedMs: 150, refused: 1 },
      { level: "warn", state: "away", refused: 3 },
    ]);
    const text = metrics.render();
    expect(text).toContain('penstock_quota_unavailable_total{state="late"} 3');
    expect(text).toContain('penstock_quota_unavailable_total{state="away"} 1');
  });
});
