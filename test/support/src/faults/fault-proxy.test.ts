import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startFaultProxy } from "./fault-proxy.ts";
import type { FaultProxy, ProxyFaults } from "./fault-proxy.ts";

/** A server that sends back what it gets, and closes when the other side does. */
let echo: Server;
let proxy: FaultProxy;

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  proxy = await startFaultProxy({ target: `127.0.0.1:${(echo.address() as AddressInfo).port}` });
});
afterEach(async () => {
  await proxy.close();
  echo.close();
});

interface Talk {
  readonly text: string;
  readonly chunks: number;
  /** `end`, or the code of the error. */
  readonly end: string;
  readonly elapsedMs: number;
}

/** Sends, half-closes and reads until the connection is over. */
function talk(text: string, faults: ProxyFaults, onSocket?: (socket: Socket) => void) {
  proxy.set(faults);
  return new Promise<Talk>((resolve) => {
    const startMs = performance.now();
    const socket = connect({ port: proxy.port, host: proxy.host });
    socket.setNoDelay(true);
    onSocket?.(socket);
    let got = "";
    let chunks = 0;
    let end = "close";
    socket.on("data", (bytes) => {
      got += bytes.toString("latin1");
      chunks += 1;
    });
    socket.on("end", () => {
      end = "end";
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end = error.code ?? "error";
    });
    socket.on("close", () => {
      resolve({ text: got, chunks, end, elapsedMs: performance.now() - startMs });
    });
    socket.end(text);
  });
}

describe("startFaultProxy", () => {
  it("passes everything and counts it", async () => {
    const long = "abc".repeat(100_000);
    expect(await talk(long, {})).toMatchObject({ text: long, end: "end" });
    expect(proxy.bytes()).toEqual({ toTarget: 300_000, toClient: 300_000 });
    await expect.poll(() => proxy.connections()).toEqual({ taken: 1, open: 0 });
  });

  it("delays", async () => {
    const { text, elapsedMs } = await talk("hello", { toClient: { latencyMs: 80 } });
    expect(text).toBe("hello");
    expect(elapsedMs).toBeGreaterThan(75);
  });

  it("keeps to a rate", async () => {
    const { text, elapsedMs } = await talk("x".repeat(200), {
      toTarget: { bytesPerSecond: 1_000 },
    });
    expect(text).toHaveLength(200);
    expect(elapsedMs).toBeGreaterThan(180);
  });

  it("sends every byte on its own", async () => {
    const { text, chunks } = await talk("hello", { toClient: { splitEveryByte: true } });
    expect(text).toBe("hello");
    expect(chunks).toBeGreaterThan(1);
  });

  it("turns the bits of one byte", async () => {
    const { text } = await talk("hello", { toTarget: { corruptByte: 1 } });
    expect(text).toBe("h\u009allo");
  });

  it.each([
    ["reset", "ECONNRESET"],
    ["close", "end"],
    ["half_close", "end"],
  ] as const)("cuts after so many bytes by %s", async (cutBy, end) => {
    const outcome = await talk("hello", { toClient: { cutAfterBytes: 3, cutBy } });
    expect(outcome.end).toBe(end);
    // A reset may overtake what was sent before it.
    if (cutBy !== "reset") expect(outcome.text).toBe("hel");
    expect(proxy.bytes().toClient).toBe(3);
  });

  it("falls silent without telling anyone, until it is reset", async () => {
    const outcome = talk("hello", { toClient: { cutAfterBytes: 3, cutBy: "silence" } });
    await expect.poll(() => proxy.bytes().toClient).toBe(3);
    expect(proxy.connections().open).toBe(1);
    proxy.resetAll();
    expect(await outcome).toMatchObject({ text: "hel", end: "ECONNRESET" });
  });

  it("swallows everything", async () => {
    const outcome = talk("hello", { toTarget: { cutAfterBytes: 0, cutBy: "silence" } });
    await expect.poll(() => proxy.connections().taken).toBe(1);
    proxy.resetAll();
    expect(await outcome).toMatchObject({ text: "" });
    expect(proxy.bytes().toTarget).toBe(0);
  });

  it("resets new connections, or lets them hang", async () => {
    expect((await talk("hello", { connections: "reset" })).end).toBe("ECONNRESET");
    const hanging = talk("hello", { connections: "hang" });
    await expect.poll(() => proxy.connections().taken).toBe(2);
    proxy.resetAll();
    expect((await hanging).text).toBe("");
    expect(proxy.bytes().toTarget).toBe(0);
  });

  it("resets what is idle for so long, and nothing that speaks in time", async () => {
    const late = { latencyMs: 100 };
    const cutIdleAfterMs = 400;
    proxy.set({ cutIdleAfterMs, toTarget: late, toClient: late });
    const socket = connect({ port: proxy.port, host: proxy.host });
    const closed = new Promise((resolve) => {
      socket.on("close", resolve);
    });
    const error = new Promise((resolve) => {
      socket.on("error", resolve);
    });
    const startMs = performance.now();
    for (let said = 0; said < 4; said += 1) {
      socket.write("x");
      await once(socket, "data");
    }
    // Four times there and back take 800 ms, twice what the proxy bears; each of the eight
    // timers may be a millisecond early.
    expect(performance.now() - startMs).toBeGreaterThan(1.5 * cutIdleAfterMs);
    expect(socket.destroyed).toBe(false);
    expect(await error).toMatchObject({ code: "ECONNRESET" });
    await closed;
  });

  it("passes on that the server is gone", async () => {
    await new Promise((resolve) => echo.close(resolve));
    expect((await talk("hello", {})).end).toBe("ECONNRESET");
  });
});
