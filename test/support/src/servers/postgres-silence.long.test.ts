import { inTransaction, migrate, openDatabaseServer, tryAdvisoryLock } from "@penstock/database";
import type { DatabaseServer } from "@penstock/database";
import { silentObservability } from "@penstock/observability";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startFaultProxy } from "../faults/fault-proxy.ts";
import type { FaultProxy } from "../faults/fault-proxy.ts";
import { startPostgres } from "./postgres.ts";
import type { PostgresServer } from "./postgres.ts";
import { serverLane } from "./server-lane.ts";

const { logger } = silentObservability();
const silence = { cutAfterBytes: 0, cutBy: "silence" } as const;

serverLane("postgres").describe("locks in PostgreSQL whose holder is not heard of", () => {
  let postgres: PostgresServer;
  let proxy: FaultProxy;
  let direct: DatabaseServer;
  let proxied: DatabaseServer;

  beforeAll(async () => {
    postgres = await startPostgres();
    const { host } = new URL(postgres.url);
    proxy = await startFaultProxy({ target: host });
    const options = { dataDir: "unused", logger };
    direct = await openDatabaseServer({ ...options, url: postgres.url });
    proxied = await openDatabaseServer({
      ...options,
      url: postgres.url.replace(host, proxy.address),
    });
  });
  afterAll(async () => {
    await Promise.all([direct?.close(), proxied?.close()]);
    await proxy?.close();
    await postgres?.stop();
  });

  it("are lost to it before another gets them", async () => {
    const [db, other] = [proxied.connect("public"), direct.connect("public")];
    const lock = await tryAdvisoryLock(db, "relay");
    expect(lock?.lost.aborted).toBe(false);
    proxy.set({ toTarget: silence, toClient: silence });
    await vi.waitFor(() => expect(lock?.lost.aborted).toBe(true), 8_000);
    expect(await tryAdvisoryLock(other, "relay")).toBeUndefined();
    const take = async (): Promise<void> => {
      const next = await tryAdvisoryLock(other, "relay");
      expect(next).toBeDefined();
      await next?.release();
    };
    await vi.waitFor(take, { timeout: 25_000, interval: 500 });
    await lock?.release();
    proxy.set({});
  });

  it("are not waited for without end by who wants to migrate", async () => {
    const db = direct.connect<unknown>("stuck");
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    const up = async (): Promise<void> => {
      entered.resolve();
      await leave.promise;
    };
    const stuck = migrate(db, { schema: "stuck", migrations: { "001_slow": { up } } });
    await entered.promise;
    const waiting = migrate(direct.connect<unknown>("stuck"), { schema: "stuck", migrations: {} });
    await expect(waiting).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    leave.resolve();
    await stuck;
    await inTransaction(db, (trx) => sql`select 1`.execute(trx));
  });
});
