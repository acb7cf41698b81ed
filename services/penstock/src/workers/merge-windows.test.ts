import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { TargetWindowSchema } from "@penstock/api";
import { expect, it } from "vitest";
import { mergeWindows } from "./merge-windows.ts";

it("adds counts and takes the times and speeds of the worst worker", () => {
  const length = durationFromMs(60_000);
  const window = (attempts: bigint, p95Ms: number, tokensPerSecondP50: number) =>
    create(TargetWindowSchema, {
      length,
      attempts,
      failures: 1n,
      firstTokenP95: durationFromMs(p95Ms),
      tokensPerSecondP50,
    });
  const merged = mergeWindows([[], [window(4n, 90, 50)], [window(6n, 300, 80)]]);
  expect(merged).toMatchObject([
    { length, attempts: 10n, failures: 2n, firstTokenP95: durationFromMs(300) },
  ]);
  expect(merged[0]?.tokensPerSecondP50).toBe(50);
  expect(merged[0]?.firstTokenP50).toBeUndefined();
});
