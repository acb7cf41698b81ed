import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import process from "node:process";
import { createClient } from "@connectrpc/connect";
import { TeamService } from "@penstock/api";
import { silentObservability } from "@penstock/observability";
import { afterEach, expect, it } from "vitest";
import { createNetworkTransport } from "./connect-client.ts";

const server = createServer((_, response) => response.writeHead(400).end());
const unheard: unknown[] = [];
const note = (thrown: unknown): void => void unheard.push(thrown);

afterEach(() => {
  process.off("uncaughtException", note);
  server.close();
});

it("ends a call to what speaks no HTTP/2 with an error of the call alone", async () => {
  process.on("uncaughtException", note);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const { tracer } = silentObservability();
  const { port } = server.address() as AddressInfo;
  const { transport, close } = createNetworkTransport({ url: `http://127.0.0.1:${port}`, tracer });
  const called = createClient(TeamService, transport).getTeam({ name: "teams/a" });
  await expect(called).rejects.toMatchObject({ reason: "INTERNAL" });
  close();
  const ended = await socket;
  if (!ended.destroyed) await new Promise((resolve) => ended.once("close", resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(unheard).toEqual([]);
});
