import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { readBusVersion } from "../read-bus-version.ts";
import { checkVersion } from "./nats-session.ts";

describe("the version of a NATS server", () => {
  it.each(["2.9.0", "2.9.10", "2.10.0", "2.12.3-RC.1", "3.0.0", "2.9"])("takes %s", (version) => {
    expect(() => checkVersion(version)).not.toThrow();
  });

  it.each(["2.8.9", "1.4.1", "0.9.0", "", "2.8.4-beta"])("refuses %j", (version) => {
    expect(() => checkVersion(version)).toThrow("NATS 2.9.0 or newer is needed");
  });
});

describe("an attempt to connect that fails", () => {
  it("leaves no connection to a server that accepts and says nothing", async () => {
    const silent = createServer();
    const accepted = once(silent, "connection") as Promise<[Socket]>;
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const attempt = readBusVersion({ url: `nats://127.0.0.1:${port}`, name: "test" });
    const [socket] = await accepted;
    const closed = once(socket.resume(), "close");
    await expect(attempt).rejects.toThrow("no NATS server answers");
    await closed;
    silent.close();
  });
});
