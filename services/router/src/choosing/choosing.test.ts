import { MessageRole } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { keyOfSignature } from "./affinity-keys.ts";
import { asked, deployment, route, usage } from "./choosing.fixture.ts";

describe("capabilities", () => {
  const noSeed = { "deployments/a-large": deployment("a", { capabilities: { seed: false } }) };

  it("leave a parameter out with a warning", () => {
    const pipeline = createPipeline(sampleSnapshot(noSeed));
    const { sampling } = asked({ sampling: { seed: 7n, temperature: 0.5 } });
    const { downstream } = pipeline.send({ sampling });
    const body: unknown = JSON.parse(String(pipeline.upstream.last.call.body));
    expect(body).toMatchObject({ temperature: 0.5 });
    expect(body).not.toHaveProperty("seed");
    pipeline.upstream.last.answer(usage);
    expect(downstream.end?.warnings).toEqual([
      "seed was left out: deployments/a-large does not know seeds",
    ]);
  });

  it("leave out each parameter that can be done without, and nothing else", () => {
    const capabilities = {
      reasoning: false,
      seed: false,
      stopSequences: false,
      logprobs: false,
      topK: false,
      penalties: false,
    };
    const lacks = { "deployments/a-large": deployment("a", { capabilities }) };
    const pipeline = createPipeline(sampleSnapshot(lacks));
    const { sampling, reasoning } = asked({
      sampling: {
        seed: 7n,
        stopSequences: ["x"],
        topLogprobs: 2,
        topK: 3,
        frequencyPenalty: 1,
        presencePenalty: 1,
        temperature: 0.5,
        topP: 0.5,
      },
      reasoning: { effort: "low" },
    });
    const { downstream, handler } = pipeline.send({ sampling, reasoning });
    const body = JSON.parse(String(pipeline.upstream.last.call.body)) as object;
    expect(Object.keys(body).toSorted()).toEqual(["messages", "model", "temperature", "top_p"]);
    pipeline.upstream.last.answer(usage);
    expect(downstream.end?.warnings).toHaveLength(6);
    // Another target would get the request whole.
    expect(handler.context.request?.sampling?.seed).toBe(7n);
  });

  it("keep a target out of a request that requires its parameters", () => {
    const pipeline = createPipeline(sampleSnapshot(noSeed));
    const init = { sampling: { seed: 7n }, routing: { requireParameters: true } };
    const { sampling, routing } = asked(init);
    const { downstream } = pipeline.send({ sampling, routing });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.upstream.last.answer(usage);
    expect(downstream.end?.warnings).toEqual([]);
  });

  it.each([
    ["imageInput", { mediaType: "image/png" }],
    ["audioInput", { mediaType: "audio/wav" }],
    ["fileInput", { mediaType: "application/pdf" }],
  ])("keep a target that lacks %s away from such content", (capability, media) => {
    const lacks = deployment("a", { capabilities: { [capability]: false } });
    const pipeline = createPipeline(sampleSnapshot({ "deployments/a-large": lacks }));
    const source = { case: "data", value: new Uint8Array(1) };
    const { messages } = asked({
      messages: [
        {
          role: MessageRole.USER,
          parts: [{ part: { case: "media", value: { ...media, source } } }],
        },
      ],
    });
    const { downstream } = pipeline.send({
      messages,
      routing: asked({ routing: { onlyProviders: ["a"] } }).routing,
    });
    expect(downstream.error?.exclusions[0]?.rule).toMatch(/^capability\.(image|audio|file)_input$/);
    expect(downstream.error?.reason).toBe("NO_TARGET_FITS");
  });
});

describe("conditions", () => {
  it("choose the route, and leave targets out", () => {
    const snapshot = sampleSnapshot({
      ...route({
        match: { models: ["smart"], condition: 'labels.tier == "gold"' },
        targets: [
          { deployment: "deployments/a-large", condition: "!has_tools" },
          { deployment: "deployments/b-large" },
        ],
      }),
      "routes/plain": {
        route: {
          name: "routes/plain",
          match: { models: ["smart"] },
          targets: [{ deployment: "deployments/b-large" }],
        },
      },
    });
    const pipeline = createPipeline(snapshot);
    pipeline.send();
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.send({ labels: { tier: "gold" } });
    expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
    const { tools } = asked({ tools: [{ name: "f" }] });
    pipeline.send({ labels: { tier: "gold" }, tools });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  });
});

