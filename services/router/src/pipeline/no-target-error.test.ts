import { describe, expect, it } from "vitest";
import { asked, deployment, route } from "../choosing/choosing.fixture.ts";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

describe("a condition that leaves out all targets", () => {
  const secret = 'labels.tier == "gold-customers-of-acme"';

  function refuse() {
    const pipeline = createPipeline(
      sampleSnapshot(
        route({ targets: [{ deployment: "deployments/a-large", condition: secret }] }),
      ),
    );
    return { ...pipeline, ...pipeline.send() };
  }

  it("is named to the caller, and not quoted", () => {
    const { downstream } = refuse();
    const { error } = downstream;
    expect(error?.reason).toBe("NO_TARGET_FITS");
    expect(error?.exclusions[0]).toMatchObject({
      rule: "condition",
      reason: "its condition does not hold",
    });
    expect(error?.message).not.toContain("gold");
  });

  it("is quoted to administrators", () => {
    const { spool } = refuse();
    expect(spool.finals[0]?.error?.excludedBy[0]?.reason).toContain("gold-customers-of-acme");
    expect(spool.finals[0]?.error?.message).not.toContain("gold");
  });
});

describe("a budget where nothing has a price", () => {
  const unpriced = {
    "deployments/a-large": deployment("a", { priceBook: "" }),
    "deployments/b-large": deployment("b", { priceBook: "" }),
  };
  const budget = {
    name: "budgets/day",
    amountNanoUsd: "1000000000",
    period: "BUDGET_PERIOD_DAY",
  };

  it.each([
    ["the request", { scope: { all: true } }],
    [
      "its targets",
      { scope: { all: true }, selector: { model: "smart", provider: "providers/a" } },
    ],
  ])("for %s is the policies' doing, not the caller's", (_name, where) => {
    const onlyA = route({ targets: [{ deployment: "deployments/a-large" }] });
    const pipeline = createPipeline(
      sampleSnapshot({ ...unpriced, ...onlyA, "budgets/day": { budget: { ...budget, ...where } } }),
    );
    const { downstream } = pipeline.send();
    pipeline.clock.advance(1_000);
    expect(downstream.error?.reason).toBe("PRICE_MISSING");
    expect(downstream.error?.source).toBe("gateway");
  });

  it("is the caller's doing where its wishes leave out what has a price", () => {
    const pipeline = createPipeline(
      sampleSnapshot({
        "deployments/a-large": unpriced["deployments/a-large"],
        "priceBooks/prices": {
          priceBook: { name: "priceBooks/prices", prices: [{ model: "*" }] },
        },
        "budgets/day": { budget: { ...budget, scope: { all: true } } },
      }),
    );
    const { routing } = asked({ routing: { ignoreProviders: ["b"] } });
    const { downstream } = pipeline.send({ routing });
    pipeline.clock.advance(1_000);
    expect(downstream.error?.reason).toBe("NO_TARGET_FITS");
  });
});
