import { rmSync, writeFileSync } from "node:fs";
import { RatingState } from "@penstock/api";
import type { Attempt } from "@penstock/api";
import { MessageRole } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { matrixUpstreams, simulatedKeyFile } from "./src/matrix/upstreams.ts";
import { runPenstock } from "./src/run-penstock.ts";

// What a request costs depends on the tier that served it and on its size, whichever format tells.

/** Nano-USD for each input and each output token. */
const prices = {
  usual: { input: 1_000n, output: 2_000n },
  flex: { input: 500n, output: 1_000n },
  priority: { input: 2_000n, output: 3_000n },
  fast: { input: 6_000n, output: 7_000n },
  optimized: { input: 1_500n, output: 4_000n },
  long: { input: 10_000n, output: 20_000n },
} as const;
type Priced = keyof typeof prices;

/** What a price book says of a price: dollars for a million tokens. */
function perMillion(priced: Priced): string {
  const usd = (nanoUsd: bigint): string => `"${Number(nanoUsd) / 1_000}"`;
  const { input, output } = prices[priced];
  return `inputUsdPerMillionTokens: ${usd(input)}, outputUsdPerMillionTokens: ${usd(output)}`;
}

const tiers: readonly Priced[] = ["flex", "priority", "fast", "optimized"];
const book = (id: string): string => `kind: PriceBook
name: priceBooks/${id}
source: made up for a test
prices:
  - model: "*"
    ${perMillion("usual").replace(", ", "\n    ")}
    variants:
${tiers.map((tier) => `      - { serviceTier: ${tier}, ${perMillion(tier)} }\n`).join("")}\
      - { aboveInputTokens: 100, ${perMillion("long")} }
${tiers.map((tier) => `      - { serviceTier: ${tier}, aboveInputTokens: 100, ${perMillion("long")} }\n`).join("")}\
---
`;

let gateway: Constellation;
let key: string;

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };
  gateway = await startConstellation({
    vendors: { alpha: { models: { "alpha-large": fast } } },
    resources: (url) =>
      [
        projectManifest("test"),
        ...matrixUpstreams.map(({ id, kind, baseUrl, provider = "", deployment = "" }) =>
          [
            `kind: Provider
name: providers/${id}
providerKind: ${kind}
baseUrl: ${baseUrl(`${url}/alpha`)}
privateNetwork: true
${provider}---
`,
            book(id),
            deploymentManifest(id, id, "alpha-large").replace("---\n", `${deployment}---\n`),
            deploymentManifest(`${id}-down`, id, "alpha-large+served-as-standard").replace(
              "---\n",
              `${deployment}---\n`,
            ),
            routeManifest(id, [id]),
            routeManifest(`${id}-down`, [`${id}-down`]),
          ].join(""),
        ),
        `kind: PriceBook
name: priceBooks/call
source: made up for a test
prices:
  - { model: "*", requestUsd: "0.01", variants: [{ serviceTier: priority, requestUsd: "0.02" }] }
---
kind: Deployment
name: deployments/call
provider: providers/chat
model: alpha-large
priceBook: priceBooks/call
---
`,
        routeManifest("call", ["call"]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/tiers");
});

afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  await gateway?.close();
});

const words = (count: number) => [
  {
    role: MessageRole.USER,
    parts: [{ part: { case: "text" as const, value: { text: "deep ".repeat(count) } } }],
  },
];

/** What is recorded of the attempt that answered; it was rated again, alike. */
async function attemptOf(requestId: string): Promise<Attempt> {
  const { record } = await gateway.request(requestId);
  expect(record?.rating).toBe(RatingState.VERIFIED);
  const attempt = record?.event?.attempts.at(-1);
  if (attempt === undefined) throw new Error("nothing was asked");
  return attempt;
}

/** What is asked besides the model. */
interface Asked {
  readonly serviceTier?: string;
  readonly formatParameters?: Record<string, Record<string, string>>;
  readonly messages?: ReturnType<typeof words>;
}

async function ask(model: string, asked: Asked, stream = false): Promise<Attempt> {
  const client = gateway.grpcClient(key);
  const request = { model, messages: words(1), ...asked };
  if (!stream) {
    const { response } = await client.generate(request);
    return attemptOf(response.started?.requestId ?? "");
  }
  let requestId = "";
  for await (const event of client.streamGenerate(request)) {
    if (event.case === "started") requestId = event.value.requestId;
  }
  return attemptOf(requestId);
}

function expectCost(attempt: Attempt, priced: Priced, tier: string): void {
  const { input, output } = prices[priced];
  const { inputTokens = 0n, outputTokens = 0n } = attempt.usage ?? {};
  expect(inputTokens * outputTokens).toBeGreaterThan(0n);
  expect(attempt.costNanoUsd).toBe(inputTokens * input + outputTokens * output);
  expect(attempt.serviceTier).toBe(tier);
}

