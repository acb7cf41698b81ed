import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageRole, PenstockError } from "@penstock/client";
import type { GenerateRequestInit, PenstockClient } from "@penstock/client";
import {
  deploymentManifest,
  routeManifest,
  sendHttp,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runPenstock } from "./src/run-penstock.ts";
import { testGateway } from "./src/test-gateway.ts";

// What decides who answers, told to callers of both doors and to the administrator.

let gateway: Constellation;
let key: string;
let grpc: PenstockClient;
const folder = mkdtempSync(join(tmpdir(), "penstock-choosing-"));
const manifest = (url: string): string =>
  testGateway(url) +
  deploymentManifest("broken", "alpha", "alpha-large+status-503") +
  routeManifest("repaired", ["broken", "beta"]) +
  `kind: Deployment
name: deployments/plain
provider: providers/alpha
model: alpha-large+delay-0
priceBook: priceBooks/alpha
capabilities: { seed: false, tools: false }
---
kind: Route
name: routes/plain
match: { models: [plain] }
targets: [{ deployment: deployments/plain }]
---
kind: Route
name: routes/gold
match: { models: [tiered], condition: 'labels.tier == "gold" && input_tokens < 1000' }
strategy: { leastLatency: {} }
targets: [{ deployment: deployments/beta }]
---
kind: Route
name: routes/tiered
match: { models: [tiered] }
strategy: { lowestCost: {} }
targets: [{ deployment: deployments/alpha }, { deployment: deployments/beta }]
---
`;

beforeAll(async () => {
  gateway = await startConstellation({ resources: manifest });
  key = await gateway.issueKey("projects/test/virtualKeys/choosing");
  grpc = gateway.grpcClient(key, gateway.routers[0]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await gateway.close();
});

async function ask(members: object, path = "/v1/chat/completions") {
  const body = { model: "smart", messages: [{ role: "user", content: "Who?" }], ...members };
  const answer = await sendHttp({
    url: `${gateway.httpUrl}${path}`,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { ...answer, header: (name: string) => answer.headers.get(name) };
}

async function askGrpc(init: GenerateRequestInit) {
  const messages: GenerateRequestInit["messages"] = [
    { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: "Who?" } } }] },
  ];
  return grpc.generate({ model: "smart", messages, ...init });
}

async function refusalOf(init: GenerateRequestInit): Promise<PenstockError> {
  try {
    await askGrpc(init);
  } catch (error) {
    if (error instanceof PenstockError) return error;
    throw error;
  }
  throw new Error("it was answered");
}

interface Body {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly param: string | null;
    readonly excluded_by?: readonly { readonly deployment: string; readonly rule: string }[];
  };
  readonly penstock?: {
    readonly deployment: string;
    readonly attempts: readonly { readonly outcome: string; readonly http_status: number }[];
    readonly warnings: readonly string[];
  };
}

const parse = (text: string): Body => JSON.parse(text) as Body;

describe("wishes", () => {
  it.each([
    ["OpenRouter's order", { provider: { order: ["beta"] } }],
    ["OpenRouter's only", { provider: { only: ["providers/beta"] } }],
    ["OpenRouter's ignore", { provider: { ignore: ["alpha"] } }],
    ["Vercel's order", { providerOptions: { gateway: { order: ["beta"] } } }],
    ["our own", { penstock: { routing: { provider_order: ["providers/beta"] } } }],
  ])("are honored: %s", async (_, members) => {
    const { status, header } = await ask(members);
    expect(status).toBe(200);
    expect(header("x-penstock-provider")).toBe("providers/beta");
  });

  it("are honored over gRPC", async () => {
    const answer = await askGrpc({ routing: { onlyProviders: ["beta"] } });
    expect(answer.response.started?.provider).toBe("providers/beta");
  });

  it("name what they can't have, on both doors", async () => {
    const { status, body } = await ask({ provider: { order: ["nobody"] } });
    expect(status).toBe(400);
    expect(parse(body).error).toMatchObject({ code: "FIELD_INVALID", param: "provider.order[0]" });
    const error = await refusalOf({ routing: { providerOrder: ["nobody"] } });
    expect(error.fieldViolations[0]?.field).toBe("routing.provider_order[0]");
    const unsure = await ask({ provider: { quantizations: ["fp8"] } });
    expect(parse(unsure.body).error).toMatchObject({ param: "provider.quantizations" });
  });

  it("fall back to another model, which is told", async () => {
    const { status, header, body } = await ask({
      model: undefined,
      models: ["plain", "smart"],
      provider: { only: ["beta"] },
    });
    expect(status).toBe(200);
    expect(header("x-penstock-served-as")).toBe("smart");
    expect(JSON.parse(body)).toMatchObject({ model: "smart" });
  });
});

