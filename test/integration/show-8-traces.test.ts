import type { UsageEvent } from "@penstock/api";
import {
  deploymentManifest,
  drawTree,
  projectManifest,
  routeManifest,
  sendHttp,
  spanTree,
  startConstellation,
  startOtlpReceiver,
} from "@penstock/test-support";
import type { Constellation, OtlpReceiver, ReceivedSpan, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testGateway } from "./src/test-gateway.ts";
import { attemptAttributes, checkSums, checkTimes, isOfRequest } from "./src/trace-checks.ts";
import { callerSpan, TracedCallers } from "./src/traced-callers.ts";

// What a receiver of OTLP gets to see: of requests that were rescued by another vendor, of a
// change of policy, and of what sampling had left out but went wrong.

/** Every process with a configuration, on the shape with servers. */
const followers = [
  "penstock-quota",
  "penstock-router router-1",
  "penstock-router router-2",
  "penstock-router router-2_1",
  "penstock-telemetry",
];
const canary = "canary-7f3a-prompt";
let gateway: Constellation;
let otlp: OtlpReceiver;
let key: string;
/** What was asked before the tests: exporters send only every few seconds. */
let callers: TracedCallers;

beforeAll(async () => {
  otlp = await startOtlpReceiver();
  gateway = await startConstellation({
    otlp,
    resources: (url) =>
      testGateway(url) +
      ["http", "grpc", "late"]
        .map((id) => {
          const model = "alpha-large+slow-first-token-0+cut-after-0";
          return deploymentManifest(id, "alpha", model) + routeManifest(id, [id, "beta"]);
        })
        .join("") +
      limitManifest("test", "project: projects/test", 1_000) +
      projectManifest("precise") +
      limitManifest("precise", "project: projects/precise", 5),
  });
  key = await issue("test/virtualKeys/traces", true);
  callers = new TracedCallers(gateway, { key, prompt: canary });
  const precise = await issue("precise/virtualKeys/precise", true);
  // Under a limit this small leases are exact: the first request waits for one.
  await callers.ask("waiting", { door: "http", model: "smart", from: precise });
  await callers.ask("http", { door: "http", model: "http" });
  await callers.ask("grpc", { door: "grpc", model: "grpc" });
  await callers.ask("late", { door: "http", model: "late", sampled: false });
  await callers.ask("hidden", { door: "http", model: "smart", sampled: false });
  for (const door of ["http", "grpc"] as const) {
    const from = await issue(`test/virtualKeys/stranger-${door}`, false);
    await callers.ask(`stranger ${door}`, { door, model: "smart", from });
  }
  await callers.ask("last", { door: "http", model: "smart" });
});
afterAll(async () => {
  await gateway.close();
  await otlp.close();
});

function limitManifest(id: string, scope: string, requestsPerMinute: number): string {
  return `kind: Limit
name: limits/${id}
scope: { ${scope} }
requestsPerMinute: ${requestsPerMinute}
---
`;
}

const server = {
  http: "POST /v1/chat/completions",
  grpc: "penstock.inference.v1.InferenceService/StreamGenerate",
};

function issue(name: string, trustTraceContext: boolean): Promise<string> {
  return gateway.issueKey(`projects/${name}`, { trustTraceContext });
}

async function eventOf({ requestId }: Transcript): Promise<UsageEvent> {
  const { record } = await gateway.request(requestId);
  if (record?.event === undefined) throw new Error(`nothing is known of ${requestId}`);
  return record.event;
}

