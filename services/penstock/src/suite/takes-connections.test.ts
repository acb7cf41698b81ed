import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { takesConnections } from "./takes-connections.ts";

const host = "127.0.0.1";

async function ask(serve: (socket: Socket) => void): Promise<boolean> {
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const answer = await takesConnections(host, port);
  server.close();
  return answer;
}

describe("a server takes connections", () => {
  it("when it speaks", async () => {
    expect(await ask((socket) => void socket.end("INFO {}\r\n"))).toBe(true);
  });

  it.each<[string, (socket: Socket) => void]>([
    ["closes without a word", (socket) => void socket.end()],
    ["resets the connection", (socket) => void socket.resetAndDestroy()],
    ["says nothing", (socket) => void socket.on("error", () => undefined)],
  ])("not when it %s", async (_how, serve) => expect(await ask(serve)).toBe(false));

  it("not where there is none", async () => expect(await takesConnections(host, 1)).toBe(false));
});
