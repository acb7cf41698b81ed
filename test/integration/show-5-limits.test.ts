import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Balance } from "@penstock/api";
import { MessageRole } from "@penstock/client";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  reportClaim,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation, Question, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { admitted, decided } from "./src/decided.ts";
import { quotaErrorDetails } from "./src/error-details.ts";

let penstock: Constellation;

const outputTokens = 10;
const question: Question = {
  model: "fast",
  prompt: "count to ten",
  stream: false,
  maxOutputTokens: outputTokens,
};

// DENY: what these tests count must not depend on how fast the machine is. A request that quota
// has not answered after 150 ms is neither admitted nor counted, and comes again.
const strict = "onUnavailable: DENY\n---\n";

const resources = (simulatorUrl: string): string =>
  [
    projectManifest("p"),
    providerManifest("alpha", `${simulatorUrl}/alpha/v1`, { inputUsd: "0", outputUsd: "1" }),
    `kind: PriceBook
name: priceBooks/flat
source: made up for a test
prices: [{ model: "*", requestUsd: "0.0125" }]
---
kind: Deployment
name: deployments/flat
provider: providers/alpha
model: alpha-small+slow-first-token-0+delay-0
priceBook: priceBooks/flat
---
`,
    deploymentManifest("fast", "alpha", "alpha-small+slow-first-token-0+delay-0"),
    routeManifest("fast", ["fast"]),
    routeManifest("flat", ["flat"]),
  ].join("");

beforeAll(async () => {
  penstock = await startConstellation({ resources });
});

afterAll(async () => {
  await penstock?.close();
});

/** A key of its own for each case, with the quota given. */
async function keyWith(id: string, manifest: string): Promise<string> {
  const name = `projects/p/virtualKeys/${id}`;
  const key = await penstock.issueKey(name);
  await penstock.apply(`${manifest}scope: { virtualKey: ${name} }\n${strict}`);
  return key;
}

const limitOfFive = (id: string): string =>
  `kind: Limit\nname: limits/${id}\nrequestsPerMinute: 5\n`;

const budgetOf = (id: string, amountUsd: string, period: string): string =>
  `kind: Budget\nname: budgets/${id}\namountUsd: "${amountUsd}"\nperiod: ${period}\n`;

type Ask = (asked: Question) => Promise<Transcript>;

function doors(key: string): { readonly http: Ask; readonly grpc: Ask } {
  const client = penstock.grpcClient(key);
  return {
    http: (asked) => decided(() => askOverHttp(penstock, key, asked)),
    grpc: (asked) => decided(() => askOverGrpc(client, asked)),
  };
}

/** Why the others had no answer, each reason once: one that failed is no refusal. */
function reasonsOf(transcripts: readonly Transcript[]): (string | undefined)[] {
  const others = transcripts.filter(({ end }) => end !== "complete");
  return [...new Set(others.map(({ error }) => error?.reason))];
}

/** Waits until nothing is lent or on its way, and gives the balance. */
async function quietBalance(quota: string): Promise<Balance | undefined> {
  const read = async () => (await penstock.balances.getBalance({ quota })).balance;
  const quiet = { pending: 0n, leased: 0n };
  await expect.poll(read, { timeout: 10_000, interval: 20 }).toMatchObject(quiet);
  return await read();
}

/** Everything that was posted, and nothing else, is missing from what is left. */
async function expectQuiet(quota: string, posted: bigint): Promise<void> {
  const balance = await quietBalance(quota);
  const left = (balance?.limit ?? 0n) - posted;
  expect(balance).toMatchObject({
    posted,
    pending: 0n,
    leased: 0n,
    overshoot: 0n,
    available: left,
  });
}

