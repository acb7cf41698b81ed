import { monitorEventLoopDelay } from "node:perf_hooks";
import { ResourceService } from "@penstock/api";
import { expect, it } from "vitest";
import { startPolicyHarness } from "../api/test-policy.ts";
import { resourceOf, sampleJson, sampleResources } from "../api/sample-resources.ts";

it("1,000 writes one after the other take milliseconds each and stall nobody", async () => {
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
  for (let index = 0; index < 1_000; index += 1) times.push(await write(`write ${index}`));
  loop.disable();
  times.sort((left, right) => left - right);
  const medianMs = times[500] ?? Number.NaN;
  const stallMs = loop.max / 1e6;
  expect(medianMs).toBeLessThan(10);
  expect(stallMs).toBeLessThan(20);
  await harness.close();
});
