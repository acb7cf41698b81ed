import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { BodyBudget, maximumHeldBytes } from "./body-budget.ts";
import { PlainConnection } from "./plain-connection.ts";
import type { PlainDoor } from "./plain-connection.ts";
import type { PlainResponse } from "./plain-response.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** One connection, and what its door was told. */
async function open(budget = new BodyBudget()) {
  const served: { body: string; response: PlainResponse }[] = [];
  const handed: Socket[] = [];
  const came = { text: "" };
  const door = {
    budget,
    closing: false as boolean,
    letsIn: () => true,
    serve: (_request, body, response) => {
      served.push({ body: body.toString("latin1"), response });
    },
    handOver: (socket) => {
      handed.push(socket);
      socket.on("data", (chunk: Buffer) => (came.text += chunk.toString("latin1")));
    },
    closed: vi.fn<(connection: PlainConnection) => void>(),
  } satisfies PlainDoor & Record<string, unknown>;
  let connection: PlainConnection | undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connection = new PlainConnection(socket, door);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const caller = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const seen = { text: "", closed: false };
  caller.on("data", (chunk) => (seen.text += chunk.toString("latin1")));
  caller.on("error", () => undefined);
  caller.on("close", () => (seen.closed = true));
  closing.push(() => {
    caller.destroy();
    connection?.socket.destroy();
    server.close();
  });
  await vi.waitFor(() => expect(connection).toBeDefined());
  if (connection === undefined) throw new Error("no connection");
  return { connection, door, caller, seen, served, handed, came };
}