describe.concurrent("a failed-over request", () => {
  it.each(["http", "grpc"] as const)("over %s", async (door) => {
    const { caller, transcript } = callers.seen(door);
    expect(transcript).toMatchObject({ status: 200, attempts: 3, traceId: caller.traceId });
    const event = await eventOf(transcript);
    const isComplete = (all: readonly ReceivedSpan[]) =>
      all.some(({ name }) => name === server[door]);
    const spans = await otlp.waitForTrace(caller.traceId, isComplete);
    const tree = spanTree(spans.filter(isOfRequest), caller.spanId);
    expect(drawTree(tree)).toBe(
      [
        `server ${server[door]}`,
        "  internal penstock.quota.reserve",
        "  client chat alpha-large+slow-first-token-0+cut-after-0",
        "  client chat alpha-large+slow-first-token-0+cut-after-0",
        "  client chat beta-large+delay-0",
      ].join("\n"),
    );
    expect(tree.span).toMatchObject({
      spanId: event.spanId,
      status: "unset",
      attributes: {
        "penstock.request.id": transcript.requestId,
        "penstock.team": "teams/test",
        "penstock.project": "projects/test",
        "penstock.key.id": "projects/test/virtualKeys/traces",
        "penstock.api.shape": door === "http" ? "openai.chat" : "grpc",
        "penstock.model.alias": door,
        "penstock.route": `routes/${door}`,
        "penstock.attempts": 3,
        "penstock.retries": 1,
        "penstock.fallbacks": 1,
        "penstock.fallback.reason": "STREAM_BROKEN",
        "penstock.target.selected": "deployments/beta",
        "penstock.target.provider": "providers/beta",
        "penstock.stream.outcome": "COMPLETED",
        "penstock.committed": true,
      },
    });
    expect(tree.span.attributes).not.toHaveProperty("gen_ai.usage.input_tokens");
    const cause = "STREAM_BROKEN";
    const attempts = tree.children.filter(({ span }) => span.kind === "client");
    expect(attempts.map(({ span }) => span.spanId)).toEqual(
      event.attempts.map(({ spanId }) => spanId),
    );
    expect(attempts.map(({ span }) => [span.status, span.attributes])).toMatchObject([
      ["error", attemptAttributes("alpha", { number: 1, kind: "primary", outcome: cause })],
      ["error", attemptAttributes("alpha", { number: 2, kind: "retry", cause, outcome: cause })],
      ["unset", attemptAttributes("beta", { number: 3, kind: "fallback", cause, outcome: "OK" })],
    ]);
    expect(attempts[2]?.span.attributes).toMatchObject({
      "gen_ai.response.model": "beta-large",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.output_tokens": 24,
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
    checkSums(attempts, tree.span, event);
    checkTimes(tree);
  });

  it("shows the call to the quota service where it had to wait for one", async () => {
    const { caller } = callers.seen("waiting");
    const tree = spanTree(await otlp.waitForTrace(caller.traceId, 5), caller.spanId);
    expect(drawTree(tree)).toBe(
      [
        `server ${server.http}`,
        "  internal penstock.quota.reserve",
        "    client penstock.quota.v1.LeaseService/SyncLeases",
        "      server penstock.quota.v1.LeaseService/SyncLeases",
        "  client chat alpha-large+delay-0",
      ].join("\n"),
    );
    checkTimes(tree);
  });

  it("is followed by the spans that stored and posted its usage, linked to it", async () => {
    const { traceId } = callers.seen("last").caller;
    const isLinked = ({ kind, links }: ReceivedSpan): boolean =>
      kind === "consumer" && links.some((link) => link.traceId === traceId);
    const groupsOf = (spans: readonly ReceivedSpan[]): unknown[] =>
      spans.map(({ attributes }) => String(attributes["messaging.consumer.group.name"])).toSorted();
    const all = await otlp.waitForSpans((spans) => spans.filter(isLinked).length === 2);
    const consumed = all.filter(isLinked);
    expect(groupsOf(consumed)).toEqual(["quota", "telemetry"]);
    if (gateway.shape === "servers") {
      expect(consumed.map(({ service }) => service).toSorted()).toEqual([
        "penstock-quota",
        "penstock-telemetry",
      ]);
    }
    const root = spanTree(
      await otlp.waitForTrace(traceId, 3),
      callers.seen("last").caller.spanId,
    ).span;
    for (const { links } of consumed) {
      expect(links).toContainEqual({ traceId, spanId: root.spanId });
    }
  });
});

describe.concurrent("a change of policy", () => {
  it("is one trace from the call to the bus, which the apply of every follower is linked to", async () => {
    const caller = callerSpan(true);
    const answer = await sendHttp({
      url: `${gateway.controlUrl}/penstock.policy.v1.ResourceService/ApplyResources`,
      headers: {
        authorization: `Bearer ${gateway.adminToken}`,
        "content-type": "application/json",
        traceparent: caller.traceparent,
      },
      body: JSON.stringify({ resources: [{ team: { name: "teams/traced" } }] }),
    });
    expect(answer.status, answer.body).toBe(200);
    const { revision } = JSON.parse(answer.body) as { revision: string };
    await gateway.waitForRevision(BigInt(revision));
    const spans = await otlp.waitForTrace(caller.traceId, 3);
    const tree = spanTree(spans, caller.spanId);
    expect(drawTree(tree)).toBe(
      [
        "server penstock.policy.v1.ResourceService/ApplyResources",
        "  internal write policy",
        "    producer publish config",
      ].join("\n"),
    );
    expect(tree.span.attributes).toMatchObject({
      "rpc.system.name": "connectrpc",
      "rpc.method": "penstock.policy.v1.ResourceService/ApplyResources",
      "rpc.response.status_code": "OK",
    });
    const isApply = ({ name, attributes }: ReceivedSpan): boolean =>
      name === "penstock.config.apply" &&
      attributes["penstock.config.revision"] === Number(revision);
    const expected = gateway.shape === "servers" ? followers.length : 1;
    const all = await otlp.waitForSpans((received) => received.filter(isApply).length >= expected);
    const applied = all.filter(isApply);
    if (gateway.shape === "servers") {
      expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(["penstock-policy"]));
      const from = ({ service, instance }: ReceivedSpan) => `${service} ${instance}`.trim();
      expect(applied.map(from).toSorted()).toEqual(followers);
    }
    const known = spans.map(({ traceId, spanId }) => ({ traceId, spanId }));
    for (const apply of applied) {
      expect(apply.parentSpanId).toBeUndefined();
      expect(apply.traceId).not.toBe(caller.traceId);
      expect(apply.links).toHaveLength(1);
      expect(known).toContainEqual(apply.links[0]);
    }
  });
});

describe.concurrent("sampling", () => {
  it("does not hide a request that was rescued: its spans come late, and whole", async () => {
    const { caller, transcript } = callers.seen("late");
    expect(transcript.traceId).toBe(caller.traceId);
    const spans = await otlp.waitForTrace(caller.traceId, 5);
    const tree = spanTree(spans, caller.spanId);
    expect(tree.children).toHaveLength(4);
    expect(tree.span.attributes).toMatchObject({
      "penstock.late_span": true,
      "penstock.fallbacks": 1,
    });
    expect((await eventOf(transcript)).sampled).toBe(false);
  });

  it("hides one that went well", async () => {
    // What ended earlier would have come earlier.
    await otlp.waitForTrace(callers.seen("last").caller.traceId, 3);
    const hidden = callers.seen("hidden").caller.traceId;
    expect(otlp.spans().filter(({ traceId }) => traceId === hidden)).toEqual([]);
  });
});

describe.concurrent("a caller whose trace context is not trusted", () => {
  it.each(["http", "grpc"] as const)("gets a trace of its own over %s, linked", async (door) => {
    const { caller, transcript } = callers.seen(`stranger ${door}`);
    const { traceId } = transcript;
    expect(traceId).not.toBe(caller.traceId);
    const { span } = spanTree(await otlp.waitForTrace(traceId, 3));
    expect(span.links).toEqual([{ traceId: caller.traceId, spanId: caller.spanId }]);
  });
});

describe("what must not be told", () => {
  it("no prompt, key or token is in any span or log line", async () => {
    const { traceId } = callers.seen("last").caller;
    await otlp.waitForTrace(traceId, 3);
    const told = otlp.text() + gateway.logLines.join("");
    for (const secret of [canary, key, gateway.adminToken]) expect(told).not.toContain(secret);
    expect(told).toContain(traceId);
  });
});
