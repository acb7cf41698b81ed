import { RequestOutcome, UsageSource } from "@penstock/api";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  findBrokenInvariants,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import { prices, testGateway } from "./src/test-gateway.ts";

// A stream breaks after content was sent: the caller hears of it in its own format, gets nothing
// of another vendor, and what was used is settled.

const faults = [
  { fault: "cut-after-3", outcome: "STREAM_BROKEN" },
  { fault: "end-after-3", outcome: "STREAM_BROKEN" },
  { fault: "stall-after-3", outcome: "TIMEOUT_PROGRESS" },
  { fault: "ping-after-3", outcome: "TIMEOUT_PROGRESS" },
  { fault: "malformed-after-3", outcome: "MALFORMED" },
  { fault: "error-after-3", outcome: "OVERLOADED" },
] as const;
const cases = faults.flatMap((fault) =>
  (["http", "grpc"] as const).map((door) => ({ ...fault, door, id: `${fault.fault}-${door}` })),
);
const prompt = "Tell me all of it";
const whole = expectedAnswer("alpha-large", [{ role: "user", text: prompt }]);
const said = whole.text.split(" ").slice(0, 3).join(" ");

let gateway: Constellation;
let key: string;
const transcripts: Transcript[] = [];

beforeAll(async () => {
  gateway = await startConstellation({
    resources: (url) =>
      testGateway(url) +
      cases
        .map(({ id, fault }) => {
          // Only a fault that says nothing more is to wait for; the machine may be slow.
          const isSilent = fault.startsWith("stall") || fault.startsWith("ping");
          const timeouts = { firstToken: "15s", progress: isSilent ? "0.5s" : "15s" };
          const model = `alpha-large+slow-first-token-0+delay-1+${fault}`;
          return deploymentManifest(id, "alpha", model) + routeManifest(id, [id, "beta"], timeouts);
        })
        .join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/interruption");
});
afterAll(() => gateway.close());

describe("a stream that breaks after its first content", () => {
  it.concurrent.each(cases)("$fault: $door", async ({ id, door, outcome }) => {
    const question = { model: id, prompt, stream: true };
    const transcript =
      door === "http"
        ? await askOverHttp(gateway, key, question)
        : await askOverGrpc(gateway.grpcClient(key), question);
    transcripts.push(transcript);
    const { requestId, error } = transcript;

    expect(transcript).toMatchObject({
      // The head of a stream says 200 long before; gRPC tells the code at the end.
      status: door === "http" ? 200 : 502,
      end: "error",
      wentOn: false,
      text: said,
      providers: ["providers/alpha"],
      attempts: 1,
      usage: undefined,
    });
    expect(error).toMatchObject({ reason: "STREAM_INTERRUPTED", source: "upstream" });

    const calls = gateway.simulator.calls.list(`${requestId}.`);
    expect(calls).toMatchObject([{ vendor: "alpha", sentTokens: 3 }]);

    const { record, verdict } = await gateway.request(requestId);
    const event = record?.event;
    expect(event).toMatchObject({
      outcome: RequestOutcome.FAILED,
      estimated: true,
      error: { reason: "STREAM_INTERRUPTED", metadata: { committed: "true" } },
      attempts: [{ outcome, committed: true, httpStatus: 200 }],
      usage: { source: UsageSource.ESTIMATED, outputTokens: 3n },
    });
    const { usage, costNanoUsd } = event ?? {};
    expect(costNanoUsd).toBe(
      (usage?.inputTokens ?? 0n) * prices.alpha.input + 3n * prices.alpha.output,
    );
    expect(verdict?.sentence).toContain("providers/alpha");
  });

  it("leaves nothing open", async () => {
    expect(transcripts).toHaveLength(cases.length);
    expect(await findBrokenInvariants({ gateway, transcripts })).toEqual([]);
  });
});