describe("what a target can't do", () => {
  it("is left out with a warning, on both doors and in streams", async () => {
    const warning = "seed was left out: deployments/plain does not know seeds";
    const whole = await ask({ model: "plain", seed: 7 });
    expect(whole.header("x-penstock-warnings")).toBe(warning);
    const stream = await ask({ model: "plain", seed: 7, stream: true });
    expect(stream.header("x-penstock-warnings")).toBe(warning);
    const answer = await askGrpc({ model: "plain", sampling: { seed: 7n } });
    expect(answer.response.finished?.warnings).toEqual([warning]);
    expect((await ask({ model: "plain" })).header("x-penstock-warnings")).toBeNull();
  });

  it("is refused where it is required, saying which rule excluded each candidate", async () => {
    const members = { model: "plain", seed: 7, provider: { require_parameters: true } };
    const { status, body } = await ask(members);
    expect(status).toBe(400);
    const excluded = [{ deployment: "deployments/plain", rule: "require_parameters" }];
    expect(parse(body).error).toMatchObject({ code: "NO_TARGET_FITS", excluded_by: excluded });
    const error = await refusalOf({
      model: "plain",
      sampling: { seed: 7n },
      routing: { requireParameters: true },
    });
    expect(error.reason).toBe("NO_TARGET_FITS");
    expect(error.exclusions).toMatchObject(excluded);
    const { record } = await gateway.request(error.requestId);
    expect(record?.event?.error?.excludedBy).toMatchObject(excluded);
    const why = await runPenstock(["why", error.requestId], gateway);
    expect(why.stdout).toMatch(/^deployments\/plain +require_parameters +it lacks seeds +-$/m);
  });
});

describe.each([
  ["/v1/messages", { max_tokens: 64 }, { name: "f", input_schema: { type: "object" } }],
  [
    "/v1/responses",
    { messages: undefined, input: "Who?" },
    { type: "function", name: "f", parameters: { type: "object" } },
  ],
])("the door %s", (path, more, tool) => {
  it("honors wishes, tells how an answer came about, and why there is none", async () => {
    const wished = { ...more, provider: { only: ["beta"] }, penstock: { report: true } };
    const answered = await ask(wished, path);
    expect(answered.status).toBe(200);
    expect(parse(answered.body).penstock).toMatchObject({ deployment: "deployments/beta" });
    const refused = await ask({ ...more, model: "plain", tools: [tool] }, path);
    expect(refused.status).toBe(400);
    expect(parse(refused.body).error).toMatchObject({
      code: "NO_TARGET_FITS",
      excluded_by: [{ deployment: "deployments/plain", rule: "capability.tools" }],
    });
  });
});

describe("the truth about an answer", () => {
  it("is in headers, in the member penstock where it is asked for, and in Finished", async () => {
    const { header, body } = await ask({ model: "repaired", penstock: { report: true } });
    expect(header("x-penstock-attempt-log")).toMatch(
      /^1 deployments\/broken OVERLOADED 503 \d+ms$/,
    );
    const { penstock } = parse(body);
    expect(penstock).toMatchObject({ deployment: "deployments/beta" });
    const outcomes = ["OVERLOADED", "OK"];
    expect(penstock?.attempts.map(({ outcome }) => outcome)).toEqual(outcomes);
    expect(parse((await ask({})).body)).not.toHaveProperty("penstock");
    const stream = await ask({ stream: true, penstock: { report: true } });
    expect(stream.body).toContain('"choices":[],"penstock":{"request_id"');
    const answer = await askGrpc({});
    expect(answer.response.finished?.attempts).toMatchObject([
      { deployment: "deployments/alpha", outcome: "OK", httpStatus: 200 },
    ]);
  });
});

