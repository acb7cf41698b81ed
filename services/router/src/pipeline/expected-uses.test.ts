import { describe, expect, it } from "vitest";
import { expectedUses } from "./expected-uses.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

const limit = (name: string, more: object) => ({
  limit: { name, requestsPerMinute: "5", ...more },
});

describe("expectedUses", () => {
  it("is one ordinary request on every quota whose instance is known", () => {
    const snapshot = sampleSnapshot({
      "limits/five": limit("limits/five", {}),
      "limits/each": limit("limits/each", { selector: { endUser: "END_USER_SELECTOR_EACH" } }),
      "budgets/day": {
        budget: { name: "budgets/day", amountNanoUsd: "1000", period: "BUDGET_PERIOD_DAY" },
      },
    });
    const uses = expectedUses(snapshot, 0).map(({ key, amount }) => `${key} ${amount}`);
    // 100 tokens at 1 USD and 1,024 at 4 USD a million.
    expect(uses.toSorted()).toEqual(["budgets/day 4196000", "limits/five 1"]);
  });
});
