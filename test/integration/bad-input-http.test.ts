import { once } from "node:events";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { RequestOutcome } from "@penstock/api";
import { generateKey } from "@penstock/runtime";
import { askOverHttp, sendHttp, startConstellation } from "@penstock/test-support";
import type { Constellation, HttpAnswer } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testGateway } from "./src/test-gateway.ts";

const canary = "canary-52c1-prompt";
const message = { role: "user", content: canary };
const sound = { model: "smart", messages: [message] };
const unknownKey = generateKey("psk").text;

let gateway: Constellation;
let key: string;
let revoked: string;

beforeAll(async () => {
  gateway = await startConstellation({ resources: testGateway });
  key = await gateway.issueKey("projects/test/virtualKeys/bad-input");
  revoked = await gateway.issueKey("projects/test/virtualKeys/revoked");
  const name = "projects/test/virtualKeys/revoked";
  const { revision } = await gateway.control.virtualKeys.revokeVirtualKey({ name });
  await gateway.waitForRevision(revision);
});
afterAll(() => gateway.close());

interface Case {
  readonly name: string;
  readonly status: number;
  readonly reason: string;
  /** The field at fault, as `param`; null when it is none. */
  readonly param?: string | null;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: () => string;
  readonly path?: string;
  readonly method?: string;
}

/** The sound request with other fields. */
function withFields(fields: Record<string, unknown>): string {
  return JSON.stringify({ ...sound, ...fields });
}

function invalid(name: string, body: string | Buffer, param: string | null): Case {
  return { name, body, param, status: 400, reason: "FIELD_INVALID" };
}

const text = JSON.stringify(sound);
const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
const badUtf8 = Buffer.concat([Buffer.from(text.slice(0, -4)), Buffer.from([0xc3, 0x28, 0x22])]);

const cases: readonly Case[] = [
  invalid("a body that ends too early", text.slice(0, -1), null),
  invalid("no body", "", null),
  invalid("a list", "[]", null),
  invalid("null", "null", null),
  invalid("text behind the object", `${text} x`, null),
  invalid("JSON that is too deep", withFields({}).replace("}]}", `}],"x":${deep}}`), null),
  invalid("two model keys", text.replace("{", '{"model":"other",'), "model"),
  invalid("two model keys, one escaped", text.replace("{", '{"mod\\u0065l":"other",'), null),
  invalid("invalid UTF-8", Buffer.concat([badUtf8, Buffer.from("}]}")]), null),
  invalid("a lone surrogate's half", text.replace("canary", "\\ud800"), null),
  invalid("a byte order mark of another encoding", Buffer.from(`\ufeff${text}`, "utf16le"), null),
  invalid("a model that is a number", withFields({ model: 7 }), "model"),
  invalid("no model", JSON.stringify({ messages: [message] }), "model"),
  invalid("an empty model", withFields({ model: "" }), "model"),
  invalid("messages that are a text", withFields({ messages: canary }), "messages"),
  invalid("no messages", withFields({ messages: [] }), "messages"),
  invalid("a message without a role", withFields({ messages: [{}] }), "messages[0].role"),
  invalid("a role nobody knows", withFields({ messages: [{ role: "king" }] }), "messages[0].role"),
  invalid("a stream that is a text", withFields({ stream: "yes" }), "stream"),
  invalid("a temperature that is a text", withFields({ temperature: "hot" }), "temperature"),
  invalid("a temperature out of range", withFields({ temperature: 3 }), "temperature"),
  invalid("negative tokens", withFields({ max_tokens: -1 }), "max_tokens"),
  invalid("no tokens", withFields({ max_completion_tokens: 0 }), "max_completion_tokens"),
  invalid("half a token", withFields({ max_tokens: 1.5 }), "max_tokens"),
  invalid("far too many tokens", withFields({ max_tokens: 1e15 }), "max_tokens"),
  invalid("tools that are an object", withFields({ tools: {} }), "tools"),
  {
    name: "an unknown model",
    body: withFields({ model: "x" }),
    status: 404,
    reason: "MODEL_NOT_FOUND",
  },
  { name: "no key", bearer: () => "", status: 401, reason: "KEY_MISSING" },
  { name: "a text that is no key", bearer: () => "secret", status: 401, reason: "KEY_INVALID" },
  { name: "an unknown key", bearer: () => unknownKey, status: 401, reason: "KEY_INVALID" },
  {
    name: "a key with a typing error",
    bearer: () => typo(key),
    status: 401,
    reason: "KEY_INVALID",
  },
  { name: "an admin token", bearer: () => gateway.adminToken, status: 401, reason: "KEY_INVALID" },
  { name: "a revoked key", bearer: () => revoked, status: 401, reason: "KEY_REVOKED" },
  mediaType("another content type", { "content-type": "text/plain" }),
  mediaType("no content type", { "content-type": "" }),
  mediaType("another character set", { "content-type": "application/json; charset=latin1" }),
  mediaType("a body packed in a way that is not read", { "content-encoding": "compress" }),
  {
    ...invalid("a body that is not packed as it says", text, "content-encoding"),
    headers: { "content-encoding": "gzip" },
  },
  {
    ...invalid("nothing in a packed body", gzipSync(""), null),
    headers: { "content-encoding": "gzip" },
  },
  { name: "another path", path: "/v1/chat", status: 404, reason: "ENDPOINT_NOT_FOUND" },
  { name: "another method", method: "PUT", status: 405, reason: "METHOD_NOT_ALLOWED" },
];

