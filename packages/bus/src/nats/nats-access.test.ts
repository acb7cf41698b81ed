import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readNatsAccess } from "./nats-access.ts";

function fileWith(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), "penstock-credentials-")), "credentials");
  writeFileSync(path, text);
  return path;
}

const token = (claims: object): string =>
  `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;

describe("access to NATS", () => {
  it("takes servers, user and password out of the URL", () => {
    const access = readNatsAccess({ url: "nats://router:p%40ss@a:4222, nats://b:4223/" });
    expect(access).toMatchObject({ servers: ["a:4222", "b:4223"], shown: "a:4222, b:4223" });
    expect(access.tls).toBeUndefined();
    const { authenticator, inboxPrefix } = access.identify();
    expect(inboxPrefix).toBe("_INBOX.router");
    expect([authenticator].flat()[0]?.("")).toEqual({ user: "router", pass: "p@ss" });
  });

  it("uses TLS when a scheme or an authority asks for it", () => {
    expect(readNatsAccess({ url: "tls://a:4222" }).tls).toBeDefined();
    expect(readNatsAccess({ url: "nats://a", caFile: "/ca.pem" }).tls).toMatchObject({
      caFile: "/ca.pem",
    });
  });

  it("reads a credentials file anew for every connection; it wins over the URL", () => {
    const path = fileWith("quota:first\n");
    const access = readNatsAccess({ url: "nats://router:x@a:4222", credentialsFile: path });
    const passOf = () => [access.identify().authenticator].flat()[0]?.("");
    expect(passOf()).toEqual({ user: "quota", pass: "first" });
    writeFileSync(path, "quota:se:cond");
    expect(passOf()).toEqual({ user: "quota", pass: "se:cond" });
    expect(access.identify().inboxPrefix).toBe("_INBOX.quota");
  });

  it("takes the inbox of a .creds file from the name in its token", () => {
    const text = `-----BEGIN NATS USER JWT-----\n${token({ name: "policy" })}\n------END NATS USER JWT------\n`;
    const access = readNatsAccess({ url: "nats://a", credentialsFile: fileWith(text) });
    expect(access.identify().inboxPrefix).toBe("_INBOX.policy");
  });

  it("names a file that is missing or not understood, not its content", () => {
    for (const path of ["/nonexistent", fileWith("canary"), fileWith("a b:c"), fileWith("")]) {
      const access = readNatsAccess({ url: "nats://a", credentialsFile: path });
      const identify = () => access.identify();
      expect(identify).toThrow(`PENSTOCK_BUS_CREDENTIALS: ${path}`);
      expect(identify).not.toThrow("canary");
    }
  });

  it.each([
    "redis://a",
    "nats://",
    "nats://user:canary@",
    "nats://a/path",
    "nats://a,",
    "a:4222",
    "tls://a:99999",
    "tls://a:99999",
  ])("refuses %s without showing what may be a secret", (url) => {
    const read = () => readNatsAccess({ url });
    expect(read).toThrow("PENSTOCK_BUS_URL must be nats://host:port");
    expect(read).not.toThrow("canary");
  });
});
