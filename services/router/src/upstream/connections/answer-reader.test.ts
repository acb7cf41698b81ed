import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnswerHead } from "./answer-head.ts";
import { AnswerReader } from "./answer-reader.ts";
import type { Progress } from "./answer-reader.ts";
import type { CallHandler } from "./call-handler.ts";

class Recorder implements CallHandler {
  status = 0;
  head: AnswerHead | undefined;
  body = Buffer.alloc(0);
  onConnected = () => true;
  onHead(status: number, head: AnswerHead): void {
    this.status = status;
    this.head = head;
  }
  onBody(bytes: Buffer): void {
    this.body = Buffer.concat([this.body, bytes]);
  }
  onEnd = () => undefined;
  onError = () => undefined;
}

/** Reads an answer in pieces of those sizes, over and over, out of one buffer used for all. */
function read(answer: Buffer, sizes: readonly number[]) {
  const reader = new AnswerReader();
  const heard = new Recorder();
  reader.begin(heard);
  const buffer = Buffer.alloc(65_536);
  let progress: Progress = "reading";
  let at = 0;
  for (let turn = 0; at < answer.length && progress === "reading"; turn += 1) {
    const size = Math.min(sizes[turn % sizes.length] ?? 1, answer.length - at);
    answer.copy(buffer, 0, at, at + size);
    progress = reader.push(buffer, size);
    buffer.fill(0);
    at += size;
  }
  return { reader, heard, progress, taken: at };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** A body in chunks of those sizes, with extensions and a trailer. */
function chunked(body: Buffer, sizes: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < body.length; turn += 1) {
    const chunk = body.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
    parts.push(bytes(`${chunk.length.toString(16)};name="v"\r\n`), chunk, bytes("\r\n"));
    at += chunk.length;
  }
  return Buffer.concat([...parts, bytes("0\r\nx-trailer: 1\r\n\r\n")]);
}

const sizesOf = (max: number) => fc.array(fc.integer({ min: 1, max }), { minLength: 1 });
const anyBody = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

describe("an answer", () => {
  it("is the same in whatever pieces it comes, sized or in chunks, after interim ones", () => {
    const frame = fc.constantFrom("sized", "chunked");
    fc.assert(
      fc.property(anyBody, frame, sizesOf(40), sizesOf(60), (body, how, chunks, pieces) => {
        const head =
          how === "sized" ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked";
        const start = bytes(
          `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\nX-A:  b\t\r\n${head}\r\n\r\n`,
        );
        const answer = Buffer.concat([start, how === "sized" ? body : chunked(body, chunks)]);
        const { heard, progress, taken } = read(answer, pieces);
        expect(heard.status).toBe(201);
        expect(heard.head?.get("x-a")).toBe("b");
        expect(heard.body.equals(body)).toBe(true);
        expect([progress, taken]).toEqual(["complete", answer.length]);
      }),
    );
  });

  it("is not complete without its last byte", () => {
    fc.assert(
      fc.property(anyBody, sizesOf(40), sizesOf(60), (body, chunks, pieces) => {
        const head = bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        const answer = Buffer.concat([head, chunked(body, chunks)]);
        const { progress, reader } = read(answer.subarray(0, -1), pieces);
        expect([progress, reader.endsHere]).toEqual(["reading", false]);
      }),
    );
  });

  it("never throws anything but an error with a code, whatever the bytes are", () => {
    const noise = fc.oneof(
      fc.constantFrom(
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 ",
        "\r\n",
        "content-length: ",
        "transfer-encoding: ",
        "connection: close\r\n",
        "chunked",
        "\r\n\r\n",
        "\n",
        "5\r\n",
        "0",
        ":",
        "x",
      ),
      fc.uint8Array({ maxLength: 3 }).map((array) => Buffer.from(array).toString("latin1")),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 30 }), sizesOf(20), (parts, pieces) => {
        try {
          read(bytes(parts.join("")), pieces);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ANSWER_/) as string });
        }
      }),
    );
  });

  it("lasts until the connection ends where it says no length", () => {
    const { heard, reader, progress } = read(bytes("HTTP/1.1 200\r\n\r\nabc"), [4]);
    expect([progress, reader.endsHere, heard.body.toString()]).toEqual(["reading", true, "abc"]);
  });

  it("has no body where its status says so", () => {
    for (const status of ["204 No Content", "304 Not Modified"]) {
      expect(read(bytes(`HTTP/1.1 ${status}\r\n\r\n`), [7]).progress).toBe("complete");
    }
  });

  it("is told from bytes that do not belong to it", () => {
    const sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    expect(read(bytes(`${sized}H`), [1_000]).progress).toBe("surplus");
    const chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    expect(read(bytes(`${chunks}H`), [1_000]).progress).toBe("surplus");
  });

  const ok = "HTTP/1.1 200 OK\r\n";
  const inChunks = `${ok}transfer-encoding: chunked\r\n\r\n`;
  it.each([
    ["ANSWER_NOT_HTTP", "SSH-2.0-OpenSSH\r\n"],
    ["ANSWER_NOT_HTTP", "HTTP/2 200\r\n\r\n"],
    ["ANSWER_NOT_HTTP", "HTTP/1.1 200 OK\ncontent-length: 0\n\n"],
    ["ANSWER_NOT_HTTP", "HTTP/1.1 2x0 OK\r\n\r\n"],
    ["ANSWER_NOT_HTTP", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["ANSWER_NOT_HTTP", "HTTP/1.1 200 O\nK\r\n\r\n"],
    ["ANSWER_HEADER_INVALID", `${ok}a : b\r\n\r\n`],
    ["ANSWER_HEADER_INVALID", `${ok}a: b\r\n folded\r\n\r\n`],
    ["ANSWER_HEADER_INVALID", `${ok}a: b\nc: d\r\n\r\n`],
    ["ANSWER_HEADER_INVALID", `${ok}a: \0\r\n\r\n`],
    ["ANSWER_HEADER_INVALID", `${ok}no colon\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}content-length: 1\r\ncontent-length: 1\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}content-length: +1\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}content-length: 0x1\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}content-length: 1, 1\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", `${ok}transfer-encoding: gzip, chunked\r\n\r\n`],
    ["ANSWER_LENGTH_UNCLEAR", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["ANSWER_UPGRADED", "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n"],
    ["ANSWER_HEAD_TOO_LARGE", `${ok}a: ${"b".repeat(33_000)}`],
    ["ANSWER_HEAD_TOO_LARGE", "HTTP/1.1 100 Continue\r\n\r\n".repeat(17)],
    ["ANSWER_CHUNK_INVALID", `${inChunks}\r\n`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}g\r\n`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}-1\r\n`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}123456789\r\n`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}1\nx`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}1\r\nxy\r\n`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}1;${"e".repeat(20_000)}`],
    ["ANSWER_CHUNK_INVALID", `${inChunks}0\r\n${"t: 1\r\n".repeat(5_000)}`],
  ])("is refused as %s, whole and byte by byte: %j", (code, text) => {
    for (const pieces of [[60_000], [1]]) {
      expect(() => read(bytes(text), pieces)).toThrow(expect.objectContaining({ code }) as Error);
    }
  });
});
