import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageRole } from "@penstock/api";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { PenstockClient } from "./penstock-client.ts";
import { createPenstockClient } from "./penstock-client.ts";
import { makeCertificates } from "./test-certificates.ts";
import type { TestGateway } from "./test-gateway.ts";
import { startTestGateway } from "./test-gateway.ts";

const patience = { timeout: 20_000, interval: 20 };
let folder: string;
/** Two authorities, with a certificate of the gateway and one of a caller each. */
let before: string;
let after: string;
const closing: (() => void)[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-followed-"));
  before = makeCertificates(join(folder, "before"), ["gateway", "client"]);
  after = makeCertificates(join(folder, "after"), ["gateway", "client"]);
}, 60_000);
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function gatewayOf(certificates: string, at?: string): Promise<TestGateway> {
  const read = (name: string) => readFileSync(join(certificates, name));
  const gateway = await startTestGateway(
    {
      certificate: read("gateway.crt"),
      privateKey: read("gateway.key"),
      clientAuthority: read("ca.crt"),
    },
    at,
  );
  closing.push(() => gateway.close());
  return gateway;
}

/** Files of a caller, as of one of the authorities. */
function install(certificates: string, names: readonly string[]): void {
  for (const name of names) copyFileSync(join(certificates, name), join(folder, name));
}

const all = ["ca.crt", "client.crt", "client.key"];

function follow(address: string, problems: string[] = []): PenstockClient {
  const client = createPenstockClient({
    // Node asks for no IP address by TLS: a name stands in its certificate.
    address: address.replace("127.0.0.1", "localhost"),
    virtualKey: "psk_a",
    timeoutMs: 5_000,
    tls: {
      caFile: join(folder, "ca.crt"),
      certificateFile: join(folder, "client.crt"),
      privateKeyFile: join(folder, "client.key"),
      reloadIntervalMs: 20,
      onReloadProblem: ({ message }) => void problems.push(message),
    },
  });
  closing.push(() => client.close());
  return client;
}

async function ask(client: PenstockClient): Promise<string> {
  const part = { case: "text" as const, value: { text: "hi" } };
  const messages = [{ role: MessageRole.USER, parts: [{ part }] }];
  const { response } = await client.generate({ model: "echo", messages });
  return response.started?.deployment ?? "";
}

describe("certificates in files", () => {
  it("are followed: when authority and certificates change, the same client goes on", async () => {
    install(before, all);
    const first = await gatewayOf(before);
    const client = follow(first.address);
    expect(await ask(client)).toBe("deployments/a");
    first.close();
    await gatewayOf(after, first.address);
    await expect(ask(client)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    install(after, all);
    await vi.waitFor(async () => expect(await ask(client)).toBe("deployments/a"), patience);
  });

  it("stay as they were while the new ones can't be used, and somebody is told", async () => {
    install(before, all);
    const { address } = await gatewayOf(before);
    const problems: string[] = [];
    const client = follow(address, problems);
    expect(await ask(client)).toBe("deployments/a");
    // The certificate has come, its key not yet.
    install(after, ["client.crt"]);
    await vi.waitFor(() => expect(problems.length).toBeGreaterThan(0), patience);
    expect(await ask(client)).toBe("deployments/a");
    const told = problems.length;
    rmSync(join(folder, "ca.crt"));
    await vi.waitFor(() => expect(problems.slice(told).join()).toContain("ENOENT"), patience);
    expect(await ask(client)).toBe("deployments/a");
  });

  it("are refused at once when they can't be used from the beginning", () => {
    install(before, all);
    const open = (tls: object) => () =>
      createPenstockClient({ address: "127.0.0.1:1", virtualKey: "psk_a", tls });
    const caFile = join(folder, "ca.crt");
    expect(open({ caFile: join(folder, "none.crt") })).toThrow(/ENOENT/);
    expect(open({ caFile, rootCertificates: new Uint8Array(1) })).toThrow(/both/);
    const mixed = join(folder, "mixed.key");
    writeFileSync(mixed, readFileSync(join(after, "client.key")));
    const certificateFile = join(folder, "client.crt");
    expect(open({ caFile, certificateFile, privateKeyFile: mixed })).toThrow(TypeError);
  });
});
