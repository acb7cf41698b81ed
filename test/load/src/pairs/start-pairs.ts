import type { FormatName } from "@penstock/formats";
import { startConstellation, untilConfigured } from "../constellation.ts";
import type { Constellation } from "../constellation.ts";
import type { NodeProcess } from "../node-process.ts";
import type { MockProvider } from "../tools/toolbox.ts";
import { chunks, gapUs, profiling, startFloor, startMock, traceRatio } from "../workbench.ts";
import type { Workbench } from "../workbench.ts";
import { configurePairs, upstreamAlias } from "./configure-pairs.ts";
import type { Pair } from "./pairs.ts";
import { writeVendorAnswers } from "./vendor-answers.ts";

/** Everything that pairs are measured with. */
export interface PairsRig {
  readonly constellation: Constellation;
  /** A bare relay of openai-chat. */
  readonly floor: NodeProcess;
  /** The providers behind the router. */
  readonly mocks: readonly MockProvider[];
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts a router, a vendor for each format with a route to it, and a bare relay. */
export async function startPairs(bench: Workbench, wanted: readonly Pair[]): Promise<PairsRig> {
  const folder = bench.folder("pairs");
  const floorMock = await startMock(bench);
  const mock = await startMock(bench);
  const constellation = await startConstellation({
    folder,
    mock,
    pinned: bench.pinned,
    traceRatio,
    routerNodeOptions: profiling(bench),
  });
  const { control, router, key } = constellation;
  const vendors = await startVendors(bench, folder, wanted);
  const ports = new Map([...vendors].map(([format, { port }]) => [format, port]));
  await configurePairs(control, ports, folder);
  for (const format of vendors.keys()) {
    await untilConfigured(router.ports["http"] ?? 0, key, upstreamAlias(format));
  }
  const floor = await startFloor(bench, "http-floor.ts", floorMock.port);
  const mocks = [mock, ...vendors.values()];
  const stop = async (): Promise<void> => {
    await constellation.stop();
    await floor.stop();
    for (const one of [floorMock, ...mocks]) one.stop();
  };
  return { constellation, floor, mocks, folder, stop };
}

async function startVendors(
  { toolbox }: Workbench,
  folder: string,
  wanted: readonly Pair[],
): Promise<ReadonlyMap<FormatName, MockProvider>> {
  const { startVendor } = toolbox;
  if (startVendor === undefined) throw new Error("vendors need a C compiler");
  const vendors = new Map<FormatName, MockProvider>();
  for (const format of new Set(wanted.map(({ upstream }) => upstream))) {
    const answers = writeVendorAnswers(folder, format, chunks);
    vendors.set(format, await startVendor(chunks, gapUs, answers));
  }
  return vendors;
}
