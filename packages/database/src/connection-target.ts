import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { GatewayError } from "@penstock/errors";
import type { ClientConfig } from "pg";

const variable = "PENSTOCK_DATABASE_URL";
const tlsParameters = ["ssl", "sslmode", "sslrootcert", "sslcert", "sslkey"];
const sslModes = ["disable", "require", "verify-ca", "verify-full"];
const shownModes = `${sslModes.slice(0, -1).join(", ")} or ${sslModes.at(-1)}`;

/**
 * How `pg` reaches the server of a URL. TLS is what libpq makes of `sslmode`, which pg reads
 * differently: `disable` (also when absent), `require` (encrypted; verified like `verify-ca` when
 * there is an `sslrootcert`), `verify-ca` and `verify-full`. `allow` and `prefer` are refused,
 * because anyone between could turn the encryption off.
 *
 * @throws GatewayError FIELD_INVALID that never repeats the URL, which may hold a password.
 */
export function connectionTarget(url: string): ClientConfig {
  const isPostgres = URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol);
  if (!isPostgres) throw invalid("must be a URL that begins with postgres:// or postgresql://");
  const plain = new URL(url);
  checkNames([...plain.searchParams.keys()]);
  const given = new Map(tlsParameters.map((name) => [name, plain.searchParams.get(name)]));
  for (const name of tlsParameters) plain.searchParams.delete(name);
  const ssl = tlsOptions((name) => given.get(name) ?? undefined);
  return { connectionString: plain.href, ssl };
}

/** Throws what `connectionTarget` would, also for files of the URL that can't be read. */
export function checkDatabaseUrl(url: string): void {
  connectionTarget(url);
}

type Parameter = (name: string) => string | undefined;

function tlsOptions(parameter: Parameter): ConnectionOptions | false {
  if (parameter("ssl") !== undefined) {
    throw invalid("says ssl=…; say sslmode=require, verify-ca or verify-full instead");
  }
  const mode = modeOf(parameter);
  if (mode === "disable") return false;
  const [ca, cert, key] = ["sslrootcert", "sslcert", "sslkey"].map((name) => {
    const path = parameter(name);
    return path === undefined ? undefined : readPem(name, path);
  });
  if (mode === "verify-ca" && ca === undefined) throw invalid("needs sslrootcert for verify-ca");
  const files: ConnectionOptions = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  if (mode === "verify-full") return files;
  if (ca === undefined) return { ...files, rejectUnauthorized: false };
  // The name in the certificate does not matter, who signed it does.
  return { ...files, checkServerIdentity: () => undefined };
}

function modeOf(parameter: Parameter): string {
  const mode = parameter("sslmode");
  if (mode === undefined) {
    const without = ["sslrootcert", "sslcert", "sslkey"].find((name) => parameter(name));
    if (without === undefined) return "disable";
    throw invalid(
      `has ${without} without sslmode, which would mean disable; say one of ${shownModes}`,
    );
  }
  if (sslModes.includes(mode)) return mode;
  const isWeak = ["allow", "prefer"].includes(mode);
  const why = isWeak ? `, as ${mode} may go on unencrypted without a word` : "";
  throw invalid(`has sslmode=${JSON.stringify(mode.slice(0, 20))}; it takes ${shownModes}${why}`);
}

/** What `pg` would pass over, such as `SSLMODE`, would be missed on the wire alone. */
function checkNames(names: readonly string[]): void {
  const strange = names.find((name) => /^ssl/i.test(name) && !tlsParameters.includes(name));
  if (strange !== undefined) {
    const known = tlsParameters.filter((name) => name !== "ssl").join(", ");
    const shown = JSON.stringify(strange.slice(0, 40));
    throw invalid(`has the parameter ${shown}; of TLS it takes ${known}`);
  }
  const twice = tlsParameters.find((one) => names.filter((name) => name === one).length > 1);
  if (twice !== undefined) throw invalid(`has ${twice} more than once`);
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(`names a file as ${name} that can't be read: ${path}`, cause);
  }
}

function invalid(description: string, cause?: unknown): GatewayError {
  return new GatewayError("FIELD_INVALID", `${variable} ${description}`, {
    source: "gateway",
    fieldViolations: [{ field: variable, description }],
    cause,
  });
}
