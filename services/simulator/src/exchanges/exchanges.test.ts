import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSimulator } from "../service.ts";
import type { Simulator } from "../service.ts";
import type { ExchangeOptions } from "./exchanges.ts";

const secret = "sk-live-abcdefghijklmnop";

/** A vendor with answers that tell more than they should. */
interface Vendor {
  readonly url: string;
  readonly seen: IncomingHttpHeaders[];
  readonly paths: string[];
  readonly server: Server;
}

let folder: string;
let vendor: Vendor;
const simulators: Simulator[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "penstock-exchanges-"));
  vendor = await startVendor();
});
afterEach(async () => {
  await Promise.all(simulators.splice(0).map((simulator) => simulator.close()));
  vendor.server.closeAllConnections();
  vendor.server.close();
  rmSync(folder, { recursive: true });
});

async function startVendor(): Promise<Vendor> {
  const seen: IncomingHttpHeaders[] = [];
  const paths: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    paths.push(request.url ?? "");
    request.resume();
    request.on("end", () => {
      if (request.url?.startsWith("/base/v1/broken") === true) {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => response.destroy());
        return;
      }
      if (request.url === "/base/v1/binary") {
        response.end(Buffer.from([0xff, 0x00, 0xfe]));
        return;
      }
      const status = seen.length === 1 ? 429 : 200;
      response.writeHead(status, {
        "content-type": "application/json",
        "retry-after": "7",
        "set-cookie": "session=1",
        "openai-organization": "org-secret",
      });
      const mine = request.headers.authorization ?? "";
      response.end(JSON.stringify({ turn: seen.length, mine, other: "AKIAABCDEFGHIJKLMNOP" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/base`, seen, paths, server };
}

async function start(mode: ExchangeOptions["mode"]): Promise<Simulator> {
  const simulator = await createSimulator({
    port: 0,
    bindAddress: "127.0.0.1",
    exchanges: { mode, folder, upstreams: { real: vendor.url } },
  });
  simulators.push(simulator);
  return simulator;
}

function ask(simulator: Simulator, path: string, body: unknown = { b: 1, model: "m" }) {
  return fetch(`${simulator.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
}

function files(): string[] {
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
}

describe("recording", () => {
  it("asks the real vendor as the caller would, and keeps no secret", async () => {
    const simulator = await start("record");
    const response = await ask(simulator, "/real/v1/things?key=query-secret-1");
    expect(response.status).toBe(429);
    expect(response.headers.get("openai-organization")).toBe("org-secret");
    expect(await response.json()).toMatchObject({ turn: 1, mine: `Bearer ${secret}` });
    expect(vendor.paths).toEqual(["/base/v1/things?key=query-secret-1"]);
    expect(vendor.seen[0]?.authorization).toBe(`Bearer ${secret}`);
    const [file = ""] = files();
    expect(JSON.parse(file)).toMatchObject({
      vendor: "real",
      method: "POST",
      path: "/v1/things",
      model: "m",
      answers: [{ status: 429, headers: { "retry-after": "7" } }],
    });
    for (const word of [secret, "query-secret", "session=1", "org-secret", "AKIA", '"b"']) {
      expect(file).not.toContain(word);
    }
  });

  it("breaks off with the vendor and keeps nothing then", async () => {
    const simulator = await start("record");
    await expect((await ask(simulator, "/real/v1/broken")).text()).rejects.toThrow("terminated");
    expect(files()).toEqual([]);
  });

  it("simulates vendors that it was given no address of", async () => {
    const simulator = await start("record");
    const body = { model: "alpha-small+delay-0", messages: [{ role: "user", content: "hi" }] };
    const response = await ask(simulator, "/alpha/v1/chat/completions", body);
    expect(await response.json()).toMatchObject({ model: "alpha-small" });
    expect(vendor.seen).toEqual([]);
  });
});

describe("replaying", () => {
  it("gives the answers in turn, whatever the order of a body's members", async () => {
    const recording = await start("record");
    await (await ask(recording, "/real/v1/things")).text();
    await (await ask(recording, "/real/v1/things", { model: "m", b: 1 })).text();
    const replaying = await start("strict");
    const seen: unknown[] = [];
    for (const body of [
      { b: 1, model: "m" },
      { model: "m", b: 1 },
      { b: 1, model: "m" },
    ]) {
      const response = await ask(replaying, "/real/v1/things", body);
      const { turn } = (await response.json()) as { turn: number };
      seen.push([response.status, turn, response.headers.get("retry-after")]);
    }
    expect(seen).toEqual([
      [429, 1, "7"],
      [200, 2, "7"],
      [200, 2, "7"],
    ]);
    expect(vendor.seen).toHaveLength(2);
  });

  it("gives bytes back as they were", async () => {
    await (await ask(await start("record"), "/real/v1/binary")).arrayBuffer();
    const again = await ask(await start("strict"), "/real/v1/binary");
    expect(new Uint8Array(await again.arrayBuffer())).toEqual(Uint8Array.of(0xff, 0x00, 0xfe));
  });

  it("simulates what was not recorded, and strictly refuses it", async () => {
    const body = { model: "alpha-small+delay-0", messages: [{ role: "user", content: "hi" }] };
    const lenient = await ask(await start("replay"), "/alpha/v1/chat/completions", body);
    expect(lenient.status).toBe(200);
    const strict = await start("strict");
    const refused = await ask(strict, "/alpha/v1/chat/completions", body);
    expect(refused.status).toBe(501);
    expect(await refused.text()).toContain("nothing was recorded");
    await (await ask(strict, "/alpha/v1/chat/completions", body)).text();
    const unknown = await (await fetch(`${strict.url}/unknown`)).json();
    expect(unknown).toMatchObject({
      count: 2,
      requests: [{ vendor: "alpha", path: "/v1/chat/completions", count: 2 }],
    });
    await fetch(`${strict.url}/unknown`, { method: "DELETE" });
    expect(await (await fetch(`${strict.url}/unknown`)).json()).toEqual({ count: 0, requests: [] });
  });

  it.each(["{", "{}", '{"vendor":"a","method":"POST","path":"/","bodySha256":"","answers":[]}'])(
    "refuses a folder with %j in it",
    async (text) => {
      writeFileSync(join(folder, "x.json"), text);
      await expect(start("strict")).rejects.toThrow("x.json is no recorded exchange");
    },
  );
});
