import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DevelopmentCertificates } from "./development-certificates.ts";
import { writeDevelopmentCertificates } from "./development-certificates.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "certificates-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(changes: Partial<DevelopmentCertificates> = {}) {
  return writeDevelopmentCertificates({
    folder,
    names: ["router", "nats"],
    hosts: ["localhost", "127.0.0.1"],
    validDays: 90,
    authorityValidDays: 365,
    ...changes,
  });
}

const contents = () =>
  readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);

describe("writeDevelopmentCertificates", () => {
  it("writes an authority and what it signs, for their owner only", async () => {
    const now = new Date("2026-05-01T12:00:00Z");
    const written = await write({ now });
    expect(readdirSync(folder).toSorted()).toEqual([
      "ca.crt",
      "ca.key",
      "nats.crt",
      "nats.key",
      "router.crt",
      "router.key",
    ]);
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    const [authority, router, nats] = written.map(({ facts }) => facts);
    expect(authority).toMatchObject({ isAuthority: true, notAfter: new Date("2027-05-01T12:00Z") });
    expect(router?.notAfter).toEqual(new Date("2026-07-30T12:00:00Z"));
    const hosts = ["DNS:localhost", "IP Address:127.0.0.1"];
    expect(router?.names).toEqual(["DNS:router", ...hosts, "URI:spiffe://penstock/router"]);
    expect(nats?.names).toEqual(["DNS:nats", ...hosts]);
  });

  it("writes nothing when anything is there, unless forced", async () => {
    await write({ names: ["router"] });
    const before = contents();
    const error = await write().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "ALREADY_EXISTS" });
    expect(String(error)).toContain(join(folder, "router.key"));
    expect(contents()).toEqual(before);
    await write({ force: true });
    expect(contents()).not.toEqual(before);
  });

  it("signs with the authority that is there when told to keep it", async () => {
    const [authority] = await write({ names: ["router"] });
    const more = await write({ names: ["policy"], keepAuthority: true });
    expect(more.map(({ name }) => name)).toEqual(["policy"]);
    expect(more[0]?.facts.issuer).toBe(authority?.facts.subject);
    rmSync(join(folder, "ca.key"));
    const error = await write({ names: ["quota"], keepAuthority: true }).catch(String);
    expect(error).toContain("ca.key can't be read");
  });

  it.each(["ca", "../x", "Router", ""])("refuses the name %j", async (name) => {
    await expect(write({ names: [name] })).rejects.toMatchObject({ reason: "FIELD_INVALID" });
    expect(readdirSync(folder)).toEqual([]);
  });
});
