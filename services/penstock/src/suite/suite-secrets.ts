import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey } from "@penstock/runtime";

/** What the parts of a suite know each other by. */
export interface SuiteSecrets {
  readonly serviceToken: string;
  readonly adminToken: string;
  /** Of the servers that the suite starts itself. */
  readonly busPassword: string;
  readonly databasePassword: string;
}

/**
 * Reads the secrets of an earlier start, or makes them; the file is for its owner only. A given
 * token of the administrator wins.
 */
export function takeSuiteSecrets(folder: string, givenAdminToken?: string): SuiteSecrets {
  const file = join(folder, "secrets.json");
  const known = read(file);
  const secrets: SuiteSecrets = {
    serviceToken: known.serviceToken ?? generateKey("pst").text,
    adminToken: givenAdminToken ?? known.adminToken ?? generateKey("pat").text,
    busPassword: known.busPassword ?? randomBytes(24).toString("hex"),
    databasePassword: known.databasePassword ?? randomBytes(24).toString("hex"),
  };
  writeFileSync(`${file}.new`, `${JSON.stringify(secrets, undefined, 2)}\n`, {
    mode: 0o600,
    flush: true,
  });
  renameSync(`${file}.new`, file);
  return secrets;
}

function read(file: string): Partial<SuiteSecrets> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<SuiteSecrets>;
  } catch {
    return {};
  }
}
