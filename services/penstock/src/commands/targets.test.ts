import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ListTargetHealthResponseSchema } from "@penstock/api";
import { expect, it } from "vitest";
import { renderTargets } from "./targets.ts";

it("shows each deployment with its windows", () => {
  const window = (lengthMs: number, attempts: bigint) => ({
    length: durationFromMs(lengthMs),
    attempts,
    failures: attempts / 4n,
    ...(attempts === 0n ? {} : { firstTokenP50: durationFromMs(240), tokensPerSecondP50: 61.4 }),
  });
  const text = renderTargets(
    create(ListTargetHealthResponseSchema, {
      targets: [
        {
          deployment: "deployments/a",
          ejected: true,
          reason: "cooldown",
          untilTime: timestampFromMs(0),
          windows: [window(60_000, 0n), window(86_400_000, 8n)],
        },
        { deployment: "deployments/b", inFlight: 2 },
      ],
    }),
  );
  const rows = text.split("\n").map((line) => line.split(/ {2,}/));
  expect(rows[1]).toEqual([
    "deployments/a",
    "cooldown until 1970-01-01 00:00:00Z",
    "0",
    "1 m",
    "0",
    "-",
    "-",
    "-",
    "-",
    "-",
  ]);
  expect(rows[2]).toEqual(["", "1 d", "8", "75.0 %", "240 ms", "-", "61", "-"]);
  expect(rows[3]).toEqual(["deployments/b", "ready", "2", "-"]);
});

it("shows what providers told of their limits, where one did", () => {
  const targets = [
    {
      deployment: "deployments/a",
      toldRequests: { remaining: 0n, limit: 60n },
      toldTokens: { remaining: 149_984n },
    },
    { deployment: "deployments/b" },
  ];
  const text = renderTargets(create(ListTargetHealthResponseSchema, { targets }));
  const rows = text.split("\n").map((line) => line.split(/ {2,}/));
  expect(rows[0]).toContain("LEFT");
  expect(rows[1]).toContain("0 of 60 requests, 149984 tokens");
  expect(rows[2]?.slice(0, 3)).toEqual(["deployments/b", "ready", "-"]);
});
