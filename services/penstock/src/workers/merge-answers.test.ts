import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  GetSnapshotInfoResponseSchema,
  ListTargetHealthResponseSchema,
  ListUnmappedFailuresResponseSchema,
} from "@penstock/api";
import { describe, expect, it } from "vitest";
import { mergeTargetHealth, mergeUnmappedFailures, oldestSnapshot } from "./merge-answers.ts";

describe("answers of several workers", () => {
  it("are as far as the last of them, by epoch, then by revision", () => {
    const info = (configEpoch: bigint, appliedRevision: bigint) =>
      create(GetSnapshotInfoResponseSchema, { status: { configEpoch, appliedRevision } });
    const [old, ahead, behind] = [info(1n, 9n), info(2n, 5n), info(2n, 4n)];
    expect(oldestSnapshot([ahead, behind])).toBe(behind);
    expect(oldestSnapshot([ahead, old])).toBe(old);
    expect(oldestSnapshot([])).toBeUndefined();
  });

  it("add up what runs and name what only some have put aside", () => {
    const [a, b] = ["deployments/a", "deployments/b"];
    const calm = { deployment: a, inFlight: 2, concurrencyLimit: 8 };
    const untilTime = timestampFromMs(9_000);
    const broken = { ...calm, ejected: true, reason: "5 failures", untilTime };
    const first = create(ListTargetHealthResponseSchema, {
      targets: [{ ...calm, firstTokenDelay: durationFromMs(30), consecutiveFailures: 1 }],
    });
    const second = create(ListTargetHealthResponseSchema, {
      targets: [{ deployment: b }, { ...broken, consecutiveFailures: 5 }],
    });
    expect(mergeTargetHealth([first, second]).targets).toMatchObject([
      {
        deployment: a,
        ejected: true,
        reason: "5 failures (in 1 of 2 workers)",
        untilTime,
        inFlight: 4,
        concurrencyLimit: 16,
        consecutiveFailures: 5,
        firstTokenDelay: durationFromMs(30),
      },
      { deployment: b, ejected: false, reason: "" },
    ]);
    expect(mergeTargetHealth([second]).targets[0]?.reason).toBe("5 failures");
  });

  it("name an error that no table knows once, however many workers met it", () => {
    const failure = (message: string, count: bigint, times: readonly [number, number]) => ({
      providerKind: "openai",
      httpStatus: 429,
      message,
      count,
      firstTime: timestampFromMs(times[0]),
      lastTime: timestampFromMs(times[1]),
    });
    const listed = (failures: object[]) =>
      create(ListUnmappedFailuresResponseSchema, { failures: failures as never });
    const merged = mergeUnmappedFailures([
      listed([failure("old", 2n, [1_000, 5_000]), { providerKind: "anthropic", count: 1n }]),
      listed([failure("new", 3n, [2_000, 9_000])]),
    ]);
    expect(merged.failures).toMatchObject([
      failure("new", 5n, [1_000, 9_000]),
      { providerKind: "anthropic", count: 1n },
    ]);
  });
});
