import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ExplainRequestRequestSchema, MessageRole } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { explainRequest } from "./explain-request.ts";

const virtualKey = "projects/p/virtualKeys/k";

function route(id: string, models: readonly string[], further: object = {}) {
  const targets = [{ deployment: "deployments/a-large" }];
  const name = `routes/${id}`;
  return { [name]: { route: { name, match: { models: [...models], ...further }, targets } } };
}

function explain(
  changes: object,
  asked: Omit<MessageInitShape<typeof ExplainRequestRequestSchema>, "virtualKey" | "$typeName">,
) {
  const snapshot = sampleSnapshot(changes as never);
  const { parts } = createPipeline(snapshot);
  const request = create(ExplainRequestRequestSchema, { virtualKey, ...asked });
  return explainRequest({ parts, currentSnapshot: () => snapshot }, request);
}

const many = Object.assign(
  {},
  ...Array.from({ length: 40 }, (_, at) => route(`other-${at}`, [`other-${at}`])),
) as object;

describe("explainRequest", () => {
  it("tells the routes that came closest, and counts the others", () => {
    const close = {
      ...route("wide", ["sm*"]),
      ...route("labelled", ["smart"], { labels: { tier: "gold" } }),
      ...route("conditional", ["smart"], { condition: "has_tools" }),
    };
    const answer = explain({ ...many, ...close }, { request: { model: "smart" } });
    expect(answer.routes.map(({ name, chosen }) => [name, chosen])).toEqual([
      ["routes/smart", true],
      ["routes/wide", false],
      ["routes/conditional", false],
      ["routes/labelled", false],
    ]);
    expect(answer.omittedRoutes).toBe(40);
    const all = explain({ ...many, ...close }, { request: { model: "smart" }, allRoutes: true });
    expect(all.routes).toHaveLength(44);
    expect(all.omittedRoutes).toBe(0);
  });

  it("tells of the likest models when none is served", () => {
    const answer = explain(many, { request: { model: "smrt" } });
    expect(answer.refusalReason).toBe("MODEL_NOT_FOUND");
    expect(answer.routes).toHaveLength(8);
    expect(answer.routes[0]).toMatchObject({
      name: "routes/smart",
      reason: 'no pattern fits the model; it serves "smart"',
    });
    expect(answer.omittedRoutes).toBe(33);
  });

  it("explains a request for vectors by what makes vectors", () => {
    const name = "deployments/a-large";
    const deployment = { name, provider: "providers/a", model: "a-large" };
    const withoutVectors = { ...deployment, capabilities: { embeddings: false } };
    const changes = { [name]: { deployment: withoutVectors } };
    const inputs = [{ input: { case: "tokens" as const, value: { tokens: [1, 2, 3] } } }];
    const answer = explain(changes, { embedRequest: { model: "smart", inputs } });
    expect(answer.refusalReason).toBe("");
    expect(answer.estimatedInputTokens).toBe(3n);
    expect(answer.estimatedOutputTokens).toBe(0n);
    expect(answer.targets.map((one) => [one.name, one.chosen])).toEqual([
      ["deployments/b-large", true],
      [name, false],
    ]);
    expect(answer.targets[1]?.reason).toContain("[capability.embeddings]");
  });

  it("estimates a request as that of a caller who writes JSON", () => {
    const text = "Hello there";
    const part = { part: { case: "text" as const, value: { text } } };
    const messages = [{ role: MessageRole.USER, parts: [part] }];
    const body = JSON.stringify({ model: "smart", messages: [{ role: "user", content: text }] });
    for (const stream of [false, true]) {
      const answer = explain({}, { request: { model: "smart", messages }, stream });
      expect(answer.estimatedInputTokens).toBe(BigInt(Math.ceil(body.length / 3.6)));
    }
  });

  it("wants one request, and its model", () => {
    const refusalOf = (asked: Parameters<typeof explain>[1]): string | undefined => {
      try {
        explain({}, asked);
        return undefined;
      } catch (error) {
        return error instanceof GatewayError ? error.fieldViolations[0]?.field : "bug";
      }
    };
    expect(refusalOf({})).toBe("request.model");
    expect(refusalOf({ embedRequest: { inputs: [] } })).toBe("embed_request.model");
    expect(refusalOf({ request: { model: "a" }, embedRequest: { model: "a" } })).toBe(
      "embed_request",
    );
  });
});
