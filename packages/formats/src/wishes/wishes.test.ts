import { RoutingSort } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { readRequest } from "../openai-chat/read-request.ts";

function read(members: object) {
  const body = { model: "smart", messages: [{ role: "user", content: "hi" }], ...members };
  return readRequest(new TextEncoder().encode(JSON.stringify(body)));
}

function violations(members: object): string[] {
  try {
    read(members);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.fieldViolations.map(({ field, description }) => `${field} ${description}`);
  }
  return [];
}

describe("OpenRouter's provider", () => {
  it("becomes routing wishes", () => {
    const { request, wishDialect, forwardable } = read({
      models: ["large", "small"],
      provider: {
        order: ["openai", "providers/azure"],
        only: ["openai"],
        ignore: ["x"],
        allow_fallbacks: false,
        require_parameters: true,
        sort: "price",
        max_price: { prompt: 1, completion: "2.5", request: 0.000001 },
        data_collection: "allow",
        zdr: false,
        quantizations: [],
      },
    });
    expect(request.routing).toMatchObject({
      models: ["large", "small"],
      providerOrder: ["openai", "providers/azure"],
      onlyProviders: ["openai"],
      ignoreProviders: ["x"],
      allowFallbacks: false,
      requireParameters: true,
      sort: RoutingSort.PRICE,
      maxInputPriceNanoUsdPerMillionTokens: 1_000_000_000n,
      maxOutputPriceNanoUsdPerMillionTokens: 2_500_000_000n,
      maxRequestPriceNanoUsd: 1_000n,
    });
    expect(wishDialect).toBe("provider");
    // What is meant for the gateway does not go on to a provider.
    expect(forwardable).toBeUndefined();
    expect(request.formatParameters).toEqual({});
  });

  it("refuses clearly what it can't promise", () => {
    expect(violations({ provider: { quantizations: ["fp8"] } })[0]).toMatch(
      /^provider\.quantizations is not offered: Penstock does not know/,
    );
    for (const wish of [{ zdr: true }, { data_collection: "deny" }, { nonsense: 1 }]) {
      expect(violations({ provider: wish })).toHaveLength(1);
    }
    expect(violations({ provider: { sort: "fame" } })).toEqual([
      "provider.sort must be price, latency or throughput",
    ]);
    expect(violations({ provider: { order: ["a b"], max_price: { image: 1 } } })).toHaveLength(2);
    expect(violations({ provider: { max_price: { prompt: -1 } } })).toHaveLength(1);
  });

  it("takes the one route that its clients name, and no other", () => {
    expect(violations({ route: "fallback", models: ["small"] })).toEqual([]);
    expect(violations({ route: "routes/other" })).toEqual([
      "route is refused: callers choose no route; fallback alone is taken",
    ]);
  });

  it("takes the first of the models when there is no model", () => {
    const { request } = read({ model: undefined, models: ["large", "small"] });
    expect(request.model).toBe("large");
    expect(request.routing?.models).toEqual(["small"]);
    expect(violations({ model: undefined, models: [] })).toEqual(["model is required"]);
  });
});

describe("providerOptions.gateway", () => {
  it("becomes routing wishes", () => {
    const { request, wishDialect } = read({
      providerOptions: {
        gateway: { order: ["bedrock"], only: ["bedrock"], models: ["small"], sort: "ttft" },
      },
    });
    expect(request.routing).toMatchObject({
      models: ["small"],
      onlyProviders: ["bedrock"],
      providerOrder: ["bedrock"],
      sort: RoutingSort.LATENCY,
    });
    expect(wishDialect).toBe("providerOptions.gateway");
  });

  it("refuses what it can't promise, and credentials always", () => {
    expect(violations({ providerOptions: { gateway: { byok: { openai: [] } } } })[0]).toContain(
      "callers choose no credential",
    );
    expect(violations({ providerOptions: { gateway: { zeroDataRetention: true } } })).toHaveLength(
      1,
    );
    expect(violations({ providerOptions: { gateway: { zeroDataRetention: false } } })).toEqual([]);
    expect(violations({ providerOptions: { openai: { user: "x" } } })).toEqual([
      "providerOptions.openai is not served; only gateway is",
    ]);
  });
});

describe("wishes in general", () => {
  it("are said in one dialect", () => {
    expect(violations({ provider: {}, penstock: { routing: {} } })).toEqual([
      "penstock.routing says the same as provider; give one of them",
    ]);
  });

  it("are refused where nobody knows them, with the names that are known", () => {
    const dialects = [
      (wishes: object) => violations({ provider: wishes }),
      (wishes: object) => violations({ penstock: { routing: wishes } }),
    ];
    for (const refused of dialects) {
      const known =
        refused({ onyl: ["a"] })[0]
          ?.split("known are ")[1]
          ?.split(", ") ?? [];
      expect(known).toContain("sort");
      for (const name of known)
        expect(refused({ [name]: {} }).join()).not.toContain("is not a known");
    }
  });

  it("carry session and report", () => {
    const { request, report } = read({ penstock: { session: "s", report: true } });
    expect(request.session).toBe("s");
    expect(report).toBe(true);
    expect(read({ session_id: "t" }).request.session).toBe("t");
    expect(read({}).report).toBe(false);
  });
});

describe("a wish about hedging", () => {
  it("is read from the member of Penstock alone, true or false", () => {
    for (const hedging of [true, false]) {
      expect(read({ penstock: { routing: { hedging } } }).request.routing).toMatchObject({
        hedging,
      });
    }
    expect(violations({ penstock: { routing: { hedging: "no" } } })[0]).toMatch(
      /^penstock\.routing\.hedging /,
    );
    expect(violations({ provider: { hedging: false } })[0]).toMatch(/^provider\.hedging /);
  });
});