function request(body: string): string {
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}`;
  return `${head}\r\n\r\n${body}`;
}

const json = ["content-type", "application/json"];

function answer(response: PlainResponse | undefined, text: string): void {
  response?.writeHead(200, [...json, "content-length", String(text.length)]);
  response?.end(text, "utf8");
}

const answered = (text: string): string =>
  "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" +
  `content-length: ${text.length}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=75\r\n\r\n` +
  text;

describe("a connection of plain requests", () => {
  it("answers one after the other", async () => {
    const { caller, seen, served } = await open();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    answer(served[0]?.response, "one");
    await vi.waitFor(() => expect(seen.text).toBe(answered("one")));
    caller.write(request("[2]"));
    await vi.waitFor(() => expect(served).toHaveLength(2));
    answer(served[1]?.response, "two");
    await vi.waitFor(() => expect(seen.text).toBe(answered("one") + answered("two")));
    expect(served.map(({ body }) => body)).toEqual(["[1]", "[2]"]);
  });

  it("keeps what is asked meanwhile until the answer has left", async () => {
    const { caller, connection, seen, served } = await open();
    caller.write(request("[1]") + request("[2]") + request("[3]").slice(0, -1));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const atOnce = served[0]?.response;
    await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(200));
    expect(served).toHaveLength(1);
    answer(atOnce, "one");
    await vi.waitFor(() => expect(served).toHaveLength(2));
    answer(served[1]?.response, "two");
    await vi.waitFor(() => expect(seen.text).toBe(answered("one") + answered("two")));
    expect(served).toHaveLength(2);
    caller.write("]");
    await vi.waitFor(() => expect(served).toHaveLength(3));
    expect(served[2]?.body).toBe("[3]");
  });

  it("keeps little of what is sent meanwhile, and sees its caller go all the same", async () => {
    const budget = new BodyBudget();
    const { caller, connection, served } = await open(budget);
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const asker = { gone: vi.fn<() => void>() };
    const response = served[0]?.response;
    if (response !== undefined) response.asker = asker;
    caller.write("x".repeat(10_000_000));
    await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(10_000_000));
    expect(budget.take(maximumHeldBytes)).toBe(true);
    expect(asker.gone).not.toHaveBeenCalled();
    caller.destroy();
    await vi.waitFor(() => expect(asker.gone).toHaveBeenCalledOnce());
  });

  it("ends with its answer where more was asked meanwhile than is kept", async () => {
    const { caller, connection, seen, served } = await open();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const longest = request(`[${" ".repeat(65_000)}]`);
    caller.write(longest);
    await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(longest.length));
    answer(served[0]?.response, "one");
    await vi.waitFor(() => expect(served).toHaveLength(2));
    caller.write(longest + longest);
    await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(190_000));
    answer(served[1]?.response, "two");
    await vi.waitFor(() => expect(seen.closed).toBe(true));
    const last = answered("two").replace(/keep-alive\r\nKeep-Alive: .*(?=\r\n)/, "close");
    expect(seen.text).toBe(answered("one") + last);
    expect(served).toHaveLength(2);
  });

  it("reads nothing of who does not take its answer and asks on", async () => {
    const { caller, connection, served, seen } = await open();
    caller.pause();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    answer(served[0]?.response, "x".repeat(20_000_000));
    caller.write("x".repeat(10_000_000));
    await vi.waitFor(() => expect(connection.socket.isPaused()).toBe(true));
    caller.resume();
    await vi.waitFor(() => expect(seen.closed).toBe(true));
  });

  it("puts a body together, and gives room back", async () => {
    const budget = new BodyBudget(1_000);
    const { caller, connection, served } = await open(budget);
    const text = request('["a"]');
    for (const [at, end] of [
      [0, -4],
      [-4, -2],
      [-2, undefined],
    ] as const) {
      const before = connection.socket.bytesRead;
      caller.write(text.slice(at, end));
      await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(before));
    }
    await vi.waitFor(() => expect(served).toHaveLength(1));
    expect(served[0]?.body).toBe('["a"]');
    expect(budget.take(1_000)).toBe(true);
  });

  it.each([
    ["what is not plain", "GET /v1/models HTTP/1.1\r\n\r\n", 1_000],
    ["a part of a head", "POST /v1", 1_000],
    ["a part of a body where there is no room to keep it", request("[1]").slice(0, -1), 10],
    ["a request whose next there is no room to keep", request("[1]") + request("[2]"), 10],
  ])("goes to Node's parser with %s", async (_, text, room) => {
    const { caller, handed, came, served, connection, door } = await open(new BodyBudget(room));
    caller.write(text);
    await vi.waitFor(() => expect(came.text).toBe(text));
    caller.write("more");
    await vi.waitFor(() => expect(came.text).toBe(`${text}more`));
    expect([handed.length, served.length, connection.socket.timeout]).toEqual([1, 0, 0]);
    expect(door.closed).toHaveBeenCalledOnce();
  });

  it("goes to Node's parser where the rest of a request does not come", async () => {
    const { caller, came } = await open();
    caller.write(request("[1]").slice(0, -1));
    await vi.waitFor(() => expect(came.text).toBe(request("[1]").slice(0, -1)));
  });

  it("goes to Node's parser where a request comes in many pieces", async () => {
    const { caller, connection, came } = await open();
    const text = request("[1,2,3,4,5,6,7,8,9]");
    const start = text.indexOf("[");
    for (let end = start; end < text.length && came.text === ""; end += 1) {
      const before = connection.socket.bytesRead;
      caller.write(end === start ? text.slice(0, end) : (text[end - 1] ?? ""));
      await vi.waitFor(() => expect(connection.socket.bytesRead).toBeGreaterThan(before));
    }
    expect(came.text.length).toBeGreaterThan(start);
    expect(text.startsWith(came.text)).toBe(true);
  });

  it("tells who is asked that the caller has gone", async () => {
    const { caller, served, door } = await open();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const asker = { gone: vi.fn<() => void>() };
    const response = served[0]?.response;
    if (response !== undefined) response.asker = asker;
    caller.destroy();
    await vi.waitFor(() => expect(asker.gone).toHaveBeenCalledOnce());
    expect(door.closed).toHaveBeenCalledOnce();
    expect(response?.destroyed).toBe(true);
    // Who does not look before it writes harms nobody.
    answer(response, "one");
  });

  it("ends with its answer where the door closes, and at once where nothing is asked", async () => {
    const busy = await open();
    busy.caller.write(request("[1]"));
    await vi.waitFor(() => expect(busy.served).toHaveLength(1));
    busy.door.closing = true;
    busy.connection.closeIdle();
    answer(busy.served[0]?.response, "one");
    await vi.waitFor(() => expect(busy.seen.closed).toBe(true));
    expect(busy.seen.text).toMatch(/\r\nConnection: close\r\n\r\none$/);
    const idle = await open();
    idle.connection.closeIdle();
    await vi.waitFor(() => expect(idle.seen.closed).toBe(true));
  });

  it("ends when nothing comes, which is no matter while it is asked", async () => {
    const { caller, connection, seen, served } = await open();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    connection.socket.emit("timeout");
    answer(served[0]?.response, "one");
    await vi.waitFor(() => expect(seen.text).toBe(answered("one")));
    expect(connection.socket.timeout).toBe(76_000);
    connection.socket.emit("timeout");
    await vi.waitFor(() => expect(seen.closed).toBe(true));
    const silent = await open();
    expect(silent.connection.socket.timeout).toBe(15_000);
    silent.connection.socket.emit("timeout");
    await vi.waitFor(() => expect(silent.seen.text).toMatch(/^HTTP\/1.1 408 /));
  });

  it("serves nothing more to who does not take its answer", async () => {
    const { caller, connection, seen, served } = await open();
    caller.pause();
    caller.write(request("[1]") + request("[2]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const text = "x".repeat(20_000_000);
    answer(served[0]?.response, text);
    const stalled = vi.fn<() => void>();
    expect(served[0]?.response.writableLength).toBeGreaterThan(0);
    served[0]?.response.setTimeout(60_000, stalled);
    const asked = request("[1]").length + request("[2]").length;
    expect(connection.socket.bytesRead).toBe(asked);
    expect(served).toHaveLength(1);
    caller.resume();
    await vi.waitFor(() => expect(served).toHaveLength(2));
    expect(connection.socket.timeout).toBe(76_000);
    await vi.waitFor(() => expect(seen.text.length).toBe(answered(text).length));
    expect(stalled).not.toHaveBeenCalled();
  });

  it("gives up who does not take its answer, though nobody watches", async () => {
    const { caller, connection, served, door } = await open();
    caller.pause();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    answer(served[0]?.response, "x".repeat(20_000_000));
    connection.socket.emit("timeout");
    await vi.waitFor(() => expect(door.closed).toHaveBeenCalledOnce());
  });

  it("serves nothing to who could not be told what came of it", async () => {
    const { caller, connection, served } = await open();
    connection.socket.end();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(connection.socket.destroyed).toBe(true));
    expect(served).toHaveLength(0);
  });

  it("is watched only until its answer has left", async () => {
    const { caller, connection, seen, served } = await open();
    caller.write(request("[1]"));
    await vi.waitFor(() => expect(served).toHaveLength(1));
    const { response } = served[0] ?? {};
    const stalled = vi.fn<() => void>();
    answer(response, "one");
    response?.setTimeout(1_000, stalled);
    connection.socket.emit("timeout");
    expect(stalled).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(connection.socket.timeout).toBe(76_000));
    expect(seen.closed).toBe(false);
  });
});
