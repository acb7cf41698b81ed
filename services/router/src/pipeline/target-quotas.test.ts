import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { asked, deployment, usage } from "../choosing/choosing.fixture.ts";
import { createPipeline } from "./pipeline.fixture.ts";
import { sampleSnapshot } from "./sample-snapshot.fixture.ts";

const only = (id: string, model: string, target: string): Record<string, JsonValue> => ({
  [`routes/${id}`]: {
    route: {
      name: `routes/${id}`,
      match: { models: [model] },
      targets: [{ deployment: `deployments/${target}` }],
      maxAttempts: 2,
    },
  },
});

const routes = { ...only("smart", "smart", "a-large"), ...only("other", "other", "b-large") };

function limit(name: string, selector: JsonValue): Record<string, JsonValue> {
  return {
    [`limits/${name}`]: {
      limit: {
        name: `limits/${name}`,
        scope: { all: true },
        tokensPerMinute: "1000000",
        onUnavailable: "UNAVAILABLE_MODE_ALLOW",
        selector,
      },
    },
  };
}

/** Asks for `smart`, else `other`; gives what the attempts on both were charged to. */
function chargesOf(limits: Record<string, JsonValue>): string[][] {
  const pipeline = createPipeline(sampleSnapshot({ ...routes, ...limits }));
  const { routing } = asked({ routing: { models: ["other"] } });
  pipeline.send({ routing });
  pipeline.clock.advance(150);
  expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
  pipeline.upstream.last.headers(429);
  pipeline.upstream.last.call.sink.onEnd();
  const before = pipeline.spool.finals.length;
  pipeline.clock.advance(150);
  expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  pipeline.upstream.last.answer(usage);
  const charges = pipeline.spool.finals[before]?.charges ?? [];
  return charges.map(({ quota, settled }) => [quota, String(settled)]);
}

describe("quotas on the target of a model that a request falls back to", () => {
  it("are those of the model that it answers for", () => {
    expect(chargesOf(limit("b", { deployment: "deployments/b-large", model: "other" }))).toEqual([
      ["limits/b", "12"],
    ]);
  });

  it("are not those of the model that was asked for first", () => {
    expect(chargesOf(limit("b", { deployment: "deployments/b-large", model: "smart" }))).toEqual(
      [],
    );
    expect(chargesOf(limit("b", { provider: "providers/b", model: "smart" }))).toEqual([]);
  });

  it("do not hold back the target of the first model", () => {
    expect(chargesOf(limit("a", { deployment: "deployments/a-large", model: "other" }))).toEqual(
      [],
    );
    expect(chargesOf(limit("a", { deployment: "deployments/a-large", model: "smart" }))).toEqual([
      ["limits/a", "0"],
    ]);
  });

  it("leave a target without a price out where their budget is about its model", () => {
    const budget = (model: string): Record<string, JsonValue> => ({
      "budgets/b": {
        budget: {
          name: "budgets/b",
          scope: { all: true },
          amountNanoUsd: "1000000000",
          period: "BUDGET_PERIOD_DAY",
          selector: { deployment: "deployments/b-large", model },
        },
      },
    });
    const unpriced = { "deployments/b-large": deployment("b", { priceBook: "" }) };
    const ask = (model: string): string | undefined => {
      const pipeline = createPipeline(sampleSnapshot({ ...routes, ...unpriced, ...budget(model) }));
      const { routing } = asked({ routing: { models: ["other"] } });
      const { downstream } = pipeline.send({ routing });
      pipeline.upstream.last.headers(429);
      pipeline.upstream.last.call.sink.onEnd();
      pipeline.clock.advance(150);
      if (pipeline.upstream.last.deployment === "deployments/b-large") return "asked";
      return downstream.error?.exclusions.find(({ rule }) => rule === "no_price")?.deployment;
    };
    expect(ask("other")).toBe("deployments/b-large");
    expect(ask("smart")).toBe("asked");
  });
});
