import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { createAuthority, readAuthority } from "./authority.ts";
import { describeCertificates } from "./describe-certificates.ts";

const dayMs = 86_400_000;
const now = Date.now();
const days = (count: number) => ({
  notBefore: new Date(now - dayMs),
  notAfter: new Date(now + count * dayMs),
});
const names = {
  commonName: "router",
  hosts: ["router", "localhost", "127.0.0.1", "::1"],
  uris: ["spiffe://penstock/router"],
};

describe("an authority", () => {
  it("signs what OpenSSL takes, for the names asked", async () => {
    const authority = await createAuthority("Test CA", days(10));
    const issued = await authority.issue(names, days(5));
    const root = new X509Certificate(authority.certificatePem);
    const certificate = new X509Certificate(issued.certificatePem);
    expect(root.ca).toBe(true);
    expect(root.checkIssued(root)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(root)).toBe(true);
    expect(certificate.verify(root.publicKey)).toBe(true);
    expect(certificate.checkHost("router")).toBe("router");
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.subjectAltName).toContain("URI:spiffe://penstock/router");
    const { certificatePem: cert, keyPem: key } = issued;
    expect(() => createSecureContext({ cert, key })).not.toThrow();
    expect(() => createSecureContext({ cert, key: authority.keyPem })).toThrow("mismatch");
  });

  it("lets nothing outlive it", async () => {
    const authority = await createAuthority("Test CA", days(10));
    const issued = await authority.issue(names, days(50));
    const [facts] = describeCertificates(issued.certificatePem);
    const [root] = describeCertificates(authority.certificatePem);
    expect(facts?.notAfter).toEqual(root?.notAfter);
  });

  it("is read back, and not with another one's key", async () => {
    const [one, other] = await Promise.all([
      createAuthority("One", days(10)),
      createAuthority("Other", days(10)),
    ]);
    const again = await readAuthority(one);
    const issued = new X509Certificate((await again.issue(names, days(1))).certificatePem);
    expect(issued.verify(new X509Certificate(one.certificatePem).publicKey)).toBe(true);
    const mixed = { certificatePem: one.certificatePem, keyPem: other.keyPem };
    await expect(readAuthority(mixed)).rejects.toMatchObject({ reason: "FIELD_INVALID" });
  });
});

describe("describeCertificates", () => {
  it("tells of every certificate of a file", async () => {
    const authority = await createAuthority("Test CA", days(10));
    const issued = await authority.issue(names, days(5));
    const facts = describeCertificates(issued.certificatePem + authority.certificatePem);
    expect(facts).toMatchObject([
      {
        subject: "CN=router",
        issuer: "CN=Test CA",
        isAuthority: false,
        names: [
          "DNS:router",
          "DNS:localhost",
          "IP Address:127.0.0.1",
          "IP Address:0:0:0:0:0:0:0:1",
          "URI:spiffe://penstock/router",
        ],
      },
      { subject: "CN=Test CA", names: [], isAuthority: true },
    ]);
  });

  it("says what is not there", () => {
    expect(() => describeCertificates("nothing")).toThrow("no certificate");
    const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    expect(() => describeCertificates(broken)).toThrow("number 1");
  });
});
