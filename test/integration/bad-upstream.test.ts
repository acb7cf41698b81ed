import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { projectManifest, routeManifest, startConstellation } from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askChat } from "./src/chat-caller.ts";
import { json, startScriptedUpstream } from "./src/scripted-upstream.ts";
import type { Scene, ScriptedUpstream } from "./src/scripted-upstream.ts";

// What providers do that no caller may suffer from: security.md's corpus, rows 31 to 39 and 93 to 101.
const secret = "sk-upstream-5f2a9c77e1d04b6f";
const messages = [{ role: "user", content: "Hi" }];
const answer = {
  id: "chatcmpl-1",
  model: "another-model-than-promised",
  choices: [{ index: 0, message: { role: "assistant", content: "Hi." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

let upstream: ScriptedUpstream;
let gateway: Constellation;
let key: string;
let elsewhere = 0;
const other = createServer((_request, response) => {
  elsewhere += 1;
  response.end("{}");
});

/** Each test has a target of its own, since what fails is left alone for a while. */
const models = ["redirects", "headers", "leaks", "counts", "spoofs", "nested", "lines", "proxies"];

beforeAll(async () => {
  upstream = await startScriptedUpstream();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const nowhere = "http://127.0.0.1:9";
  gateway = await startConstellation({
    environment: { TEST_UPSTREAM_KEY: secret, HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere },
    resources: () =>
      [
        projectManifest("test"),
        `kind: Provider
name: providers/vendor
providerKind: openai-compatible
baseUrl: ${upstream.origin}/v1
credential: env:TEST_UPSTREAM_KEY
privateNetwork: true
---
`,
        ...models.flatMap((model) => [
          `kind: Deployment
name: deployments/${model}
provider: providers/vendor
model: upstream
---
`,
          routeManifest(model, [model]),
        ]),
      ].join(""),
  });
  key = await gateway.issueKey("projects/test/virtualKeys/bad-upstream");
});

afterAll(async () => {
  await gateway.close();
  upstream.close();
  other.close();
});

const ask = (model: string, more: object = {}) =>
  askChat(gateway, key, { model, messages, ...more });
const text = (status: number, body: string, type = "text/event-stream"): Scene => {
  return (response) => void response.writeHead(status, { "content-type": type }).end(body);
};

describe("a provider that misbehaves", () => {
  it("is not followed to another address, and its credential goes nowhere else", async () => {
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/latest/meta-data/`;
    upstream.play(json(302, {}, { location }));
    const { status, headers, json: told } = await ask("redirects");
    expect([status, told["error"]]).toMatchObject([502, { code: "UPSTREAM_FAILED" }]);
    expect(headers.get("location")).toBeNull();
    expect(upstream.calls.map(({ headers: sent }) => sent.authorization)).toContain(
      `Bearer ${secret}`,
    );
    expect(elsewhere).toBe(0);
  });

  it("sets no header at the caller, and is named with the model that answered", async () => {
    const set = { "set-cookie": "a=b", location: "http://x", "x-internal": "1", server: "v" };
    upstream.play(json(200, answer, set));
    const { status, headers } = await ask("headers");
    expect(status).toBe(200);
    for (const name of Object.keys(set)) expect(headers.get(name)).toBeNull();
    expect(headers.get("x-penstock-model")).toBe("another-model-than-promised");
  });

  it("does not tell its credential to callers or logs when it repeats it", async () => {
    const message = `A header has a wrong value: authorization is Bearer ${secret}, key is ${secret}`;
    upstream.play(json(400, { error: { message, type: "invalid_request_error" } }));
    const { status, json: told } = await ask("leaks");
    expect(status).toBe(400);
    expect(JSON.stringify(told)).not.toContain(secret);
    expect(gateway.logLines.join("")).not.toContain(secret);
  });

  it.each([-1, 2 ** 53, "5", 1.5])("has no usage believed that is %j", async (count) => {
    upstream.play(json(200, { ...answer, usage: { prompt_tokens: count, completion_tokens: 2 } }));
    const { status, headers, json: told } = await ask("counts");
    expect(status).toBe(200);
    const usage = told["usage"] as { prompt_tokens: number; completion_tokens: number };
    expect(Number.isSafeInteger(usage.prompt_tokens)).toBe(true);
    expect(usage.prompt_tokens).toBeGreaterThanOrEqual(0);
    const record = (await gateway.request(headers.get("x-request-id") ?? "")).record;
    expect(record?.event?.usage?.inputTokens).toBe(BigInt(usage.prompt_tokens));
  });

  it("can't pass its own events for Penstock's", async () => {
    const chunk = { choices: [{ index: 0, delta: { content: "a" }, finish_reason: null }] };
    const stop = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    upstream.play(
      text(
        200,
        `event: penstock\nid: 7\nretry: 1\ndata: ${JSON.stringify(chunk)}\n\n: {"error":1}\n\n` +
          `data: ${JSON.stringify(stop)}\n\ndata: [DONE]\n\ndata: {"error":{"code":"late"}}\n\n`,
      ),
    );
    const { text: said, done, events } = await ask("spoofs", { stream: true });
    expect([said, done]).toEqual(["a", true]);
    expect(JSON.stringify(events)).not.toMatch(/penstock|late|error/);
  });

  it.each([
    ["nested", `data: {"choices":${"[".repeat(300_000)}${"]".repeat(300_000)}}\n\n`],
    ["lines", `data: {"choices":[{"delta":{"content":"${"x".repeat(2_000_000)}"}}]}\n\n`],
  ])("is cut off with an error when it is too %s", async (model, body) => {
    upstream.play(text(200, body));
    const before = process.memoryUsage().rss;
    const { status, json: told } = await ask(model, { stream: true });
    expect([status, told["error"]]).toMatchObject([502, { code: "UPSTREAM_MALFORMED" }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });

  it("is reached without the proxies of the environment", async () => {
    upstream.play(json(200, answer));
    expect((await ask("proxies")).status).toBe(200);
  });
});
