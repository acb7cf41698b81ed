import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { StreamWrites } from "./stream-writes.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that begins each answer, and a connection to it. */
async function begin() {
  const answers: { writes: StreamWrites; response: ServerResponse }[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(200);
    answers.push({ writes: new StreamWrites(response), response });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  closing.push(() => {
    socket.destroy();
    server.close();
  });
  const caller = { socket, text: "" };
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => (caller.text += text));
  return { answers, caller };
}

const ask = (socket: Socket, version = "1.1"): boolean =>
  socket.write(`GET / HTTP/${version}\r\nhost: h\r\n\r\n`);

/** What came behind the last head. */
const bodyOf = ({ text }: { text: string }): string =>
  text.slice(text.lastIndexOf("\r\n\r\n", text.length - 5) + 4);

describe("StreamWrites", () => {
  it("frames each piece as a chunk, sized in bytes, and ends the answer with its trailers", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const [{ writes, response } = expect.fail()] = answers;
    writes.write("first");
    await vi.waitFor(() => expect(caller.text).toContain("first"));
    expect(writes.write("x".repeat(300))).toBe(true);
    writes.write("");
    writes.write("naïve 😀");
    writes.write("\u00e9");
    response.addTrailers({ "x-end": "yes" });
    writes.end("last");
    await vi.waitFor(() => expect(caller.text).toContain("x-end: yes"));
    expect(caller.text.split("\r\n\r\n").slice(1).join("\r\n\r\n")).toBe(
      `5\r\nfirst\r\n12c\r\n${"x".repeat(300)}\r\nb\r\nnaïve 😀\r\n2\r\né\r\n` +
        "4\r\nlast\r\n0\r\nx-end: yes\r\n\r\n",
    );
  });

  it("sends what one turn brings in one go", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const [{ writes, response } = expect.fail()] = answers;
    writes.write("first");
    await vi.waitFor(() => expect(caller.text).toContain("first"));
    writes.write("a");
    writes.write("b");
    expect(response.socket?.writableLength).toBe(12);
    await vi.waitFor(() => expect(caller.text).toContain("1\r\na\r\n1\r\nb\r\n"));
    expect(response.socket?.writableCorked).toBe(0);
  });

  it("sends callers of HTTP/1.0 no chunks", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket, "1.0");
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const [{ writes } = expect.fail()] = answers;
    for (const piece of ["one ", "two ", "three "]) writes.write(piece);
    writes.end("end");
    await vi.waitFor(() => expect(caller.text).toContain("end"));
    expect(bodyOf(caller)).toBe("one two three end");
  });

  it("waits with the answer to a pipelined request for the one before it", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket);
    ask(caller.socket);
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    const [first = expect.fail(), second = expect.fail()] = answers;
    second.writes.write("B1");
    second.writes.write("B2");
    first.writes.write("A1");
    first.writes.end("A2");
    await vi.waitFor(() => expect(caller.text).toContain("B2"));
    second.writes.write("B3");
    second.writes.end("B4");
    await vi.waitFor(() => expect(caller.text).toContain("B4"));
    expect(caller.text.match(/[AB]\d/g)).toEqual(["A1", "A2", "B1", "B2", "B3", "B4"]);
    expect(bodyOf(caller)).toMatch(/2\r\nB1\r\n2\r\nB2\r\n2\r\nB3\r\n2\r\nB4\r\n0/);
  });

  it("tells when there is no room, and when there is again", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const [{ writes } = expect.fail()] = answers;
    writes.write("first");
    await vi.waitFor(() => expect(caller.text).toContain("first"));
    caller.socket.pause();
    const piece = "x".repeat(65_536);
    await vi.waitFor(() => expect(writes.write(piece)).toBe(false), { interval: 0 });
    const drained = vi.fn<() => void>();
    writes.onDrain(drained);
    expect(drained).not.toHaveBeenCalled();
    caller.socket.resume();
    await vi.waitFor(() => expect(drained).toHaveBeenCalledOnce());
    expect(writes.write("more")).toBe(true);
    writes.end("end");
    await vi.waitFor(() => expect(caller.text).toContain("end"));
  });

  it("writes nothing to a caller who is gone", async () => {
    const { answers, caller } = await begin();
    ask(caller.socket);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    const [{ writes, response } = expect.fail()] = answers;
    response.on("error", () => undefined);
    writes.write("first");
    caller.socket.destroy();
    await vi.waitFor(() => expect(response.destroyed).toBe(true));
    expect(writes.write("more")).toBe(false);
  });
});
