import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabaseServer } from "./open-database.ts";

const { logger } = silentObservability();

/** Commits one row after another until it is killed, saying which. */
const writer = `
const { openDatabaseServer } = await import(process.argv[1]);
const { sql } = await import(process.argv[2]);
const logger = { info() {}, warn() {}, error() {}, debug() {}, child: () => logger };
const server = await openDatabaseServer({ dataDir: process.argv[3], logger });
const db = server.connect("public");
await sql\`create table if not exists public.log (n bigint primary key)\`.execute(db);
for (let n = 1; ; n += 1) {
  await sql\`insert into public.log values (\${n})\`.execute(db);
  process.stdout.write(n + "\\n");
}`;

describe("openDatabaseServer", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "penstock-db-"));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it("loses nothing that was committed when the process is killed", async () => {
    const index = new URL("../index.ts", import.meta.url).href;
    const args = [
      "--input-type=module",
      "-e",
      writer,
      index,
      import.meta.resolve("kysely"),
      dataDir,
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let last = 0;
    let rest = "";
    for await (const chunk of child.stdout) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      last = Number(lines.at(-1) ?? last);
      if (last >= 50) break;
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    const server = await openDatabaseServer({ dataDir, logger });
    const db = server.connect("public");
    const { rows } = await sql<{ n: bigint }>`select count(*) as n from public.log`.execute(db);
    expect(Number(rows[0]?.n)).toBeGreaterThanOrEqual(last);
    await server.close();
  });

  it("keeps what was written over a clean close, behind a private socket", async () => {
    const first = await openDatabaseServer({ dataDir, logger });
    expect(first.kind).toBe("pglite");
    const run = join(dataDir, "run");
    expect(statSync(run).mode & 0o777).toBe(0o700);
    await sql`create table public.t as select 7::bigint as x`.execute(first.connect("public"));
    await first.close();
    await first.close();
    expect(existsSync(run)).toBe(false);
    const second = await openDatabaseServer({ dataDir, logger });
    const { rows } = await sql`select x from public.t`.execute(second.connect("public"));
    expect(rows).toEqual([{ x: 7n }]);
    await second.close();
  });

  it("keeps the log of an embedded database short while it runs", async () => {
    const server = await openDatabaseServer({ dataDir, logger });
    const db = server.connect("public");
    await sql`create table public.t as select 7::bigint as x`.execute(db);
    const logMebibytes = async (): Promise<number> => {
      const { rows } = await sql<{ bytes: bigint }>`
        select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::bigint as bytes
        from pg_control_checkpoint()`.execute(db);
      return Number(rows[0]?.bytes) / 2 ** 20;
    };
    await sql`select pg_logical_emit_message(false, 'test', repeat('x', 1048576))
      from generate_series(1, 140)`.execute(db);
    expect(await logMebibytes()).toBeGreaterThan(128);
    await expect.poll(logMebibytes, { timeout: 10_000 }).toBeLessThan(128);
    expect((await sql`select x from public.t`.execute(db)).rows).toEqual([{ x: 7n }]);
    await server.close();
  });

  it("begins anew where creating the database was interrupted", async () => {
    const folder = join(dataDir, "deeply", "nested".repeat(20));
    mkdirSync(join(folder, "database", "base"), { recursive: true });
    writeFileSync(join(folder, "database", "PG_VERSION"), "18\n");
    const second = await openDatabaseServer({ dataDir: folder, logger });
    expect((await sql`select 1 as x`.execute(second.connect("public"))).rows).toEqual([{ x: 1 }]);
    await second.close();
  });

  it("says what is wrong with a folder it cannot open", async () => {
    writeFileSync(join(dataDir, "database"), "not a folder");
    writeFileSync(join(dataDir, "database.complete"), "");
    const opening = openDatabaseServer({ dataDir, logger });
    await expect(opening).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    await expect(opening).rejects.toThrow(
      /^the embedded database stopped: something else is where/,
    );
  });

  it("does not begin anew where a database was lost, and says where files are damaged", async () => {
    const first = await openDatabaseServer({ dataDir, logger });
    await first.close();
    const folder = join(dataDir, "database");
    rmSync(join(folder, "global", "pg_control"));
    const damaged = openDatabaseServer({ dataDir, logger });
    await expect(damaged).rejects.toThrow(/gave up on the files of .*database: they are damaged/);
    rmSync(folder, { recursive: true });
    const lost = openDatabaseServer({ dataDir, logger });
    await expect(lost).rejects.toThrow(/database held a database and is gone or empty/);
    expect(existsSync(folder)).toBe(false);
  });

  it("refuses other URLs without repeating them", async () => {
    const opening = openDatabaseServer({ url: "mysql://u:canary@h/d", dataDir, logger });
    await expect(opening).rejects.toMatchObject({ reason: "FIELD_INVALID" });
    await expect(opening).rejects.not.toThrow("canary");
  });

  it("opens without a server and reports its absence on use", async () => {
    const url = "postgres://nobody@127.0.0.1:1/none";
    const server = await openDatabaseServer({ url, dataDir, logger });
    expect(server.kind).toBe("postgres");
    const query = sql`select 1`.execute(server.connect("public"));
    await expect(query).rejects.toMatchObject({
      reason: "UNAVAILABLE",
      cause: { code: "ECONNREFUSED" },
    });
    await server.close();
  });
});