describe("a key with 5 requests a minute", () => {
  const seen: number[] = [];

  it.each(["http", "grpc"] as const)("has five of six sequential ones, %s", async (door) => {
    const key = await keyWith(`six-${door}`, limitOfFive(`six-${door}`));
    const ask = doors(key)[door];
    const transcripts: Transcript[] = [];
    for (let number = 0; number < 6; number += 1) transcripts.push(await ask(question));
    seen.push(admitted(transcripts));
    expect(transcripts.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    await expectQuiet(`limits/six-${door}`, 5n);
  });

  it("has five of twenty parallel ones, over both doors at once", async () => {
    const { http, grpc } = doors(await keyWith("twenty", limitOfFive("twenty")));
    const asked = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? http : grpc));
    const transcripts = await Promise.all(asked.map((ask) => ask(question)));
    seen.push(admitted(transcripts));
    expect(reasonsOf(transcripts)).toEqual(["LIMIT_EXCEEDED"]);
    expect(admitted(transcripts)).toBe(5);
    await expectQuiet("limits/twenty", 5n);
    // The full minute is counted by the property tests of @penstock/limits and of the ledger.
    const again = await Promise.all([http(question), grpc(question)]);
    expect(admitted(again)).toBe(0);
  });

  it("reports how far from five the admitted ones were", () => {
    expect(seen).toHaveLength(3);
    const wrong = Math.max(...seen.map((count) => Math.abs(count - 5)));
    reportClaim("exact-limit", wrong, "requests too many or too few");
    expect(wrong).toBe(0);
  });
});

describe("a budget with room for exactly 8 requests", () => {
  const seen: number[] = [];
  const tokenCost = BigInt(outputTokens) * 1_000n;
  const requestCost = 12_500_000n;

  it("has room for 8 one after another, priced by the token", async () => {
    const { http } = doors(await keyWith("tokens-8", budgetOf("tokens-8", "0.00008", "DAY")));
    const transcripts: Transcript[] = [];
    for (let number = 0; number < 10; number += 1) transcripts.push(await http(question));
    seen.push(admitted(transcripts));
    expect(transcripts.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 8 }, () => 200),
      429,
      429,
    ]);
    await expectQuiet("budgets/tokens-8", 8n * tokenCost);
  });

  it("has room for 8 of 50 that race, priced by the token", async () => {
    const { http, grpc } = doors(await keyWith("race-8", budgetOf("race-8", "0.00008", "MONTH")));
    const asked = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? http : grpc));
    const transcripts = await Promise.all(asked.map((ask) => ask(question)));
    seen.push(admitted(transcripts));
    expect(reasonsOf(transcripts)).toEqual(["BUDGET_EXHAUSTED"]);
    expect(admitted(transcripts)).toBe(8);
    await expectQuiet("budgets/race-8", 8n * tokenCost);
  });

  it("has room for 8, one by one and racing, priced by the request", async () => {
    const flat = { ...question, model: "flat", maxOutputTokens: 3 };
    const one = doors(await keyWith("flat-8", budgetOf("flat-8", "0.1", "DAY")));
    const sequential: Transcript[] = [];
    for (let number = 0; number < 9; number += 1) sequential.push(await one.grpc(flat));
    const other = doors(await keyWith("flat-race", budgetOf("flat-race", "0.1", "DAY")));
    const racing = await Promise.all(Array.from({ length: 50 }, () => other.http(flat)));
    seen.push(admitted(sequential), admitted(racing));
    expect(reasonsOf([...sequential, ...racing])).toEqual(["BUDGET_EXHAUSTED"]);
    expect([admitted(sequential), admitted(racing)]).toEqual([8, 8]);
    await expectQuiet("budgets/flat-8", 8n * requestCost);
    await expectQuiet("budgets/flat-race", 8n * requestCost);
  });

  it("reports how far from 8 the admitted ones were", () => {
    expect(seen).toHaveLength(4);
    const wrong = Math.max(...seen.map((count) => Math.abs(count - 8)));
    reportClaim("exact-budget", wrong, "requests too many or too few");
    expect(wrong).toBe(0);
  });
});