describe("conditions and strategies", () => {
  it("decide, and explain says why", async () => {
    const gold = await ask({ model: "tiered", metadata: { tier: "gold" } });
    expect(gold.header("x-penstock-deployment")).toBe("deployments/beta");
    const plain = await ask({ model: "tiered" });
    // Alpha is the cheaper one.
    expect(plain.header("x-penstock-deployment")).toBe("deployments/alpha");
    const explained = await gateway.router.explainRequest({
      virtualKey: "projects/test/virtualKeys/choosing",
      request: { model: "tiered", labels: { tier: "silver" } },
    });
    expect(explained.routes.find(({ name }) => name === "routes/gold")?.reason).toContain(
      'does not hold at "labels.tier == \\"gold\\""',
    );
    expect(explained.targets[0]?.reason).toMatch(/^first: .*; would cost 0\.\d+ USD at most\b/);
  });

  it("are explained for a whole request of a file", async () => {
    const file = join(folder, "request.json");
    const request = { model: "plain", tools: [{ name: "f" }], sampling: { seed: "7" } };
    writeFileSync(file, JSON.stringify(request));
    const { stdout } = await runPenstock(
      ["explain", "--key", "test/choosing", "-f", file],
      gateway,
    );
    expect(stdout).toContain("it lacks tools [capability.tools]");
    expect(stdout).toContain("[NO_TARGET_FITS]");
    writeFileSync(file, '{"model": 3}');
    const wrong = await runPenstock(["explain", "--key", "test/choosing", "-f", file], gateway);
    expect(wrong).toMatchObject({ exitCode: 2 });
    expect(wrong.stderr).toContain("is no request");
  });

  it("are refused with field and place when they are wrong", async () => {
    const wrong = `kind: Route
name: routes/wrong
match: { models: [wrong], condition: "tokens > 3" }
targets: [{ deployment: deployments/alpha }]
`;
    const file = join(folder, "wrong.yaml");
    writeFileSync(file, wrong);
    const { exitCode, stderr } = await runPenstock(["apply", "-f", file], gateway);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /wrong\.yaml:3:.*match\.condition.*at line 1, column 1: Unknown variable: tokens/,
    );
  });
});

describe("a session", () => {
  it("stays with the target that served it last, and explain shows it", async () => {
    const session = { model: "smart", penstock: { session: "s-1" } };
    const first = await ask({ ...session, provider: undefined });
    expect(first.header("x-penstock-deployment")).toBe("deployments/alpha");
    await askGrpc({ session: "s-2", routing: { onlyProviders: ["beta"] } });
    const next = await askGrpc({ session: "s-2" });
    expect(next.response.started?.deployment).toBe("deployments/beta");
    const explained = await gateway.router.explainRequest({
      virtualKey: "projects/test/virtualKeys/choosing",
      request: { model: "smart", session: "s-2" },
    });
    expect(explained.targets[0]).toMatchObject({
      name: "deployments/beta",
      reason: expect.stringMatching(
        /^first: beta-large\+delay-0 at providers\/beta; served the session last\b/,
      ),
    });
  });
});

describe("windows of targets", () => {
  it("are on the admin port and in the metrics", async () => {
    const { targets } = await gateway.router.listTargetHealth({});
    const beta = targets.find(({ deployment }) => deployment === "deployments/beta");
    expect(beta?.windows).toHaveLength(4);
    expect(beta?.windows[0]?.attempts).toBeGreaterThan(0n);
    expect(beta?.windows[0]?.failures).toBe(0n);
    const { stdout } = await runPenstock(["targets"], gateway);
    expect(stdout).toMatch(/^deployments\/beta +ready +0 +1 m +\d+ +100\.0 % /m);
    const metrics = await fetch(`${gateway.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${gateway.adminToken}` },
    });
    expect(await metrics.text()).toContain(
      'penstock_target_uptime_ratio{deployment="deployments/beta",window="1m"} 1',
    );
  });
});
