import { startAllInOne } from "./all-in-one.ts";
import { jsonVariant } from "./lanes.ts";
import { alternate, quote } from "./rounds.ts";
import type { Quoted } from "./rounds.ts";
import { measureStall } from "./stall.ts";
import type { StallReport } from "./stall.ts";
import { startFloor, startMock } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/** `start` as it is: how long its event loop stands still, and what all of it costs a request. */
export async function measureWhole(
  bench: Workbench,
): Promise<{ readonly stall: StallReport; readonly quoted: Quoted[] }> {
  const { progress, quick, scale } = bench;
  const mock = await startMock(bench);
  progress("starting the whole in one process");
  const allInOne = await startAllInOne(bench.folder("whole"), mock);
  const floor = await startFloor(bench, "http-floor.ts", mock.port);
  progress("event-loop stalls: policy writes and usage events beside open streams");
  const count = quick ? 300 : 1_000;
  const sizes = { policyWrites: count, requests: count, streams: 100 };
  const stall = await measureStall({ ...bench, allInOne, idle: floor, ...sizes });
  progress("HTTP JSON through the whole in one process");
  const variants = [
    jsonVariant(bench, {
      name: "floor",
      process: floor,
      target: { httpPort: floor.ports["http"] ?? 0 },
    }),
    jsonVariant(bench, { name: "start", process: allInOne.process, target: allInOne }),
  ];
  const { rounds, seconds, warmSeconds } = scale;
  const quoted = (await alternate(variants, { rounds, seconds, warmSeconds })).map(quote);
  await allInOne.stop();
  await floor.stop();
  mock.stop();
  return { stall, quoted };
}
