import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { createSecureContext } from "node:tls";
import { GatewayError } from "@penstock/errors";

/** Paths of PEM files. A certificate comes with its key, and with the chain below it. */
export interface TlsFiles {
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Authorities by which the other side is judged. */
  readonly caFile?: string | undefined;
}

/** What the files held when they were last in order. */
export interface TlsMaterial {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly authorities: string | undefined;
  /** Of the certificate; undefined without one. */
  readonly validity: { readonly notBefore: Date; readonly notAfter: Date } | undefined;
}

/** The texts of the files, in the order of `TlsFiles`. */
type Texts = readonly [string | undefined, string | undefined, string | undefined];

/** Versions below have known weaknesses (security.md R5). */
export const minTlsVersion = "TLSv1.2";

const pemBlock = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads and checks the files. Throws FIELD_INVALID that names the file and what is wrong in it. */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const read = (path: string | undefined) =>
    path === undefined ? undefined : attempt(path, () => readFileSync(path, "utf8"));
  return checked(files, [read(files.certificateFile), read(files.keyFile), read(files.caFile)]);
}

/** The same without holding up the thread. Rejects with FIELD_INVALID. */
export async function readTlsFilesLater(files: TlsFiles): Promise<TlsMaterial> {
  const read = async (path: string | undefined) =>
    path === undefined
      ? undefined
      : readFile(path, "utf8").catch((cause: unknown) => refuse(path, reasonOf(cause), cause));
  return checked(
    files,
    await Promise.all([read(files.certificateFile), read(files.keyFile), read(files.caFile)]),
  );
}

/** The material as the options of `node:tls`. */
export function secureContextOptions(material: TlsMaterial): SecureContextOptions {
  const { certificate, key, authorities } = material;
  return {
    minVersion: minTlsVersion,
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(authorities === undefined ? {} : { ca: authorities }),
  };
}

/** Whether two readings found the same. */
export function sameMaterial(left: TlsMaterial, right: TlsMaterial): boolean {
  return (
    left.certificate === right.certificate &&
    left.key === right.key &&
    left.authorities === right.authorities
  );
}

function checked(files: TlsFiles, [certificate, key, authorities]: Texts): TlsMaterial {
  if (authorities !== undefined) certificatesOf(files.caFile ?? "", authorities);
  const validity = checkOwn(files, certificate, key);
  const material = { certificate, key, authorities, validity };
  attempt(files.certificateFile ?? files.caFile ?? "", () =>
    createSecureContext(secureContextOptions(material)),
  );
  return material;
}

function checkOwn(
  files: TlsFiles,
  certificateText: string | undefined,
  keyText: string | undefined,
): TlsMaterial["validity"] {
  const { certificateFile, keyFile } = files;
  if (certificateFile === undefined || certificateText === undefined) {
    if (keyFile !== undefined) refuse(keyFile, "there is a key without a certificate");
    return undefined;
  }
  if (keyFile === undefined || keyText === undefined) {
    return refuse(certificateFile, "there is a certificate without its key");
  }
  const [own] = certificatesOf(certificateFile, certificateText);
  if (own === undefined) return undefined;
  const key = attempt(keyFile, () => createPrivateKey(keyText));
  if (!own.checkPrivateKey(key)) {
    refuse(keyFile, `it is not the key of the certificate in ${certificateFile}`);
  }
  const validity = { notBefore: own.validFromDate, notAfter: own.validToDate };
  const now = Date.now();
  if (validity.notAfter.getTime() <= now) {
    refuse(certificateFile, `the certificate expired at ${validity.notAfter.toISOString()}`);
  }
  if (validity.notBefore.getTime() > now) {
    const from = validity.notBefore.toISOString();
    refuse(certificateFile, `the certificate is good from ${from} on only; is the clock right`);
  }
  return validity;
}

function certificatesOf(path: string, text: string): X509Certificate[] {
  const blocks = text.match(pemBlock) ?? [];
  if (blocks.length === 0) refuse(path, "there is no certificate in PEM form in it");
  return blocks.map((block) => attempt(path, () => new X509Certificate(block)));
}

function attempt<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    return refuse(path, reasonOf(cause), cause);
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function refuse(path: string, reason: string, cause?: unknown): never {
  throw new GatewayError("FIELD_INVALID", `TLS file ${path}: ${reason}.`, {
    source: "gateway",
    fieldViolations: [{ field: path, description: reason }],
    cause,
  });
}