describe("affinity", () => {
  const weighted = route({ strategy: { weighted: {} } });

  it("keeps a session where its prompt cache is, for five minutes", () => {
    const pipeline = createPipeline(sampleSnapshot(weighted));
    const parts = { ...pipeline.parts, random: () => 0.99 };
    pipeline.send({ session: "s" });
    expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
    pipeline.upstream.last.answer(usage);
    Object.assign(pipeline.parts, parts);
    pipeline.send({ session: "s" });
    expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
    pipeline.send({ session: "other" });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.clock.advance(300_000);
    pipeline.send({ session: "s" });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  });

  it("is not looked for where there is nothing to choose", () => {
    const alone = route({ targets: [{ deployment: "deployments/a-large" }] });
    const pipeline = createPipeline(sampleSnapshot(alone));
    pipeline.send({ session: "s" });
    pipeline.upstream.last.answer(usage);
    expect(pipeline.parts.affinity.size).toBe(0);
  });

  it("follows the beginning of a conversation where a cache is asked for", () => {
    const pipeline = createPipeline(sampleSnapshot(weighted));
    const marked = asked({
      messages: [
        {
          role: MessageRole.USER,
          parts: [
            {
              part: { case: "text", value: { text: "a long text" } },
              cacheMarker: { timeToLive: "1h" },
            },
          ],
        },
      ],
    });
    const { messages } = marked;
    const later = [...messages, ...messages];
    pipeline.send({ messages });
    pipeline.upstream.last.answer(usage);
    Object.assign(pipeline.parts, { random: () => 0.99 });
    pipeline.clock.advance(3_599_000);
    pipeline.send({ messages: later });
    expect(pipeline.upstream.last.deployment).toBe("deployments/a-large");
    pipeline.send();
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.clock.advance(1_000);
    pipeline.send({ messages: later });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  });

  it("keeps signed reasoning with its issuer, or leaves it out with a warning", () => {
    const pipeline = createPipeline();
    const reasoning = { text: "hm", signature: "sig" };
    const { messages } = asked({
      messages: [
        { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "hi" } } }] },
        {
          role: MessageRole.ASSISTANT,
          parts: [
            { part: { case: "reasoning", value: reasoning } },
            { part: { case: "text", value: { text: "yes" } } },
          ],
        },
        { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "and" } } }] },
      ],
    });
    const key = keyOfSignature("sig");
    const served = { deployment: "deployments/b-large", provider: "providers/b", cachedTokens: 0 };
    pipeline.parts.affinity.note(key, { ...served, untilMs: Infinity });
    pipeline.send({ messages });
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    const { downstream } = pipeline.send({
      messages,
      routing: asked({ routing: { onlyProviders: ["a"] } }).routing,
    });
    expect(String(pipeline.upstream.last.call.body)).not.toContain("hm");
    pipeline.upstream.last.answer(usage);
    expect(downstream.end?.warnings).toEqual([
      "signed reasoning was left out: providers/b made it, and deployments/a-large answers",
    ]);
  });
});

describe("strategies", () => {
  it("prefer what answers sooner, once it is known", () => {
    const pipeline = createPipeline(sampleSnapshot(route({ strategy: { leastLatency: {} } })));
    for (const waitMs of [400, 100]) {
      pipeline.send();
      pipeline.clock.advance(waitMs);
      pipeline.upstream.last.answer(usage);
    }
    const tried = pipeline.upstream.calls.map((call) => call.deployment);
    expect(tried).toEqual(["deployments/a-large", "deployments/b-large"]);
    pipeline.send();
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
  });

  it("prefer what has less to do", () => {
    const pipeline = createPipeline(sampleSnapshot(route({ strategy: { leastBusy: {} } })));
    pipeline.send();
    pipeline.send();
    const tried = pipeline.upstream.calls.map((call) => call.deployment);
    expect(tried).toEqual(["deployments/a-large", "deployments/b-large"]);
  });

  it("prefer what costs less, and the caller's wish before the route's", () => {
    const prices = {
      "priceBooks/cheap": {
        priceBook: {
          name: "priceBooks/cheap",
          prices: [
            {
              model: "*",
              inputNanoUsdPerMillionTokens: "1",
              outputNanoUsdPerMillionTokens: "1",
            },
          ],
        },
      },
      "deployments/b-large": deployment("b", { priceBook: "priceBooks/cheap" }),
    };
    const cheapest = createPipeline(
      sampleSnapshot({ ...prices, ...route({ strategy: { lowestCost: {} } }) }),
    );
    cheapest.send();
    expect(cheapest.upstream.last.deployment).toBe("deployments/b-large");
    const wished = createPipeline(sampleSnapshot(prices));
    wished.send({ routing: asked({ routing: { sort: 1 } }).routing });
    expect(wished.upstream.last.deployment).toBe("deployments/b-large");
  });
});

describe("a failure", () => {
  it("says of each candidate why it did not answer, and until when", () => {
    const pipeline = createPipeline();
    pipeline.send();
    pipeline.upstream.last.headers(429, { "retry-after": "30" });
    pipeline.upstream.last.call.sink.onEnd();
    pipeline.upstream.last.headers(400);
    pipeline.upstream.last.call.sink.onEnd();
    const { downstream } = pipeline.send();
    expect(pipeline.upstream.last.deployment).toBe("deployments/b-large");
    pipeline.upstream.last.headers(400);
    pipeline.upstream.last.call.sink.onEnd();
    expect(downstream.error?.reason).toBe("UPSTREAM_REJECTED_REQUEST");
    expect(downstream.error?.exclusions).toMatchObject([
      { deployment: "deployments/b-large", rule: "attempt.BAD_REQUEST" },
      {
        deployment: "deployments/a-large",
        rule: "cooldown",
        // What comes on top of the wait is a tenth of it, times the draw of 0.5.
        untilTimeMs: pipeline.clock.wallMs() + 31_500,
      },
    ]);
    expect(pipeline.spool.finals.at(-1)?.error?.excludedBy).toHaveLength(2);
  });
});
