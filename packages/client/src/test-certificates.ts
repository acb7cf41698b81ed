import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

const program = join(import.meta.dirname, "../../../services/penstock/src/main.ts");

/**
 * Makes an authority and a certificate for each name, good for 127.0.0.1, by `penstock certificates
 * init`; gives the folder: `ca.crt`, `<name>.crt` and `<name>.key`.
 */
export function makeCertificates(folder: string, names: readonly string[]): string {
  const flags = ["--dir", folder, "--names", names.join(","), "--force"];
  execFileSync(process.execPath, [program, "certificates", "init", ...flags], { stdio: "pipe" });
  return folder;
}