describe("a refusal", () => {
  const key = (() => {
    let issued: Promise<string> | undefined;
    const use = async (): Promise<string> => {
      const text = await keyWith("spent", limitOfFive("spent"));
      const { http } = doors(text);
      await Promise.all(Array.from({ length: 6 }, () => http(question)));
      return text;
    };
    return () => (issued ??= use());
  })();

  it("has OpenAI's shape on HTTP, with the limit, its scope and its reset", async () => {
    const startMs = Date.now();
    const answer = await sendHttp({
      url: `${penstock.httpUrl}/v1/chat/completions`,
      headers: { authorization: `Bearer ${await key()}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "fast", messages: [{ role: "user", content: "hi" }] }),
    });
    expect(answer.status).toBe(429);
    const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ type: "rate_limit_error", code: "LIMIT_EXCEEDED", param: null });
    expect(error["message"]).toContain("limits/spent (5 requests per minute");
    expect(error["message"]).toContain("projects/p/virtualKeys/spent");
    const metadata = error["metadata"] as Record<string, string>;
    expect(metadata).toMatchObject({
      quota: "limits/spent",
      scope: "projects/p/virtualKeys/spent",
      limit: "5",
    });
    const resetMs = Date.parse(metadata["reset_time"] ?? "");
    expect(resetMs - startMs).toBeGreaterThan(50_000);
    expect(resetMs - startMs).toBeLessThan(81_000);
    const seconds = Number(answer.headers.get("retry-after"));
    expect(Math.abs(resetMs - startMs - seconds * 1_000)).toBeLessThan(5_000);
    expect(answer.headers.get("x-request-id")).toBe(error["request_id"]);
  });

  it("has rich details on gRPC", async () => {
    const client = penstock.grpcClient(await key());
    const parts = [{ part: { case: "text" as const, value: { text: "hi" } } }];
    const messages = [{ role: MessageRole.USER, parts }];
    const refused = await client.generate({ model: "fast", messages }).catch((error) => error);
    expect(refused).toMatchObject({ name: "PenstockError", code: 8, reason: "LIMIT_EXCEEDED" });
    const { quotaFailure, retryInfo, errorInfo } = quotaErrorDetails(refused);
    expect(errorInfo?.reason).toBe("LIMIT_EXCEEDED");
    expect(errorInfo?.metadata).toMatchObject({
      quota: "limits/spent",
      scope: "projects/p/virtualKeys/spent",
    });
    expect(quotaFailure?.violations).toHaveLength(1);
    expect(quotaFailure?.violations[0]?.subject).toBe("projects/p/virtualKeys/spent");
    expect(quotaFailure?.violations[0]?.description).toContain("limits/spent");
    const delayMs = retryInfo?.retryDelay === undefined ? 0 : durationMs(retryInfo.retryDelay);
    expect(delayMs).toBeGreaterThan(50_000);
    expect(delayMs).toBeLessThan(81_000);
  });

  it("of a budget says when the budget begins anew", async () => {
    const { http } = doors(await keyWith("poor", budgetOf("poor", "0.00001", "DAY")));
    expect((await http(question)).end).toBe("complete");
    const { error } = await http(question);
    expect(error?.reason).toBe("BUDGET_EXHAUSTED");
    expect(error?.message).toContain("budgets/poor (0.00001 USD per day");
    // Until quota has heard that the first is over, what that one held may still come back.
    const distanceMs = async (): Promise<number> => {
      const { error: again } = await http(question);
      const tomorrowMs = Math.ceil(Date.now() / 86_400_000) * 86_400_000;
      return Math.abs(Date.now() + (again?.retryAfterMs ?? 0) - tomorrowMs);
    };
    await expect.poll(distanceMs, { timeout: 10_000, interval: 200 }).toBeLessThan(5_000);
  });

  it("of a budget promises no room to what is more than the whole of it", async () => {
    const { http, grpc } = doors(await keyWith("poorer", budgetOf("poorer", "0.000001", "DAY")));
    const answers = [await http(question), await grpc(question)];
    for (const { error } of answers) {
      expect(error?.reason).toBe("BUDGET_EXHAUSTED");
      expect(error?.message).toContain("has never room for this request");
      expect(error?.message).not.toContain("has room again");
      expect(error?.retryAfterMs).toBeUndefined();
      expect(error?.metadata).toMatchObject({ retry: "never" });
    }
    expect(answers[0]?.headers.get("x-should-retry")).toBe("false");
    expect(answers[0]?.headers.get("retry-after")).toBeNull();
  });
});
