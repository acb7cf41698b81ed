import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthority } from "@penstock/certificates";
import { openDatabaseServer, tryAdvisoryLock } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { serverLane, startPostgres } from "@penstock/test-support";
import type { PostgresServer } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";

const { logger } = silentObservability();
const hourMs = 3_600_000;

interface CatalogTables {
  readonly pg_stat_ssl: { readonly pid: number; readonly ssl: boolean };
}

serverLane("postgres").describe("TLS to PostgreSQL", () => {
  let folder: string;
  let postgres: PostgresServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "penstock-tls-"));
    const nowMs = Date.now();
    const validity = { notBefore: new Date(nowMs - hourMs), notAfter: new Date(nowMs + hourMs) };
    const authority = await createAuthority("ours", validity);
    const stranger = await createAuthority("another", validity);
    writeFileSync(join(folder, "ca.pem"), authority.certificatePem);
    writeFileSync(join(folder, "stranger.pem"), stranger.certificatePem);
    const names = { commonName: "db", hosts: ["localhost"] };
    postgres = await startPostgres({ tls: await authority.issue(names, validity) });
  });
  afterAll(async () => {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What became of a connection to `host`. */
  async function connect(host: string, query: string): Promise<unknown> {
    const url = `${postgres.url.replace("127.0.0.1", host)}?${query}`;
    const server = await openDatabaseServer({ url, dataDir: "unused", logger });
    try {
      const db = server.connect<CatalogTables>("pg_catalog");
      const lock = await tryAdvisoryLock(db, `tls ${query}`);
      const row = await db
        .selectFrom("pg_stat_ssl")
        .select("ssl")
        .where("pid", "=", ({ fn }) => fn<number>("pg_backend_pid"))
        .executeTakeFirstOrThrow();
      await lock?.release();
      return row.ssl;
    } catch (error) {
      return (error as { reason?: string }).reason;
    } finally {
      await server.close();
    }
  }
  const root = (name = "ca.pem"): string => `sslrootcert=${join(folder, name)}`;

  it("is used as sslmode says", async () => {
    expect(await connect("127.0.0.1", "")).toBe(false);
    expect(await connect("127.0.0.1", "sslmode=require")).toBe(true);
    expect(await connect("127.0.0.1", `sslmode=verify-ca&${root()}`)).toBe(true);
    expect(await connect("localhost", `sslmode=verify-full&${root()}`)).toBe(true);
  });

  it("is refused where the certificate is of another, or for another name", async () => {
    const other = root("stranger.pem");
    expect(await connect("127.0.0.1", `sslmode=require&${other}`)).toBe("UNAVAILABLE");
    expect(await connect("localhost", `sslmode=verify-full&${other}`)).toBe("UNAVAILABLE");
    expect(await connect("localhost", "sslmode=verify-full")).toBe("UNAVAILABLE");
    expect(await connect("127.0.0.1", `sslmode=verify-full&${root()}`)).toBe("UNAVAILABLE");
  });
});
