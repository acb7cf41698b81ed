import { monitorEventLoopDelay } from "node:perf_hooks";
import { ResourceService } from "@penstock/api";
import { expect, it } from "vitest";
import { startPolicyHarness } from "../api/test-policy.ts";
import { resourceOf, sampleJson, sampleResources } from "../api/sample-resources.ts";

it("1,000 writes one after the other are a revision each", async () => {
  const harness = await startPolicyHarness();
  const client = harness.client(ResourceService);
  await client.applyResources({ resources: sampleResources() });
  const write = async (displayName: string): Promise<number> => {
    const startMs = performance.now();
    const route = resourceOf({ route: { ...sampleJson.route, displayName } });
    await client.applyResources({ resources: [route] });
    return performance.now() - startMs;
  };
  for (let index = 0; index < 50; index += 1) await write(`warm ${index}`);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const times: number[] = [];
  const { revision: before } = await client.applyResources({ resources: [] });
  for (let index = 0; index < 1_000; index += 1) times.push(await write(`write ${index}`));
  loop.disable();
  times.sort((left, right) => left - right);
  const medianMs = times[500] ?? Number.NaN;
  process.stdout.write(
    `a write takes ${medianMs.toFixed(1)} ms (median); ` +
      `the longest stall is ${(loop.max / 1e6).toFixed(1)} ms\n`,
  );
  const { revision } = await client.applyResources({ resources: [] });
  expect(revision - before).toBe(1_000n);
  await harness.close();
});
