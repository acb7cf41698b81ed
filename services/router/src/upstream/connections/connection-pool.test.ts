import { createServer, connect as connectTcp } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { ManualClock } from "@penstock/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CallControl, CallHandler } from "./call-handler.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { HandlerMistake } from "./handler-mistake.ts";
import { readShared } from "./received-bytes.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Notes what it is told. */
class Call implements CallHandler {
  readonly told: string[] = [];
  control: CallControl | undefined;
  error: (Error & { code?: string }) | undefined;
  isWanted = true;
  pausesFirst = false;
  /** What it throws in. */
  slips: keyof CallHandler | undefined;
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;

  #slip(at: keyof CallHandler): void {
    if (this.slips !== at) return;
    this.slips = undefined;
    throw new Error("planted");
  }

  onConnected(control: CallControl): boolean {
    this.#slip("onConnected");
    this.control = control;
    if (this.pausesFirst) control.pause();
    return this.isWanted;
  }
  onHead(status: number): void {
    this.#slip("onHead");
    this.told.push(String(status));
  }
  onBody(bytes: Buffer): void {
    this.told.push(bytes.toString());
  }
  onEnd(): void {
    this.#slip("onEnd");
    this.told.push("end");
    this.#end.resolve();
  }
  onError(error: Error): void {
    this.#slip("onError");
    this.error = error;
    this.#end.resolve();
  }
}

const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const text = { head: "POST / HTTP/1.1\r\nhost: v\r\n", body: "{}" };

