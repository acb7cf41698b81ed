import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayError } from "@penstock/errors";
import type { Authority } from "./authority.ts";
import { createAuthority, readAuthority } from "./authority.ts";
import { hostProblem } from "./check-host.ts";
import type { CertificateFacts } from "./describe-certificates.ts";
import { describeCertificates } from "./describe-certificates.ts";

/** What to make. */
export interface DevelopmentCertificates {
  /** Made when it is not there, for its owner only. */
  readonly folder: string;
  /** One certificate each: roles of Penstock, and servers such as `nats`. */
  readonly names: readonly string[];
  /** Names and addresses that every certificate is good for, beside its own name. */
  readonly hosts: readonly string[];
  readonly validDays: number;
  readonly authorityValidDays: number;
  /** Replace what is there; otherwise nothing is written when anything is. */
  readonly force?: boolean | undefined;
  /** Sign with the authority that is in the folder, so that what trusts it goes on doing so. */
  readonly keepAuthority?: boolean | undefined;
  /** The present; certificates are good from an hour before, as clocks differ. */
  readonly now?: Date | undefined;
}

/** One certificate that was written. */
export interface WrittenCertificate {
  readonly name: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly facts: CertificateFacts;
}

/** Roles of Penstock: their certificates say who they are when they call one another. */
export const serviceRoles: readonly string[] = ["router", "policy", "quota", "telemetry"];

const authorityName = "ca";
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Makes a certificate authority and certificates of it: `ca.crt`, `ca.key`, `<name>.crt`,
 * `<name>.key`, readable by their owner only. Throws ALREADY_EXISTS when files are there
 * already, FIELD_INVALID for names and hosts that are none or an authority that can't be used.
 */
export async function writeDevelopmentCertificates(
  wanted: DevelopmentCertificates,
): Promise<WrittenCertificate[]> {
  assertNames(wanted.names);
  assertHosts(wanted.hosts);
  const authorityFiles = filesOf(wanted.folder, authorityName);
  if (wanted.force !== true) assertFree(wanted);
  mkdirSync(wanted.folder, { recursive: true, mode: 0o700 });
  const kept = wanted.keepAuthority === true;
  const authority = kept
    ? await readAuthority({
        certificatePem: read(authorityFiles.certificateFile),
        keyPem: read(authorityFiles.keyFile),
      })
    : await createAuthority("Penstock development CA", validity(wanted, wanted.authorityValidDays));
  const issued = await Promise.all(wanted.names.map((name) => issue(authority, name, wanted)));
  return [
    ...(kept ? [] : [{ name: authorityName, pem: authority }]),
    ...wanted.names.map((name, index) => ({ name, pem: issued[index] ?? authority })),
  ].map(({ name, pem }) => {
    const files = filesOf(wanted.folder, name);
    replaceFile(files.keyFile, pem.keyPem);
    replaceFile(files.certificateFile, pem.certificatePem);
    const [facts] = describeCertificates(pem.certificatePem);
    if (facts === undefined) throw new TypeError("an issued certificate is empty");
    return { name, ...files, facts };
  });
}

function issue(authority: Authority, name: string, wanted: DevelopmentCertificates) {
  return authority.issue(
    {
      commonName: name,
      hosts: [...new Set([name, ...wanted.hosts])],
      uris: serviceRoles.includes(name) ? [`spiffe://penstock/${name}`] : [],
    },
    validity(wanted, wanted.validDays),
  );
}

function validity({ now = new Date() }: DevelopmentCertificates, days: number) {
  return {
    notBefore: new Date(now.getTime() - hourMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  };
}

function assertNames(names: readonly string[]): void {
  const wrong = names.filter(
    (name) => !/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name) || name === authorityName,
  );
  if (wrong.length === 0) return;
  const message = `These can't name a certificate: ${wrong.map((name) => JSON.stringify(name)).join(", ")}. Use lower case words.`;
  throw new GatewayError("FIELD_INVALID", message);
}

function assertHosts(hosts: readonly string[]): void {
  const fieldViolations = hosts.flatMap((host, index) => {
    const problem = hostProblem(host);
    if (problem === undefined) return [];
    return [{ field: `hosts[${index}]`, description: `${JSON.stringify(host)} ${problem}` }];
  });
  if (fieldViolations.length === 0) return;
  const all = fieldViolations.map(({ description }) => description).join("; ");
  const message = `A certificate can't be good for these hosts: ${all}.`;
  throw new GatewayError("FIELD_INVALID", message, { fieldViolations });
}

function assertFree({ folder, names, keepAuthority }: DevelopmentCertificates): void {
  const all = keepAuthority === true ? names : [authorityName, ...names];
  const existing = all
    .flatMap((name) => Object.values(filesOf(folder, name)))
    .filter((file) => existsSync(file));
  if (existing.length === 0) return;
  throw new GatewayError(
    "ALREADY_EXISTS",
    `Nothing was written, as these are there already: ${existing.join(", ")}.`,
  );
}

function filesOf(folder: string, name: string) {
  return {
    certificateFile: join(folder, `${name}.crt`),
    keyFile: join(folder, `${name}.key`),
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new GatewayError("FIELD_INVALID", `The authority's ${file} can't be read.`, { cause });
  }
}

/** In one step, so that nobody reads half a file. */
function replaceFile(path: string, text: string): void {
  const next = `${path}.next`;
  writeFileSync(next, text, { mode: 0o600 });
  renameSync(next, path);
}
