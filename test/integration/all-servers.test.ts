import { RequestOutcome, ResourceSchema } from "@penstock/api";
import { fromJson } from "@bufbuild/protobuf";
import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  serverLane,
  startConstellation,
  startNats,
  startPostgres,
} from "@penstock/test-support";
import type { Constellation, NatsServer, PostgresServer, Question } from "@penstock/test-support";
import { afterAll, beforeAll, expect, it } from "vitest";
import { admitted, decided } from "./src/decided.ts";
import { RevisionWatch } from "./src/revision-watch.ts";
import { runPenstock } from "./src/run-penstock.ts";

const keyName = "projects/p/virtualKeys/k";
const question: Question = { model: "fast", prompt: "hello", stream: false, maxOutputTokens: 10 };

const resources = (simulatorUrl: string): string =>
  [
    projectManifest("p"),
    ...["alpha", "beta"].flatMap((vendor) => [
      providerManifest(vendor, `${simulatorUrl}/${vendor}/v1`, { inputUsd: "0", outputUsd: "1" }),
      deploymentManifest(vendor, vendor, `${vendor}-small+slow-first-token-0+delay-0`),
    ]),
    routeManifest("fast", ["alpha"]),
  ].join("");

/** What shows 4, 5 and 6 prove with what is embedded, in short with the servers of a cluster. */
function suite(): void {
  let nats: NatsServer | undefined;
  let postgres: PostgresServer | undefined;
  let penstock: Constellation | undefined;
  let key: string;

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
    const databaseUrl = await postgres.createDatabase("penstock");
    penstock = await startConstellation({ resources, busUrl: nats.url, databaseUrl });
    key = await penstock.issueKey(keyName);
  });

  afterAll(async () => {
    await penstock?.close();
    await Promise.all([nats?.stop(), postgres?.stop()]);
  });

  const running = (): Constellation => {
    if (penstock === undefined) throw new Error("it did not start");
    return penstock;
  };

  it("decides by a changed policy within 500 ms", async () => {
    const { httpUrl, control } = running();
    const watch = new RevisionWatch({ httpUrl, key, model: "fast" });
    for (const vendor of ["beta", "alpha", "beta", "alpha"]) {
      const targets = [{ deployment: `deployments/${vendor}` }];
      const route = { name: "routes/fast", match: { models: ["fast"] }, targets };
      const changed = fromJson(ResourceSchema, { route });
      const { revision } = await control.resources.applyResources({ resources: [changed] });
      expect(await watch.delayUntil(revision, `providers/${vendor}`)).toBeLessThan(500);
    }
    await watch.stop();
  });

  it("admits exactly what a limit and a budget have room for", async () => {
    const limited = await running().issueKey("projects/p/virtualKeys/limited");
    const poor = await running().issueKey("projects/p/virtualKeys/poor");
    await running().apply(`kind: Limit
name: limits/five
scope: { virtualKey: projects/p/virtualKeys/limited }
requestsPerMinute: 5
onUnavailable: DENY
---
kind: Budget
name: budgets/eight
scope: { virtualKey: projects/p/virtualKeys/poor }
amountUsd: "0.00008"
period: DAY
onUnavailable: DENY
`);
    const racing = async (text: string, count: number): Promise<number> => {
      const client = running().grpcClient(text);
      const asked = Array.from({ length: count }, (_, index) =>
        decided(() =>
          index % 2 === 0 ? askOverHttp(running(), text, question) : askOverGrpc(client, question),
        ),
      );
      return admitted(await Promise.all(asked));
    };
    expect(await racing(limited, 20)).toBe(5);
    expect(await racing(poor, 50)).toBe(8);
    await expect
      .poll(async () => (await running().balances.getBalance({ quota: "budgets/eight" })).balance)
      .toMatchObject({ posted: 80_000n, pending: 0n, leased: 0n, available: 0n });
  });

  it("shows the usage of each request once", async () => {
    const name = "projects/p/virtualKeys/counted";
    const counted = await running().issueKey(name);
    const client = running().grpcClient(counted);
    const sent = [
      await askOverHttp(running(), counted, question),
      await askOverHttp(running(), counted, { ...question, stream: true }),
      await askOverGrpc(client, { ...question, stream: true }),
      await askOverHttp(running(), counted, { ...question, model: "unknown" }),
    ];
    const outcomes = await Promise.all(
      sent.map(
        async ({ requestId }) => (await running().request(requestId)).record?.event?.outcome,
      ),
    );
    const { COMPLETED, REFUSED } = RequestOutcome;
    expect(outcomes).toEqual([COMPLETED, COMPLETED, COMPLETED, REFUSED]);
    const parameters = ["usage", "--key", "p/counted", "--group-by", "key", "-o", "json"];
    const { stdout } = await runPenstock(parameters, running());
    expect((JSON.parse(stdout) as { rows: unknown[] }).rows).toEqual([
      expect.objectContaining({
        key: name,
        requests: 4,
        completedRequests: 3,
        refusedRequests: 1,
        outputTokens: 30,
        costNanoUsd: "30000",
      }),
    ]);
  });
}

serverLane("nats").describe("everything", () => {
  serverLane("postgres").describe("on NATS and PostgreSQL", suite);
});