/** A server that does so with what it is sent, and a pool of connections to it. */
async function setUp(onData: (socket: Socket, data: string) => void, most = 10) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => onData(socket, data.toString("latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clock = new ManualClock();
  const pool = new ConnectionPool({
    connect: (callback) => {
      const socket = connectTcp({ port, host: "127.0.0.1", ...readShared });
      socket.once("error", (error) => callback(error));
      socket.once("connect", () => callback(null, socket));
    },
    clock,
    mostConnections: most,
    keepAliveSeconds: 30,
  });
  closing.push(() => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const send = (body: string | Buffer = text.body): Call => {
    const call = new Call();
    pool.dispatch({ head: text.head, body }, call);
    return call;
  };
  return { pool, clock, sockets, send, isClosed: (at = 0) => sockets[at]?.destroyed === true };
}

describe("connections to one origin", () => {
  it("serve one call after the other, and calls at a time side by side", async () => {
    const { pool, sockets, send } = await setUp((socket) => socket.write(answer));
    await send().ended;
    const again = send();
    await again.ended;
    expect(again.told).toEqual(["200", "{}", "end"]);
    expect(sockets).toHaveLength(1);
    await Promise.all([send().ended, send().ended]);
    expect([sockets.length, pool.size]).toEqual([2, 2]);
  });

  it("carry every body with its size in bytes", async () => {
    let seen = "";
    const { send } = await setUp((socket, data) => {
      seen += data;
      if (seen.endsWith("!")) socket.write(answer);
    });
    for (const body of ["ascii!", "ünï ☃!", Buffer.from("ü!"), `${"ü".repeat(50_000)}!`]) {
      seen = "";
      await send(body).ended;
      const sizeBytes = Buffer.byteLength(body);
      const sent = Buffer.from(body).toString("latin1");
      expect(seen).toBe(`${text.head}content-length: ${sizeBytes}\r\n\r\n${sent}`);
    }
  });

  it("are not used again when the other side says so, or has not taken the call", async () => {
    const close = answer.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    const closer = await setUp((socket) => socket.write(close));
    await closer.send().ended;
    await vi.waitFor(() => expect(closer.isClosed()).toBe(true));
    const early = await setUp((socket) => {
      if (socket.isPaused()) return;
      socket.pause();
      socket.write(answer);
    });
    const call = early.send(Buffer.alloc(20_000_000));
    await call.ended;
    expect(call.told).toEqual(["200", "{}", "end"]);
    await vi.waitFor(() => expect(early.pool.size).toBe(0));
  });

  it("are not used again when more comes than the answer, or something unasked", async () => {
    const surplus = await setUp((socket) => socket.write(`${answer}HTTP/1.1 200 OK\r\n`));
    const call = surplus.send();
    await call.ended;
    expect(call.told.at(-1)).toBe("end");
    await vi.waitFor(() => expect(surplus.pool.size).toBe(0));
    const unasked = await setUp((socket) => socket.write(answer));
    await unasked.send().ended;
    unasked.sockets[0]?.write(answer);
    await vi.waitFor(() => expect(unasked.pool.size).toBe(0));
    const next = unasked.send();
    await next.ended;
    expect(next.told).toEqual(["200", "{}", "end"]);
  });

  it("are closed when nobody has used them for so long", async () => {
    const { pool, clock, send } = await setUp((socket) => socket.write(answer));
    await send().ended;
    clock.advance(29_000);
    expect(pool.size).toBe(1);
    clock.advance(1_000);
    await vi.waitFor(() => expect(pool.size).toBe(0));
  });

  it("are closed before the other side does it, where it says when", async () => {
    const told = (seconds: number) =>
      answer.replace("\r\n\r\n", `\r\nkeep-alive: timeout=${seconds}\r\n\r\n`);
    const five = await setUp((socket) => socket.write(told(5)));
    await five.send().ended;
    clock(five, 2_000);
    expect(five.pool.size).toBe(1);
    clock(five, 1_000);
    await vi.waitFor(() => expect(five.pool.size).toBe(0));
    const two = await setUp((socket) => socket.write(told(2)));
    await two.send().ended;
    await vi.waitFor(() => expect(two.pool.size).toBe(0));
  });

  it("are given up by the other side without a call, unnoticed by calls", async () => {
    const { pool, sockets, send } = await setUp((socket) => socket.write(answer));
    await send().ended;
    sockets[0]?.end();
    await vi.waitFor(() => expect(pool.size).toBe(0));
    const next = send();
    await next.ended;
    expect(next.told.at(-1)).toBe("end");
  });

  it("end an answer of no length by ending, and no other answer", async () => {
    const open = await setUp((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nabc"));
    const whole = open.send();
    await whole.ended;
    expect(whole.told).toEqual(["200", "abc", "end"]);
    const cut = await setUp((socket) =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    );
    const broken = cut.send();
    await broken.ended;
    expect([broken.told, broken.error?.code]).toEqual([["200", "abc"], "CONNECTION_ENDED"]);
    const none = await setUp((socket) => socket.end());
    const unheard = none.send();
    await unheard.ended;
    expect([unheard.told, unheard.error?.code]).toEqual([[], "CONNECTION_ENDED"]);
  });

  it("break with a call that is given up, which hears nothing more", async () => {
    const { pool, send } = await setUp((socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    );
    const call = send();
    await vi.waitFor(() => expect(call.told).toEqual(["200", "abc"]));
    call.control?.abort();
    await vi.waitFor(() => expect(pool.size).toBe(0));
    expect([call.told, call.error]).toEqual([["200", "abc"], undefined]);
  });

  it("serve others when a call is not wanted any more once it has one", async () => {
    const seen = vi.fn();
    const { pool, sockets, send } = await setUp((socket) => {
      seen();
      socket.write(answer);
    });
    const unwanted = send();
    unwanted.isWanted = false;
    await vi.waitFor(() => expect(unwanted.control).toBeDefined());
    expect(seen).not.toHaveBeenCalled();
    await send().ended;
    expect([sockets.length, pool.size]).toEqual([1, 1]);
  });

  it("obey no call that is over", async () => {
    const replies: (() => void)[] = [];
    const { pool, sockets, send } = await setUp((socket) => {
      replies.push(() => socket.write(answer));
    });
    const reply = async (count: number) => {
      await vi.waitFor(() => expect(replies).toHaveLength(count));
      replies[count - 1]?.();
    };
    const first = send();
    await reply(1);
    await first.ended;
    first.control?.pause();
    const second = send();
    first.control?.pause();
    first.control?.abort();
    await reply(2);
    await second.ended;
    expect(second.told).toEqual(["200", "{}", "end"]);
    expect([sockets.length, pool.size]).toEqual([1, 1]);
  });

  it("give nothing to a call that pauses before it is sent, until it reads on", async () => {
    const { pool, send } = await setUp((socket) => socket.write(answer));
    const paused = send();
    paused.pausesFirst = true;
    await vi.waitFor(() => expect(paused.control).toBeDefined());
    // Answered after the first, so that its bytes had come as well.
    await send().ended;
    await send().ended;
    expect(paused.told).toEqual([]);
    paused.control?.resume();
    await paused.ended;
    expect(paused.told).toEqual(["200", "{}", "end"]);
    expect(pool.size).toBe(2);
  });

  it("tell of one that can't even be begun, and forget it", () => {
    const pool = new ConnectionPool({
      connect: () => {
        throw Object.assign(new Error("no start line"), { code: "ERR_OSSL_PEM_NO_START_LINE" });
      },
      clock: new ManualClock(),
      mostConnections: 1,
      keepAliveSeconds: 30,
    });
    for (let time = 0; time < 3; time += 1) {
      const call = new Call();
      pool.dispatch(text, call);
      expect(call.error?.code).toBe("ERR_OSSL_PEM_NO_START_LINE");
      expect([pool.size, pool.isFull]).toEqual([0, false]);
    }
  });

  it.each(["onConnected", "onHead", "onEnd", "onError"] as const)(
    "outlive a handler that throws in %s, which hears of it",
    async (slips) => {
      const { pool, send } = await setUp((socket) =>
        slips === "onError" ? socket.end() : socket.write(answer),
      );
      const call = send();
      call.slips = slips;
      await call.ended;
      expect(call.error).toBeInstanceOf(HandlerMistake);
      expect(call.error?.cause).toEqual(new Error("planted"));
      await vi.waitFor(() => expect(pool.size).toBe(slips === "onEnd" ? 1 : 0));
      if (slips === "onError") return;
      const next = send();
      await next.ended;
      expect(next.told).toEqual(["200", "{}", "end"]);
    },
  );

  it("are no more than allowed, and none when closed", async () => {
    const { pool, send } = await setUp(() => undefined, 2);
    const [first, second] = [send(), send()];
    expect(send().error?.code).toBe("CONNECTIONS_EXHAUSTED");
    pool.destroy();
    expect(send().error?.code).toBe("CONNECTIONS_CLOSED");
    await Promise.all([first.ended, second.ended]);
    expect([first.error?.code, second.error?.code]).toEqual([
      "CONNECTIONS_CLOSED",
      "CONNECTIONS_CLOSED",
    ]);
    await vi.waitFor(() => expect(pool.size).toBe(0));
  });

  it("end their calls before they close", async () => {
    let reply: (() => void) | undefined;
    const { pool, send } = await setUp((socket) => (reply = () => socket.write(answer)));
    const call = send();
    await vi.waitFor(() => expect(reply).toBeDefined());
    pool.close();
    reply?.();
    await call.ended;
    expect(call.told).toEqual(["200", "{}", "end"]);
    await vi.waitFor(() => expect(pool.size).toBe(0));
  });
});

function clock(of: { readonly clock: ManualClock }, ms: number): void {
  of.clock.advance(ms);
}