/** How a tier is asked of each format, and what the answer calls it. */
const asking: readonly (readonly [string, Priced, Asked])[] = [
  ["chat", "flex", { serviceTier: "flex" }],
  ["chat", "priority", { serviceTier: "fast" }],
  ["responses", "priority", { serviceTier: "priority" }],
  ["bedrock", "flex", { serviceTier: "flex" }],
  ["messages", "fast", { formatParameters: { "anthropic-messages": { speed: "fast" } } }],
  [
    "gemini",
    "priority",
    { formatParameters: { "google-generate-content": { serviceTier: "priority" } } },
  ],
];

describe("the cost of a request", () => {
  it.each(asking)("of %s is that of %s where that served it", async (model, priced, asked) => {
    for (const stream of [false, true]) {
      expectCost(await ask(model, asked, stream), priced, priced);
    }
  });

  it.each(asking)(
    "of %s asking for %s is the usual one where it was served so",
    async (...each) => {
      const [model, , asked] = each;
      for (const stream of [false, true]) {
        expectCost(await ask(`${model}-down`, asked, stream), "usual", "standard");
      }
    },
  );

  it("is that of long inputs above the bound, for all of its tokens", async () => {
    expectCost(await ask("chat", { messages: words(400) }), "long", "");
    expectCost(await ask("chat", { messages: words(400), serviceTier: "flex" }), "long", "flex");
    expectCost(await ask("messages", { messages: words(1) }), "usual", "");
  });

  it("is the same over HTTP, and `penstock why` shows the tier", async () => {
    const { status, headers, body } = await sendHttp({
      url: `${gateway.httpUrl}/v1/chat/completions`,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({
        model: "chat",
        service_tier: "flex",
        messages: [{ role: "user", content: "deep" }],
      }),
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ service_tier: "flex" });
    const requestId = headers.get("x-request-id") ?? "";
    const attempt = await attemptOf(requestId);
    expectCost(attempt, "flex", "flex");
    const told = Number(headers.get("x-penstock-cost-usd"));
    expect(BigInt(Math.round(told * 1e9))).toBe(attempt.costNanoUsd);
    const { stdout } = await runPenstock(["why", requestId], gateway);
    expect(stdout).toContain("alpha-large (flex)");
  });
});

describe("penstock usage", () => {
  it("sums by the tier that served, not by the one that was asked for", async () => {
    const own = await gateway.issueKey("projects/test/virtualKeys/summed");
    const client = gateway.grpcClient(own);
    const send = async (model: string, serviceTier?: string): Promise<bigint> => {
      const request = { model, messages: words(1), ...(serviceTier && { serviceTier }) };
      const { response } = await client.generate(request);
      return (await attemptOf(response.started?.requestId ?? "")).costNanoUsd ?? 0n;
    };
    const flex = (await send("chat", "flex")) + (await send("chat", "flex"));
    const standard = await send("chat-down", "flex");
    const usual = await send("chat");
    const arguments_ = ["usage", "--group-by", "tier", "--key", "test/summed", "-o", "json"];
    const { exitCode, stdout } = await runPenstock(arguments_, gateway);
    expect(exitCode).toBe(0);
    const sum = (tier: string, requests: number, cost: bigint) =>
      expect.objectContaining({ tier, requests, costNanoUsd: String(cost) });
    const { rows } = JSON.parse(stdout) as { rows: unknown };
    expect(rows).toEqual([sum("", 1, usual), sum("flex", 2, flex), sum("standard", 1, standard)]);
  });
});

describe("a budget", () => {
  it("holds for the dearest tier that may serve a request, and is not overrun by one", async () => {
    const name = "projects/test/virtualKeys/budgeted";
    const own = gateway.grpcClient(await gateway.issueKey(name));
    await gateway.apply(`kind: Budget
name: budgets/tiers
amountUsd: "0.05"
period: DAY
onUnavailable: DENY
scope: { virtualKey: ${name} }
---
`);
    const send = async (serviceTier?: string): Promise<string> => {
      const request = { model: "call", messages: words(1), ...(serviceTier && { serviceTier }) };
      try {
        await own.generate(request);
        return "answered";
      } catch (error) {
        return (error as { reason?: string }).reason ?? String(error);
      }
    };
    const decided = async (serviceTier?: string): Promise<string> => {
      let outcome = "QUOTA_UNAVAILABLE";
      await expect
        .poll(async () => (outcome = await send(serviceTier)), { timeout: 10_000 })
        .not.toBe("QUOTA_UNAVAILABLE");
      return outcome;
    };
    expect(await decided("priority")).toBe("answered");
    expect(await decided("priority")).toBe("answered");
    // One cent is left: not enough for what a tier of the project's choice may cost.
    expect(await decided()).toBe("BUDGET_EXHAUSTED");
    expect(await decided("default")).toBe("answered");
    expect(await decided("default")).toBe("BUDGET_EXHAUSTED");
    const balanceOf = async () =>
      (await gateway.balances.getBalance({ quota: "budgets/tiers" })).balance;
    const spent = { posted: 50_000_000n, overshoot: 0n, available: 0n };
    await expect.poll(balanceOf, { timeout: 10_000 }).toMatchObject(spent);
  });
});
