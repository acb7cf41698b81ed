import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "./program.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "certificates-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function run(...parameters: string[]) {
  let out = "";
  let talk = "";
  const code = await runProgram(["certificates", ...parameters], {
    out: (text) => void (out += text),
    talk: (text) => void (talk += text),
    readInput: () => "",
    environment: {},
  });
  return { code, out, talk };
}

describe("penstock certificates", () => {
  it("makes an authority and a certificate per role", async () => {
    const dir = join(folder, "certs");
    const { code, out } = await run("init", "--dir", dir, "--days", "7", "-o", "json");
    expect(code).toBe(0);
    const written = JSON.parse(out) as { file: string; notAfter: string; names: string[] }[];
    expect(written.map(({ file }) => file)).toEqual(
      ["ca", "router", "policy", "quota", "telemetry"].map((name) => join(dir, `${name}.crt`)),
    );
    expect(written[1]?.names).toContain("URI:spiffe://penstock/router");
    const days = (Date.parse(written[1]?.notAfter ?? "") - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    expect(statSync(join(dir, "router.key")).mode & 0o777).toBe(0o600);
  });

  it("replaces nothing unless told to, and adds to what is there", async () => {
    await run("init", "--dir", folder);
    const again = await run("init", "--dir", folder);
    expect(again).toMatchObject({ code: 1, out: "" });
    expect(again.talk).toContain("[ALREADY_EXISTS]");
    const more = ["init", "--dir", folder, "--names", "nats", "--keep-authority"];
    expect((await run(...more, "--hosts", "nats.internal,10.0.0.7")).code).toBe(0);
    expect(existsSync(join(folder, "nats.key"))).toBe(true);
    const { out } = await run("show", join(folder, "nats.crt"));
    expect(out).toContain("DNS:nats, DNS:nats.internal, IP Address:10.0.0.7");
    expect(out).toContain("CN=Penstock development CA");
  });

  it("shows what is wrong with a file or a flag", async () => {
    expect((await run("show", join(folder, "none.crt"))).talk).toContain("ENOENT");
    expect((await run("show", import.meta.filename)).talk).toContain("no certificate");
    expect((await run("init", "--dir", folder, "--days", "x")).code).toBe(2);
    expect((await run("init")).code).toBe(2);
    const hosts = await run("init", "--dir", join(folder, "c"), "--hosts", "a, b:1,,*.c");
    expect(hosts.talk).toContain('these hosts: "b:1" has a port; leave it out; "" is empty. [');
    expect([hosts.code, existsSync(join(folder, "c"))]).toEqual([2, false]);
  });
});
