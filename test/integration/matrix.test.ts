import { rmSync, writeFileSync } from "node:fs";
import { RequestOutcome } from "@penstock/api";
import { formats } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";
import {
  deploymentManifest,
  isProving,
  projectManifest,
  reportClaim,
  routeManifest,
  startConstellation,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { grpcDoor, httpDoor } from "./src/matrix/doors.ts";
import type { MatrixDoor } from "./src/matrix/doors.ts";
import { matrixFeatures, requestOf } from "./src/matrix/features.ts";
import type { MatrixFeature } from "./src/matrix/features.ts";
import { matrixUpstreams, simulatedKeyFile } from "./src/matrix/upstreams.ts";
import type { MatrixUpstream } from "./src/matrix/upstreams.ts";

// Every door times every upstream format times what people do with it, through a running gateway
// against simulated vendors. What a pair can't do stands below, with the reason that it gives.

/** The doors of HTTP: format and path. */
const httpDoors: Readonly<Partial<Record<FormatName, string>>> = {
  "anthropic-messages": "/v1/messages",
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
};
const doorNames = ["grpc", ...Object.keys(httpDoors)] as const;

/** Cells that a pair has no words for, with what the refusal says. */
const unsupported: readonly {
  readonly door: string;
  readonly format: FormatName;
  readonly feature: string;
  readonly reason: string;
}[] = [];

const cells = doorNames.flatMap((door) =>
  matrixUpstreams.flatMap((upstream) =>
    matrixFeatures.map((feature) => ({ door, upstream, feature, name: feature.name })),
  ),
);
const fast = { firstTokenMs: 0, tokenIntervalMs: 0 };

let gateway: Constellation;
const doors = new Map<string, MatrixDoor>();
const results = new Map<string, "ok" | "unsupported">();

/** Each cell has a deployment of its own, so that no health is shared. */
const routeOf = (door: string, upstream: MatrixUpstream, feature: MatrixFeature): string =>
  `${door}-${upstream.id}-${feature.name.replaceAll(" ", "-")}`;
const cellName = (door: string, format: string, feature: string): string =>
  `${door} → ${format}: ${feature}`;

function upstreamManifest(upstream: MatrixUpstream, simulatorUrl: string): string {
  const provider = `kind: Provider
name: providers/${upstream.id}
providerKind: ${upstream.kind}
baseUrl: ${upstream.baseUrl(`${simulatorUrl}/alpha`)}
privateNetwork: true
${upstream.provider ?? ""}---
kind: PriceBook
name: priceBooks/${upstream.id}
source: made up for a test
prices:
  - { model: "*", inputUsdPerMillionTokens: "1", outputUsdPerMillionTokens: "2" }
---
`;
  const own = cells.filter((cell) => cell.upstream === upstream);
  const routes = own.map((cell) => {
    const { door, feature } = cell;
    const id = routeOf(door, upstream, feature);
    // A window that no request fills makes each name another, as models cool down by their names.
    const model = `alpha-large+delay-0+context-${50_000 + cells.indexOf(cell)}${feature.faults === "" ? "" : `+${feature.faults}`}`;
    const deployment = deploymentManifest(id, upstream.id, model);
    const more = upstream.deployment ?? "";
    return deployment.replace("---\n", `${more}---\n`) + routeManifest(id, [id]);
  });
  return provider + routes.join("");
}

beforeAll(async () => {
  writeFileSync(simulatedKeyFile, "simulated");
  gateway = await startConstellation({
    vendors: { alpha: { models: { "alpha-large": fast } } },
    resources: (url) =>
      projectManifest("test") + matrixUpstreams.map((one) => upstreamManifest(one, url)).join(""),
  });
  const key = await gateway.issueKey("projects/test/virtualKeys/matrix");
  doors.set("grpc", grpcDoor(gateway.grpcClient(key)));
  for (const [format, path] of Object.entries(httpDoors)) {
    doors.set(format, httpDoor(format as FormatName, path, { url: gateway.httpUrl, key }));
  }
});
afterAll(async () => {
  rmSync(simulatedKeyFile, { force: true });
  await gateway.close();
});

describe("door × upstream format × feature", () => {
  it("has every format as an upstream", () => {
    expect(matrixUpstreams.map(({ format }) => format).toSorted()).toEqual(
      Object.keys(formats).toSorted(),
    );
  });

  it.each(cells)("$door → $upstream.format: $name", async ({ door, upstream, feature }) => {
    const model = routeOf(door, upstream, feature);
    const { stream, enough } = feature;
    const question = { request: requestOf(feature, model), stream, ...(enough && { enough }) };
    const answer = await doors.get(door)?.ask(question);
    if (answer === undefined) throw new Error(`there is no door ${door}`);
    const cell = cellName(door, upstream.format, feature.name);
    const known = unsupported.find(
      (one) => one.door === door && one.format === upstream.format && one.feature === feature.name,
    );
    if (known !== undefined) {
      expect(answer.error).toContain(known.reason);
      results.set(cell, "unsupported");
      return;
    }
    feature.check({ answer, model: "alpha-large" });
    await checkSettled(answer.requestId, { upstream, feature });
    results.set(cell, "ok");
  });

  it("reports what it has", () => {
    const missing = cells.length - results.size;
    const table = tableOf();
    if (!isProving()) process.stdout.write(`${table}\n`);
    reportClaim("matrix", missing, `of ${cells.length} cells neither work nor say why`, table);
  });
});

/** The vendor saw the call end as the caller did, and it is written down so. */
async function checkSettled(
  requestId: string,
  { upstream, feature }: { readonly upstream: MatrixUpstream; readonly feature: MatrixFeature },
): Promise<void> {
  const { record } = await gateway.request(requestId);
  const outcomes: Readonly<Record<string, RequestOutcome>> = {
    "error before commit": RequestOutcome.FAILED,
    "error after commit": RequestOutcome.FAILED,
    cancel: RequestOutcome.CANCELLED,
  };
  expect(record?.event?.outcome).toBe(outcomes[feature.name] ?? RequestOutcome.COMPLETED);
  const calls = (): readonly string[] =>
    gateway.simulator.calls.list(`${requestId}.`).map(({ format, end }) => `${format} ${end}`);
  const last = { "error before commit": "fault", "error after commit": "fault" }[feature.name];
  const end = feature.name === "cancel" ? "closed_by_caller" : (last ?? "complete");
  await expect.poll(() => new Set(calls())).toEqual(new Set([`${upstream.format} ${end}`]));
}

function tableOf(): string {
  const heads = matrixFeatures.map(({ name }) => name.padEnd(20));
  const rows = doorNames.flatMap((door) =>
    matrixUpstreams.map(({ format }) => {
      const marks = matrixFeatures.map(({ name }) =>
        (results.get(cellName(door, format, name)) ?? "FAILED").padEnd(20),
      );
      return `${door.padEnd(20)}${format.padEnd(26)}${marks.join("")}`;
    }),
  );
  const counts = [...results.values()];
  const works = counts.filter((one) => one === "ok").length;
  const size = `${doorNames.length} doors × ${matrixUpstreams.length} formats × ${matrixFeatures.length} features = ${cells.length} cells`;
  const sum = `${works} work, ${counts.length - works} say why not, ${cells.length - counts.length} fail`;
  const reasons = unsupported.map(
    ({ door, format, feature, reason }) => `  ${cellName(door, format, feature)}: ${reason}`,
  );
  const head = `${"door".padEnd(20)}${"upstream".padEnd(26)}${heads.join("")}`;
  return [`${gateway.shape}: ${size}: ${sum}`, head, ...rows, ...reasons].join("\n");
}
