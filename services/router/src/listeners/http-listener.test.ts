import { connect } from "node:net";
import type { Socket } from "node:net";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createPipeline } from "../pipeline/pipeline.fixture.ts";
import { sampleKey, sampleSnapshot } from "../pipeline/sample-snapshot.fixture.ts";
import { HttpListener } from "./http-listener.ts";
import { maximumBodyBytes } from "./body-errors.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(snapshot = sampleSnapshot()) {
  const pipeline = createPipeline(snapshot);
  const http = new HttpListener({ parts: pipeline.parts, currentSnapshot: () => snapshot });
  closing.push(() => {
    http.stopAccepting();
    http.closeAll();
  });
  const port = await http.listen(0, "127.0.0.1");
  return { ...pipeline, http, port };
}

/** A connection and everything that came over it. */
function open(port: number): { readonly socket: Socket; text: string; closed: boolean } {
  const socket = connect(port, "127.0.0.1");
  const seen = { socket, text: "", closed: false };
  socket.on("data", (chunk) => (seen.text += chunk.toString()));
  socket.on("error", () => undefined);
  socket.on("close", () => (seen.closed = true));
  closing.push(() => socket.destroy());
  return seen;
}

function head(headers: Readonly<Record<string, string | number>>, key = sampleKey): string {
  const all = { host: "h", authorization: `Bearer ${key}`, "content-type": "application/json" };
  const lines = Object.entries({ ...all, ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `POST /v1/chat/completions HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

const chat = JSON.stringify({ model: "smart", messages: [{ role: "user", content: "hi" }] });
const chatHead = head({ "content-length": chat.length });
const badKey = "psk_wrong";

describe("the HTTP door", () => {
  it("asks nobody to send a body that it will not read", async () => {
    const { port } = await listen();
    const tooLarge = open(port);
    const expectations = { expect: "100-continue", "content-length": 10_000_000_000 };
    tooLarge.socket.write(head(expectations));
    await vi.waitFor(() => expect(tooLarge.text).toMatch(/^HTTP\/1.1 413 /));
    const stranger = open(port);
    stranger.socket.write(head(expectations, badKey));
    await vi.waitFor(() => expect(stranger.text).toMatch(/^HTTP\/1.1 401 /));
  });

  it("asks a caller that waits for its body", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    caller.socket.write(head({ expect: "100-continue", "content-length": chat.length }));
    await vi.waitFor(() => expect(caller.text).toMatch(/^HTTP\/1.1 100 /));
    caller.socket.write(chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
  });

  it("lets a caller read why its body is refused while it is still sending it", async () => {
    const { port } = await listen();
    const body = new Uint8Array(maximumBodyBytes + 4_000_000).fill(32);
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    const headers = { authorization: `Bearer ${sampleKey}`, "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body });
    expect(answer.status).toBe(413);
    const refused = await fetch(url, {
      method: "POST",
      headers: { ...headers, authorization: "x" },
      body,
    });
    expect(refused.status).toBe(401);
  });

  it("serves the next request of a connection whose last one was refused before its body", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    caller.socket.write(head({ "content-length": chat.length }, badKey));
    await vi.waitFor(() => expect(caller.text).toMatch(/^HTTP\/1.1 401 /));
    expect(upstream.calls).toHaveLength(0);
    caller.socket.write(chat);
    caller.socket.write(chatHead + chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
  });

  it("serves what is plain and what is not on one connection", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    const chunked = head({ "transfer-encoding": "chunked" });
    const inChunks = `${chunked}${chat.length.toString(16)}\r\n${chat}\r\n0\r\n\r\n`;
    const models = `GET /v1/models HTTP/1.1\r\nhost: h\r\nx-api-key: ${sampleKey}\r\n\r\n`;
    caller.socket.write(chatHead + chat + inChunks);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(2));
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    caller.socket.write(models + chatHead + chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(3));
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitFor(() => expect(caller.text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(4));
    // Both ways an answer has the same headers, but for what differs in each.
    const heads = caller.text.split(/(?=HTTP\/1.1 )/).map((text) => text.split("\r\n\r\n")[0]);
    const names = heads.map((text) => text?.replaceAll(/: .*/g, "").split("\r\n"));
    expect(names[0]).toEqual(names[1]);
    expect(names[0]).toEqual(names[3]);
    expect(heads[0]).toContain("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75");
    expect(heads[1]).toContain("\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75");
  });

  it("calls off what a caller asked that has gone", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    caller.socket.write(chatHead + chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    caller.socket.destroy();
    await vi.waitFor(() => expect(upstream.last.cancelled).toBe(true));
  });

  it("lets who is asking have the answer when it takes no more", async () => {
    const { http, port, upstream } = await listen();
    const [idle, asking] = [open(port), open(port)];
    idle.socket.write(head({ "content-length": chat.length }, badKey) + chat);
    await vi.waitFor(() => expect(idle.text).toMatch(/^HTTP\/1.1 401 /));
    asking.socket.write(chatHead + chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    http.stopAccepting();
    await vi.waitFor(() => expect(idle.closed).toBe(true));
    expect(asking.closed).toBe(false);
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitFor(() => expect(asking.closed).toBe(true));
    expect(asking.text).toMatch(/^HTTP\/1.1 200 [^]*Connection: close/);
  });

  // What is meant for the gateway keeps a body from going on, not from being named.
  it.each([{}, { penstock: {} }])(
    "names what can't be sent as its caller wrote it",
    async (more) => {
      const { port, upstream } = await listen();
      const file = { type: "input_file", file_url: "https://files.example/a.pdf" };
      const content = [{ type: "input_text", text: "hi" }, file];
      const answer = await fetch(`http://127.0.0.1:${port}/v1/responses`, {
        method: "POST",
        headers: { authorization: `Bearer ${sampleKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "smart", input: [{ role: "user", content }], ...more }),
      });
      const { error } = (await answer.json()) as { error: Record<string, unknown> };
      const field = "input[0].content[1]";
      expect([answer.status, error["code"], error["param"]]).toEqual([
        400,
        "UNSUPPORTED_FIELD",
        field,
      ]);
      expect(error["message"]).toContain(`The field ${field} is an address of application/`);
      expect(JSON.stringify(error)).not.toContain("messages[");
      expect(upstream.calls).toHaveLength(0);
    },
  );

  it("refuses by policy what no API documents, and nothing else", async () => {
    const name = "policies/strict";
    const policy = { name, unknownFields: "UNKNOWN_FIELDS_MODE_REFUSE" };
    const { port, upstream } = await listen(sampleSnapshot({ [name]: { policy } }));
    const ask = (more: object) =>
      fetch(`http://127.0.0.1:${port}/v1/responses`, {
        method: "POST",
        headers: { authorization: `Bearer ${sampleKey}`, "content-type": "application/json" },
        body: JSON.stringify({
          model: "smart",
          input: [{ role: "user", content: [{ type: "input_text", text: "hi", ...more }] }],
          prompt_cache_key: "k",
          reasoning: { summary: "auto" },
          include: ["reasoning.encrypted_content"],
          client_metadata: { session_id: "s" },
        }),
      });
    const refused = await ask({ shade: "red" });
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    expect([refused.status, error["code"], error["param"]]).toEqual([
      400,
      "UNSUPPORTED_FIELD",
      "input[0].content[0].shade",
    ]);
    const asked = ask({});
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    const answer = await asked;
    expect(answer.status).toBe(200);
    // What the request said is repeated, as the answer was written anew.
    expect(await answer.json()).toMatchObject({
      object: "response",
      reasoning: { effort: null, summary: "auto" },
      prompt_cache_key: "k",
      tools: [],
    });
  });

  it("does not wait for the rest of a refused body for long", async () => {
    const { port, clock } = await listen();
    const caller = open(port);
    caller.socket.write(head({ "content-length": 1_000 }, badKey));
    await vi.waitFor(() => expect(caller.text).toMatch(/^HTTP\/1.1 401 /));
    await vi.waitFor(() => {
      clock.advance(5_000);
      expect(caller.closed).toBe(true);
    });
  });

  it("passes on those headers of a provider alone that its format's list has", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    const body = JSON.stringify({ ...JSON.parse(chat), stream: true });
    caller.socket.write(head({ "content-length": body.length }) + body);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.headers(
      200,
      { "openai-processing-ms": "7", "openai-organization": "secret-org" },
      true,
    );
    upstream.last.content("one");
    await vi.waitFor(() => expect(caller.text).toContain("one"));
    expect(caller.text).toContain("openai-processing-ms: 7\r\n");
    expect(caller.text).not.toContain("secret-org");
  });

  it("writes no answer into the middle of another when a caller sends nonsense", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    const body = JSON.stringify({ ...JSON.parse(chat), stream: true });
    // A connection of Node's parser, which reads on meanwhile.
    caller.socket.write(head({ "content-length": body.length, te: "trailers" }) + body);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.headers(200, {}, true);
    upstream.last.content("one");
    await vi.waitFor(() => expect(caller.text).toContain("one"));
    caller.socket.write("nonsense\r\n\r\n");
    await vi.waitFor(() => expect(caller.closed).toBe(true));
    expect(caller.text).not.toContain("HTTP/1.1 400");
    expect(upstream.last.cancelled).toBe(true);
  });

  it("sends a caller that wants a WebSocket back to plain HTTP, on the same connection", async () => {
    const { port } = await listen();
    const caller = open(port);
    const wish = "host: h\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    caller.socket.write(`GET /v1/responses HTTP/1.1\r\n${wish}`);
    await vi.waitFor(() => expect(caller.text).toContain("ENDPOINT_NOT_FOUND"));
    expect(caller.text).toMatch(/^HTTP\/1.1 426 /);
    expect(caller.text).toMatch(/^upgrade: HTTP\/1.1\r$/m);
    caller.socket.write("HEAD / HTTP/1.1\r\nhost: h\r\n\r\n");
    await vi.waitFor(() => expect(caller.text).toContain("HTTP/1.1 200 "));
  });

  it("unpacks a compressed body, and says of one that is damaged that it is", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    const send = (coding: string, body: Buffer): void => {
      caller.socket.write(head({ "content-encoding": coding, "content-length": body.length }));
      caller.socket.write(body);
    };
    send("gzip", gzipSync(chat).subarray(0, -1));
    await vi.waitFor(() => expect(caller.text).toMatch(/^HTTP\/1.1 400 [^]*can't be unpacked/));
    send("compress", Buffer.from("x"));
    await vi.waitFor(() =>
      expect(caller.text).toMatch(/HTTP\/1.1 415 [^]*gzip, deflate, br, zstd/),
    );
    send("zstd", zstdCompressSync(Buffer.alloc(maximumBodyBytes + 1, " ")));
    await vi.waitFor(() => expect(caller.text).toContain("HTTP/1.1 413 "));
    expect(upstream.calls).toHaveLength(0);
    send("br", brotliCompressSync(chat));
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.answer({ prompt_tokens: 1, completion_tokens: 1 });
    await vi.waitFor(() => expect(caller.text).toContain("HTTP/1.1 200 "));
    caller.socket.write(head({ "content-encoding": "identity", "content-length": chat.length }));
    caller.socket.write(chat);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(2));
  });

  it("serves the page that an error links to, to everybody", async () => {
    const { port } = await listen();
    const base = `http://127.0.0.1:${port}`;
    const refused = await fetch(`${base}/v1/models`);
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    const path = refused.headers.get("x-penstock-help") ?? "";
    expect([error["help"], path]).toEqual(["/errors/KEY_MISSING", "/errors/KEY_MISSING"]);
    const page = await fetch(base + path);
    expect([page.status, page.headers.get("content-type")]).toEqual([
      200,
      "text/plain; charset=utf-8",
    ]);
    expect(await page.text()).toMatch(/^# KEY_MISSING\n[^]*\n## What to do\n/);
    expect(await (await fetch(`${base}/errors`)).text()).toContain("- /errors/KEY_MISSING: ");
    expect((await fetch(`${base}/errors/toString`)).status).toBe(404);
    const posted = await fetch(base + path, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
  });

  it("names the method for which a path is served, in the path's format", async () => {
    const { port } = await listen();
    const answer = await fetch(`http://127.0.0.1:${port}/v1/messages`);
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await answer.json()).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", code: "METHOD_NOT_ALLOWED" },
    });
  });

  it("answers a caller that would rather speak HTTP/2 as any other", async () => {
    const { port } = await listen();
    const caller = open(port);
    const wish = "host: h\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\n";
    caller.socket.write(`GET /v1/mistyped HTTP/1.1\r\n${wish}`);
    await vi.waitFor(() => expect(caller.text).toContain("ENDPOINT_NOT_FOUND"));
    expect(caller.text).toMatch(/^HTTP\/1.1 404 /);
  });

  it("streams to a proxy that speaks HTTP/1.0, without chunks and trailers", async () => {
    const { port, upstream, bugs } = await listen();
    const caller = open(port);
    const body = JSON.stringify({ ...(JSON.parse(chat) as object), stream: true });
    const streamHead = head({ "content-length": body.length });
    caller.socket.write(streamHead.replace("HTTP/1.1", "HTTP/1.0") + body);
    await vi.waitFor(() => expect(upstream.calls).toHaveLength(1));
    upstream.last.headers(200, {}, true);
    upstream.last.content("one");
    await vi.waitFor(() => expect(caller.text).toContain('"content":"one"'));
    upstream.last.content("two");
    const finish = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    upstream.last.data(`data: ${JSON.stringify(finish)}\n\ndata: [DONE]\n\n`);
    await vi.waitFor(() => expect(caller.closed).toBe(true));
    const [answerHead = "", ...events] = caller.text.split("\r\n\r\n");
    expect(answerHead).not.toMatch(/transfer-encoding|trailer/i);
    expect(events.join("")).toMatch(/^data: .*"one".*\n\ndata: .*"two"[^]*data: \[DONE\]\n\n$/);
    expect(bugs).toEqual([]);
  });

  it("refuses two authorization headers that differ", async () => {
    const { port, upstream } = await listen();
    const caller = open(port);
    const twice = chatHead.replace("\r\n\r\n", "\r\nAuthorization: Bearer psk_other\r\n\r\n");
    caller.socket.write(twice + chat);
    await vi.waitFor(() => expect(caller.text).toMatch(/^HTTP\/1.1 400 [^]*two Authorization/));
    expect(upstream.calls).toHaveLength(0);
  });

  it("tells of one model, and says in the caller's format that there is no such one", async () => {
    const { port } = await listen();
    const ask = async (model: string, key = sampleKey) => {
      const headers = { authorization: `Bearer ${key}` };
      const answer = await fetch(`http://127.0.0.1:${port}/v1/models/${model}`, { headers });
      return { status: answer.status, body: (await answer.json()) as unknown };
    };
    const smart = { id: "smart", object: "model", created: 0, owned_by: "penstock" };
    expect(await ask("smart")).toMatchObject({ status: 200, body: smart });
    expect(await ask("sm%61rt?x=1")).toMatchObject({ status: 200, body: smart });
    expect(await ask("vendor/none")).toMatchObject({
      status: 404,
      body: {
        error: {
          code: "MODEL_NOT_FOUND",
          message: expect.stringContaining(`the model "vendor/none"`),
        },
      },
    });
    expect(await ask("%zz")).toMatchObject({
      status: 404,
      body: { error: { code: "ENDPOINT_NOT_FOUND" } },
    });
    expect(await ask("smart", badKey)).toMatchObject({ status: 401 });
  });

  it("refuses two different keys, wherever they stand", async () => {
    const { port } = await listen();
    const url = `http://127.0.0.1:${port}/v1/models`;
    const both = { "x-api-key": sampleKey, "api-key": `${sampleKey.slice(0, -1)}!` };
    const refused = await fetch(url, { headers: both });
    expect(refused.status).toBe(401);
    expect(await refused.text()).toContain("two keys that differ");
    expect((await fetch(url, { headers: { "api-key": sampleKey } })).status).toBe(200);
  });
});
