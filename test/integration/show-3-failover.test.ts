import { AttemptKind, Blame, RequestOutcome } from "@penstock/api";
import type { PenstockClient } from "@penstock/client";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  findBrokenInvariants,
  reportClaim,
  routeManifest,
  spanTree,
  startConstellation,
  startOtlpReceiver,
} from "@penstock/test-support";
import type { Constellation, OtlpReceiver, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import { testGateway } from "./src/test-gateway.ts";

// A vendor fails before it has sent content: the answer comes from the next one, soon.

const firstTokenMs = 300;
/** What a shared machine may add; how many rows kept the promised 150 ms is printed. */
const slackMs = 1_000;

/** Faults of the first vendor, how the attempt is named, and how often the vendor is asked. */
const faults = [
  { fault: "status-500", outcome: "UPSTREAM_ERROR", calls: 2 },
  { fault: "status-503", outcome: "OVERLOADED", calls: 1 },
  { fault: "status-429+retry-after-1", outcome: "RATE_LIMITED", calls: 1 },
  { fault: "reset", outcome: "CONNECTION", calls: 2 },
  { fault: "hang", outcome: "TIMEOUT_FIRST_TOKEN", calls: 1 },
  { fault: "slow-first-token-5000", outcome: "TIMEOUT_FIRST_TOKEN", calls: 1 },
  { fault: "slow-first-token-0+cut-after-0", outcome: "STREAM_BROKEN", calls: 2 },
] as const;
const ways = [
  { door: "http", stream: false },
  { door: "http", stream: true },
  { door: "grpc", stream: false },
  { door: "grpc", stream: true },
] as const;
const cases = faults.flatMap((fault) => ways.map((way) => ({ ...fault, ...way })));

/** Each case has a deployment of its own, so that no breaker sees two of them. */
function idOf(row: (typeof cases)[number]): string {
  return `${row.fault.replaceAll("+", "-")}-${row.door}-${row.stream ? "stream" : "unary"}`;
}

interface Row {
  readonly name: string;
  readonly transcript: Transcript;
  readonly calls: number;
}

let gateway: Constellation;
let otlp: OtlpReceiver;
let key: string;
let grpc: PenstockClient;
const rows: Row[] = [];
/** Of every try, also of one that was made again. */
let worstMs = 0;
const prompt = "Who answers?";
const answer = expectedAnswer("beta-large", [{ role: "user", text: prompt }]);

beforeAll(async () => {
  otlp = await startOtlpReceiver();
  gateway = await startConstellation({
    otlp,
    resources: (url) =>
      testGateway(url) +
      deploymentManifest("b", "beta", "beta-large+slow-first-token-0+delay-0") +
      cases
        .map((row) => {
          const id = idOf(row);
          const timeouts = { firstToken: "0.3s", progress: "0.5s" };
          return (
            deploymentManifest(id, "alpha", `alpha-large+${row.fault}`) +
            routeManifest(id, [id, "b"], timeouts)
          );
        })
        .join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/failover", { trustTraceContext: true });
  grpc = gateway.grpcClient(key);
  // The first request of a process pays for code that was never run.
  await askOverHttp(gateway, key, { model: "smart", prompt, stream: true });
  await askOverGrpc(grpc, { model: "smart", prompt, stream: false });
});
afterAll(async () => {
  await gateway.close();
  await otlp.close();
});

describe("a vendor that fails before its first content", () => {
  // On a machine that is busy B may be late too: the same timers hold for it.
  it.each(cases)("$fault: $door, stream $stream", { retry: 2 }, async (row) => {
    const question = { model: idOf(row), prompt, stream: row.stream };
    const transcript =
      row.door === "http"
        ? await askOverHttp(gateway, key, question)
        : await askOverGrpc(grpc, question);
    worstMs = Math.max(worstMs, transcript.elapsedMs);
    const { requestId } = transcript;
    const calls = gateway.simulator.calls.list(`${requestId}.`);
    const callsOfA = calls.filter(({ vendor }) => vendor === "alpha").length;
    expect(transcript).toMatchObject({
      status: 200,
      end: "complete",
      text: answer.text,
      providers: ["providers/beta"],
      usage: { inputTokens: answer.inputTokens, outputTokens: answer.textTokens },
      attempts: row.calls + 1,
    });
    expect(callsOfA).toBe(row.calls);
    expect(calls.map((call) => call.requestId)).toEqual(
      Array.from({ length: row.calls + 1 }, (_, at) => `${requestId}.${at + 1}`),
    );
    expect(transcript.elapsedMs).toBeLessThan(firstTokenMs + slackMs);

    const { record, verdict } = await gateway.request(requestId);
    expect(record?.event?.outcome).toBe(RequestOutcome.COMPLETED);
    expect(
      record?.event?.attempts.map(({ provider, kind, outcome, committed }) => ({
        provider,
        kind,
        outcome,
        committed,
      })),
    ).toEqual([
      ...Array.from({ length: row.calls }, (_, at) => ({
        provider: "providers/alpha",
        kind: at === 0 ? AttemptKind.PRIMARY : AttemptKind.RETRY,
        outcome: row.outcome,
        committed: false,
      })),
      { provider: "providers/beta", kind: AttemptKind.FALLBACK, outcome: "OK", committed: true },
    ]);
    expect(verdict?.sentence).toContain("providers/alpha");
    expect(verdict?.blame).not.toBe(Blame.CALLER);
    rows.push({ name: idOf(row), transcript, calls: callsOfA });
  });

  it("prints what was measured", () => {
    const lines = rows.map(({ name, transcript, calls }) => {
      const elapsedMs = Math.round(transcript.elapsedMs);
      const inTime = transcript.elapsedMs <= firstTokenMs + 150 ? "yes" : "no";
      const cells = [calls, transcript.attempts, elapsedMs, inTime];
      return name.padEnd(48) + cells.map((cell) => String(cell).padStart(10)).join("");
    });
    const heads = ["calls of A", "attempts", "ms", "in time"];
    const heading = `${" ".repeat(48)}${heads.map((head) => head.padStart(10)).join("")}`;
    process.stdout.write(
      `in time: within ${firstTokenMs} + 150 ms\n${[heading, ...lines].join("\n")}\n`,
    );
    expect(lines).toHaveLength(cases.length);
    reportClaim("fallback", Math.max(0, worstMs - firstTokenMs), "ms beyond the timer");
  });

  it("is seen so in the traces", async () => {
    for (const { transcript, calls, name } of rows) {
      const spans = await otlp.waitForTrace(transcript.traceId, calls + 2);
      const { span, children } = spanTree(spans);
      expect(span, name).toMatchObject({
        kind: "server",
        status: "unset",
        attributes: {
          "penstock.attempts": calls + 1,
          "penstock.retries": calls - 1,
          "penstock.fallbacks": 1,
          "penstock.target.selected": "deployments/b",
        },
      });
      const attempts = children.filter((child) => child.span.kind === "client");
      expect(attempts.map((child) => child.span.status)).toEqual([
        ...Array.from({ length: calls }, () => "error"),
        "unset",
      ]);
    }
  });

  it("leaves nothing open", async () => {
    const transcripts = rows.map(({ transcript }) => transcript);
    expect(await findBrokenInvariants({ gateway, transcripts })).toEqual([]);
  });
});
