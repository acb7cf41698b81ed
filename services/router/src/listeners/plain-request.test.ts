import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPlainRequest } from "./plain-request.ts";

const lines = ["Host: h", "Authorization: Bearer k", "Content-Type: application/json"];

function request(extra: readonly string[] = [], body = "{}", target = "/v1/chat/completions") {
  const all = [...lines, `Content-Length: ${body.length}`, ...extra];
  return `POST ${target} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body}`;
}

const read = (text: string) => readPlainRequest(Buffer.from(text, "latin1"));

describe("a plain request", () => {
  it("is read with its headers, and where its body is", () => {
    const text = request(["X-Api-Key:k", "traceparent: 00-1"]);
    expect(read(`${text}POST`)).toEqual({
      endpoint: expect.objectContaining({ operation: "generate" }) as unknown,
      headers: {
        host: "h",
        authorization: "Bearer k",
        "content-type": "application/json",
        "content-length": "2",
        "x-api-key": "k",
        traceparent: "00-1",
      },
      bodyStart: text.length - 2,
      end: text.length,
    });
    expect(read(request([], "{}", "/v1/messages?beta=true"))).toBeDefined();
    const messages = read(request([], "{}", "/v1/messages/count_tokens"));
    expect(messages?.endpoint.operation).toBe("count_tokens");
  });

  it("may have a body that has not come yet, unless it is long", () => {
    const text = request(["X: y"], " ".repeat(65_535));
    expect(read(text.slice(0, 200))).toMatchObject({ end: text.length });
    expect(read(request(["X: y"], " ".repeat(65_537)))).toBeUndefined();
  });

  it.each([
    ["another method", request().replace("POST", "PUT")],
    ["another version", request().replace("HTTP/1.1", "HTTP/1.0")],
    ["another path", request([], "{}", "/v1/other")],
    ["a path that asks nobody", request([], "{}", "/v1/models")],
    ["an address in place of a path", request([], "{}", "http://h/v1/chat/completions")],
    ["a control character in the query", request([], "{}", "/v1/messages?a=\x01")],
    ["a head that has not come whole", request().slice(0, 80)],
    ["a long head", request([`X: ${"y".repeat(4_096)}`])],
    ["many headers", request(Array.from({ length: 100 }, (_, at) => `X${at}: y`))],
    ["no host", request().replace("Host: h\r\n", "")],
    ["two hosts", request(["host: h"])],
    ["two keys", request(["authorization: Bearer k"])],
    ["two lengths", request(["content-length: 2"])],
    ["no length", request().replace("Content-Length", "X")],
    ["no body", request([], "")],
    ["a length with a sign", request().replace("Length: 2", "Length: +2")],
    ["a length in another notation", request().replace("Length: 2", "Length: 0x2")],
    ["a list of lengths", request().replace("Length: 2", "Length: 2, 2")],
    ["a length with zeros in front", request().replace("Length: 2", "Length: 02")],
    ["a body in chunks", request(["Transfer-Encoding: chunked"])],
    ["a packed body", request(["Content-Encoding: gzip"])],
    ["a caller that waits", request(["Expect: 100-continue"])],
    ["an end of the connection", request(["Connection: close"])],
    ["headers of the connection", request(["Connection: keep-alive, x-api-key"])],
    ["another protocol", request(["Upgrade: h2c"])],
    ["a header that goes on", request(["X: y", " z"])],
    ["a space before a colon", request(["X : y"])],
    ["a name that is none", request(["X(: y"])],
    ["no name", request([": y"])],
    ["no colon", request(["X"])],
    ["a line feed alone", request(["X: y\nContent-Length: 9"])],
    ["a carriage return alone", request(["X: y\rContent-Length: 9"])],
    ["a null", request(["X: \0"])],
    ["a tabulator", request(["X:\ty"])],
    ["spaces around a value", request(["X: y "])],
    ["a letter beyond ASCII", request(["X: é"])],
    ["a time that can't be read", request(["X-Penstock-Timeout-Ms: soon"])],
  ])("has not %s", (_, text) => {
    expect(read(request(["X: y"]))).toBeDefined();
    expect(read(text)).toBeUndefined();
  });
});

describe("what is read as a plain request", () => {
  let port = 0;
  let seen: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((message, response) => {
    let body = "";
    message.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
    message.on("end", () => {
      seen.push({ url: message.url, headers: message.headers, body });
      response.end();
    });
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** What Node's parser makes of it. */
  async function readByNode(text: string) {
    seen = [];
    await new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
      socket.on("error", () => resolve());
      socket.on("close", () => resolve());
      socket.on("data", () => socket.destroy());
    });
    return seen[0];
  }

  it("is the same to Node's parser", async () => {
    const piece = fc.oneof(
      fc.constantFrom(..."\r\n :\t,;=0159aZé\0\x7f"),
      fc.constantFrom("\r\n", "Content-Length: 1", "Transfer-Encoding: chunked", "X-A", "\r\n "),
    );
    const edit = fc.record({ at: fc.nat(200), cut: fc.nat(2), text: piece });
    const edits = fc.array(edit, { minLength: 1, maxLength: 3 });
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(edits, async (all) => {
        let text = request(["X-B: b", "User-Agent: u/1 (x; y)"], '{"a":[1,2,3]}');
        for (const { at, cut, text: inserted } of all) {
          text = text.slice(0, at) + inserted + text.slice(at + cut);
        }
        const ours = read(text);
        if (ours === undefined || ours.end > text.length) return;
        plain += 1;
        const nodes = await readByNode(text);
        expect(nodes?.headers).toEqual(ours.headers);
        expect(nodes?.body).toBe(text.slice(ours.bodyStart, ours.end));
      }),
      { numRuns: 600 },
    );
    expect(plain).toBeGreaterThan(0);
  });
});
