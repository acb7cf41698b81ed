import { Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { PlainResponse } from "./plain-response.ts";

/** Keeps what would go over the wire. */
class KeptSocket extends Socket {
  #kept = "";

  override _write(text: string, encoding: BufferEncoding, done: () => void): void {
    this.#kept += Buffer.from(text, encoding).toString();
    done();
  }

  written(): string {
    const kept = this.#kept;
    this.#kept = "";
    return kept;
  }
}

function open() {
  const socket = new KeptSocket();
  const answered = vi.fn<() => void>();
  const persistence = "Connection: keep-alive\r\n";
  const watch = (): void => undefined;
  const response = new PlainResponse({ socket, persistence, answered, watch });
  return { response, answered, text: () => socket.written() };
}

describe("a plain answer", () => {
  it("leaves whole, in UTF-8 or one byte for each character", async () => {
    const { response, answered, text } = open();
    response.writeHead(404, ["content-length", "2"]);
    expect([text(), response.headersSent, response.chunkedEncoding]).toEqual(["", true, false]);
    response.end("é", "utf8");
    const head = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nConnection: keep-alive\r\n\r\n";
    expect(text()).toBe(`${head}é`);
    await vi.waitFor(() => expect(answered).toHaveBeenCalledOnce());
    const other = open();
    other.response.writeHead(404, ["content-length", "2"]);
    other.response.end("\u00c3\u00a9", "latin1");
    expect(other.text()).toBe(`${head}é`);
  });

  it("leaves in chunks where its length is not told, with headers behind it", () => {
    const { response, text } = open();
    response.writeHead(200, ["content-type", "text/event-stream"]);
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    response.flushHeaders();
    const framing = "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n";
    expect([text(), response.chunkedEncoding]).toEqual([head + framing, true]);
    expect(response.write("")).toBe(true);
    expect(text()).toBe("");
    response.write("é");
    expect(text()).toBe("2\r\né\r\n");
    response.addTrailers([["x-cost", "1"]]);
    response.end("last", "utf8");
    response.end("twice", "utf8");
    expect(text()).toBe("4\r\nlast\r\n0\r\nx-cost: 1\r\n\r\n");
  });

  it("refuses a value that would be a header of its own", () => {
    for (const value of ["a\r\nb: c", "a\nb", "a\rb"]) {
      expect(() => open().response.writeHead(200, ["x", value])).toThrow("more than one line");
      expect(() => open().response.addTrailers([["x", value]])).toThrow("more than one line");
    }
  });
});
