import type { JsonValue } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { asked, deployment, policy, route, usage } from "./choosing.fixture.ts";

describe("wishes", () => {
  it("name unknown providers precisely, in the words of their dialect", () => {
    const pipeline = createPipeline();
    const { routing } = asked({ routing: { providerOrder: ["providers/a", "nobody"] } });
    const { downstream } = pipeline.send({ routing });
    expect(downstream.error?.reason).toBe("FIELD_INVALID");
    expect(downstream.error?.message).toBe(
      'routing.provider_order[1] names no provider: "nobody". ' +
        "The model is served by: providers/a, providers/b.",
    );
    expect(pipeline.upstream.calls).toHaveLength(0);
  });

  it("find providers by id, by kind and by resource name", () => {
    for (const name of ["b", "providers/b"]) {
      const pipeline = createPipeline();
      pipeline.send({ routing: asked({ routing: { onlyProviders: [name] } }).routing });
      expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    }
    const pipeline = createPipeline();
    pipeline.send({
      routing: asked({ routing: { onlyProviders: ["openai-compatible"] } }).routing,
    });
    expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
  });

  it("are refused with the name of the policy that refuses them", () => {
    const refuses = policy({ routingWishes: "ROUTING_WISHES_MODE_REFUSE" });
    const pipeline = createPipeline(sampleSnapshot(refuses));
    const { downstream } = pipeline.send({
      routing: asked({ routing: { onlyProviders: ["a"] } }).routing,
    });
    expect(downstream.error).toMatchObject({
      reason: "POLICY_DENIED",
      metadata: { policy: "policies/eu" },
    });
    expect(pipeline.send().downstream.error).toBeUndefined();
  });

  it("never widen a policy: its denied providers stay denied", () => {
    const denies = policy({ denyProviders: ["providers/a"] });
    const pipeline = createPipeline(sampleSnapshot(denies));
    const { downstream } = pipeline.send({
      routing: asked({ routing: { onlyProviders: ["a"] } }).routing,
    });
    expect(downstream.error?.reason).toBe("NO_TARGET_FITS");
    expect(downstream.error?.exclusions.map(({ rule }) => rule)).toEqual([
      "policies/eu",
      "routing.only_providers",
    ]);
    pipeline.send();
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  });

  it("fall back to other models, whose policies apply, and say which one answered", () => {
    const snapshot = sampleSnapshot({
      "routes/other": {
        route: {
          name: "routes/other",
          match: { models: ["other"] },
          targets: [{ deployment: "deployments/c-large" }],
        },
      },
      "deployments/c-large": deployment("c", { provider: "providers/b" }),
    });
    const pipeline = createPipeline(snapshot);
    const { downstream } = pipeline.send({
      routing: asked({ routing: { models: ["other"] } }).routing,
    });
    for (const _ of ["a", "b"]) {
      pipeline.upstream.last.headers(503);
      pipeline.upstream.last.call.sink.onEnd();
    }
    pipeline.clock.advance(1_000);
    const tried = pipeline.upstream.calls.map((call) => call.deployment);
    expect(tried).toEqual(["deployments/a-large", "deployments/b-large", "deployments/c-large"]);
    pipeline.upstream.last.answer(usage);
    expect(downstream.facts?.model).toBe("other");
    const unknown = pipeline.send({ routing: asked({ routing: { models: ["none"] } }).routing });
    expect(unknown.downstream.error?.reason).toBe("MODEL_NOT_FOUND");
  });

  it("ask conditions of targets about the model that is fallen back to", () => {
    const snapshot = sampleSnapshot({
      "routes/other": {
        route: {
          name: "routes/other",
          match: { models: ["other"] },
          targets: [{ deployment: "deployments/c-large", condition: 'model == "other"' }],
        },
      },
      "deployments/c-large": deployment("c", { provider: "providers/b" }),
    });
    const pipeline = createPipeline(snapshot);
    pipeline.send({ routing: asked({ routing: { models: ["other"] } }).routing });
    for (const _ of ["a", "b"]) {
      pipeline.upstream.last.headers(503);
      pipeline.upstream.last.call.sink.onEnd();
    }
    pipeline.clock.advance(1_000);
    expect(pipeline.upstream.last.deployment).toBe("deployments/c-large");
  });

  it("do not fall back to a model that a policy denies", () => {
    const other = {
      name: "routes/other",
      match: { models: ["other"] },
      targets: [{ deployment: "deployments/b-large" }],
    };
    const denies = policy({ denyModels: ["other"] });
    const pipeline = createPipeline(
      sampleSnapshot({ ...denies, "routes/other": { route: other } }),
    );
    const { routing } = asked({ routing: { models: ["other"] } });
    expect(pipeline.send({ routing }).downstream.error).toMatchObject({
      reason: "MODEL_NOT_ALLOWED",
      metadata: { policy: "policies/eu", model: "other" },
    });
  });
});

describe("quotas of several models", () => {
  const limit = (model: string): JsonValue => ({
    limit: {
      name: `limits/${model}`,
      scope: { all: true },
      tokensPerMinute: "1000000",
      onUnavailable: "UNAVAILABLE_MODE_ALLOW",
      selector: { model },
    },
  });
  const snapshotWith = (changes: Record<string, JsonValue> = {}) =>
    sampleSnapshot({
      "limits/smart": limit("smart"),
      "limits/other": limit("other"),
      "routes/other": {
        route: {
          name: "routes/other",
          match: { models: ["other"] },
          targets: [{ deployment: "deployments/c-large" }],
        },
      },
      "deployments/c-large": deployment("c", { provider: "providers/b" }),
      ...changes,
    });
  const routing = asked({ routing: { models: ["other"] } }).routing;
  const charged = ({ spool }: ReturnType<typeof createPipeline>) =>
    Object.fromEntries(
      (spool.finals[0]?.charges ?? []).map(({ quota, settled }) => [quota, settled]),
    );

  it("are held for all, and taken by those that were asked", () => {
    const pipeline = createPipeline(snapshotWith());
    const { downstream } = pipeline.send({ routing });
    pipeline.clock.advance(150);
    pipeline.upstream.last.answer(usage);
    expect(downstream.heard).toEqual(["answer"]);
    expect(charged(pipeline)).toEqual({ "limits/other": 0n, "limits/smart": 12n });
  });

  it("take what their own model used, and nothing of the others", () => {
    const alone = route({ targets: [{ deployment: "deployments/a-large" }] });
    const pipeline = createPipeline(snapshotWith(alone));
    const { downstream } = pipeline.send({ routing });
    pipeline.clock.advance(150);
    for (let at = 0; at < 2; at += 1) {
      const call = pipeline.upstream.calls[at];
      call?.headers(200);
      call?.data("no answer");
      call?.call.sink.onEnd();
      pipeline.clock.advance(1_000);
    }
    expect(pipeline.upstream.last.deployment).toBe("deployments/c-large");
    pipeline.upstream.last.answer(usage);
    expect(downstream.heard).toEqual(["answer"]);
    const all = pipeline.spool.finals[0]?.usage;
    const total = (all?.inputTokens ?? 0n) + (all?.outputTokens ?? 0n);
    expect(total).toBeGreaterThan(12n);
    expect(charged(pipeline)).toEqual({ "limits/other": 12n, "limits/smart": total - 12n });
  });
});