function mediaType(name: string, headers: Record<string, string>): Case {
  return { name, headers, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE" };
}

function typo(given: string): string {
  const at = given.length - 10;
  return `${given.slice(0, at)}${given[at] === "a" ? "b" : "a"}${given.slice(at + 1)}`;
}

function send(row: Omit<Case, "name" | "status" | "reason">): Promise<HttpAnswer> {
  const bearer = row.bearer?.() ?? key;
  return sendHttp({
    url: `${gateway.httpUrl}${row.path ?? "/v1/chat/completions"}`,
    method: row.method ?? "POST",
    headers: {
      "content-type": "application/json",
      ...(bearer === "" ? {} : { authorization: `Bearer ${bearer}` }),
      ...row.headers,
    },
    body: row.body ?? text,
  });
}

/** Checks what every error has, whatever is wrong. */
function checkError(answer: HttpAnswer, expected: { status: number; reason: string }) {
  const told = `${answer.status} ${answer.body}`;
  expect(answer.status, told).toBe(expected.status);
  expect(answer.headers.get("content-type")).toBe("application/json");
  const { error } = JSON.parse(answer.body) as { error: Record<string, unknown> };
  expect(error, told).toMatchObject({ code: expected.reason, type: expect.any(String) });
  const requestId = answer.headers.get("x-request-id") ?? "";
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(error["request_id"]).toBe(requestId);
  expect(error["message"]).toMatch(/^[A-Z].*\.$/);
  expect(answer.body).not.toContain(canary);
  return { error, requestId };
}

describe("bad input over HTTP", () => {
  it.concurrent.each(cases)("$name: $status $reason", async (row) => {
    const { error, requestId } = checkError(await send(row), row);
    if (row.param !== undefined) expect(error["param"] || null).toBe(row.param);
    expect(gateway.simulator.calls.list(`${requestId}.`)).toEqual([]);
    // Who asked is only known with a key, and what only on a path that is served.
    if (row.reason.startsWith("KEY_") || row.status === 405) return;
    if (row.reason === "ENDPOINT_NOT_FOUND") return;
    const { record, verdict } = await gateway.request(requestId);
    expect(record?.event).toMatchObject({
      outcome: RequestOutcome.REFUSED,
      error: { reason: row.reason },
      attempts: [],
    });
    expect(verdict?.sentence).toContain(row.reason);
  });

  it("names every field that is wrong", async () => {
    const body = withFields({ model: 7, stream: 7, temperature: "x", max_tokens: -1 });
    const { error } = checkError(await send({ body }), { status: 400, reason: "FIELD_INVALID" });
    const fields = (error["fields"] as { field: string }[]).map(({ field }) => field);
    expect(fields.toSorted()).toEqual(["max_tokens", "model", "stream", "temperature"]);
  });

  it("refuses 32 MiB and a byte, whether it is told so before or not", async () => {
    const expected = { status: 413, reason: "REQUEST_TOO_LARGE" };
    const size = 32 * 1024 * 1024 + 1;
    const head = { "content-length": String(size), expect: "100-continue" };
    checkError(await rawAnswer(rawHead(head)), expected);
    checkError(await rawAnswer(rawHead({ "transfer-encoding": "chunked" }), size), expected);
  });

  it.each([
    ["no HTTP", "NONSENSE\r\n\r\n", 400],
    ["a head that is too large", rawHead({ "x-large": "x".repeat(20_000) }, "k"), 431],
    ["two Host headers", `GET /v1/models HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`, 400],
    ["a path that is a URL", `GET http://x/v1/models HTTP/1.1\r\nhost: a\r\n\r\n`, 400],
    ["two lengths", rawHead({ "content-length": "2", "transfer-encoding": "chunked" }, "k"), 400],
  ])("answers %s", async (_name, request, status) => {
    checkError(await rawAnswer(request), { status, reason: "FIELD_INVALID" });
  });

  it("leaves a gateway that works and that has logged no prompt and no key", async () => {
    const answer = await askOverHttp(gateway, key, { model: "smart", prompt: "hi", stream: false });
    expect(answer.status).toBe(200);
    const told = gateway.logLines.join("");
    for (const secret of [canary, key, revoked, unknownKey, gateway.adminToken]) {
      expect(told).not.toContain(secret);
    }
    expect(told).not.toContain("mistake in Penstock");
  });
});

function rawHead(headers: Readonly<Record<string, string>>, bearer = key): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
    `authorization: Bearer ${bearer}\r\n${lines.join("")}\r\n`
  );
}

/** Sends bytes that no client would, then `chunkedBytes` in chunks, and reads what comes back. */
async function rawAnswer(head: string, chunkedBytes = 0): Promise<HttpAnswer> {
  const socket = connect(Number(new URL(gateway.httpUrl).port), "127.0.0.1");
  socket.on("error", () => undefined);
  let received = "";
  socket.on("data", (bytes) => {
    received += bytes.toString();
  });
  const closed = once(socket, "close");
  socket.write(head);
  const chunk = Buffer.alloc(1024 * 1024, "x");
  for (let sent = 0; sent < chunkedBytes && !socket.destroyed; sent += chunk.length) {
    socket.write(`${chunk.length.toString(16)}\r\n`);
    if (!socket.write(Buffer.concat([chunk, Buffer.from("\r\n")]))) {
      await Promise.race([once(socket, "drain"), closed]);
    }
  }
  await expect.poll(() => /\r\n\r\n\{.*\}$/s.test(received)).toBe(true);
  socket.destroy();
  const [top = "", body = ""] = received
    .replace("HTTP/1.1 100 Continue\r\n\r\n", "")
    .split("\r\n\r\n", 2);
  const [statusLine = "", ...lines] = top.split("\r\n");
  const pairs = lines.map((line) => line.split(": ", 2) as [string, string]);
  const status = Number(statusLine.split(" ")[1]);
  return {
    status,
    headers: new Headers(pairs),
    trailers: new Headers(),
    body,
    broken: false,
    elapsedMs: 0,
  };
}
