import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Authority, IssuedCertificate } from "@penstock/certificates";
import { createAuthority } from "@penstock/certificates";

/** What may differ from a good certificate of the router. */
export interface CertificateWish {
  readonly authority?: Authority;
  readonly commonName?: string;
  readonly uris?: readonly string[];
  readonly hosts?: readonly string[];
  /** Days from now; before it when negative. */
  readonly endDays?: number;
}

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const dayMs = 86_400_000;

/** Certificates in a folder of their own, for tests. */
export class TestCertificates {
  readonly folder = mkdtempSync(join(tmpdir(), "tls-"));
  readonly authority: Authority;
  readonly caFile: string;

  private constructor(authority: Authority) {
    this.authority = authority;
    this.caFile = this.write("ca.crt", authority.certificatePem);
  }

  static async create(): Promise<TestCertificates> {
    return new TestCertificates(await newAuthority("Test CA"));
  }

  issue(wish: CertificateWish = {}): Promise<IssuedCertificate> {
    const { authority = this.authority, commonName = "router", endDays = 5 } = wish;
    const { hosts = ["localhost", "127.0.0.1"], uris = [`spiffe://penstock/${commonName}`] } = wish;
    const now = Date.now();
    const validity = {
      notBefore: new Date(now - 10 * dayMs),
      notAfter: new Date(now + endDays * dayMs),
    };
    return authority.issue({ commonName, hosts, uris }, validity);
  }

  /** Issues and writes a certificate; replaces what was there under the name. */
  async files(name: string, wish: CertificateWish = {}): Promise<CertificateFiles> {
    const { certificatePem, keyPem } = await this.issue(wish);
    return {
      certificateFile: this.write(`${name}.crt`, certificatePem),
      keyFile: this.write(`${name}.key`, keyPem),
    };
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(`${path}.next`, text);
    renameSync(`${path}.next`, path);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A certificate authority that nobody knows yet. */
export function newAuthority(name: string): Promise<Authority> {
  const now = Date.now();
  const validity = {
    notBefore: new Date(now - 20 * dayMs),
    notAfter: new Date(now + 20 * dayMs),
  };
  return createAuthority(name, validity);
}
