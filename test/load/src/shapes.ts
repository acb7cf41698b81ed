import { startConstellation } from "./constellation.ts";
import type { ControlClient } from "./control-client.ts";
import { subfolder } from "./control-plane.ts";
import { HeldConsumers, heldUpSeconds } from "./held-consumers.ts";
import { jsonVariant } from "./lanes.ts";
import { startLaptop } from "./laptop.ts";
import type { OtlpCounter } from "./otlp-counter.ts";
import { rampUp } from "./ramp.ts";
import { alternate, quote } from "./rounds.ts";
import type { Quoted } from "./rounds.ts";
import { lowerQuartile } from "./statistics.ts";
import type { MockProvider } from "./tools/toolbox.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";
import { chunks, startMock, traceRatio } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/**
 * CPU time of a request's path in both shapes. The path of a request is everything that is done
 * because a request came, until its usage event is on the bus and its answer with the caller: the
 * doors, the pipeline, the provider's connection, the spool, the publishing, borrowing from quota,
 * spans. What is done with the event afterwards (quota posts, telemetry stores) is not.
 *
 * Distributed, the path has a process of its own; all threads of it are counted. On a laptop the
 * same threads do the rest as well, so the rest is put off: while load runs, consumers are handed no
 * usage event, and CPU time is read before they are. Then they are let go, and what that costs is
 * read separately. They are held up in the distributed shape, too: routers of both hear no
 * confirmation while they are measured, and no consumer competes for the machine.
 *
 * What else the roles do by themselves, and quota's side of lending, stays in the laptop's figure:
 * a lease is for seconds of demand, so it is little per request. That path and consumers together
 * are what the process costs when nothing is held up, is measured as well, as a check.
 */
export interface ShapesReport {
  /** The router in a process of its own, on NATS, with quota behind the network. */
  readonly distributed: Quoted;
  /** All roles in one process. */
  readonly laptop: Quoted;
  /** The same process with nothing held up, until the last event is consumed. */
  readonly laptopWhole: Quoted;
  /** What consumers cost their process per request once let go, in microseconds; of quartiles. */
  readonly consumersUs: { readonly distributed: number; readonly laptop: number };
  /** CPU time of the distributed path over that of the laptop's; of the lower quartiles. */
  readonly ratio: number;
  /** What rounds of one variant differ by, as a share: the larger of both. */
  readonly noise: number;
  /** Whether the distributed path costs no more than the laptop's, beyond the noise up to 10 %. */
  readonly holds: boolean;
  readonly verified: readonly Verification[];
}

/** More noise than this excuses nothing. */
const mostNoise = 0.1;

/** Measures both shapes in turn. */
export async function measureShapes(bench: Workbench): Promise<ShapesReport> {
  const mocks = { distributed: await startMock(bench), laptop: await startMock(bench) };
  bench.progress("shapes: starting a router on NATS, and everything in one process");
  const folder = bench.folder("shapes");
  const suite = await startConstellation({
    folder,
    mock: mocks.distributed,
    pinned: bench.pinned,
    traceRatio,
    holdsConsumers: true,
  });
  const laptop = await startLaptop(bench, subfolder(folder, "laptop"), mocks.laptop);
  const target = { httpPort: suite.router.ports["http"] ?? 0, key: suite.key };
  const far = new HeldConsumers(suite.plane.process);
  const near = new HeldConsumers(laptop.process);
  far.add(await rampUp(bench, target));
  near.add(await rampUp(bench, laptop));
  const farUs: number[] = [];
  const nearUs: number[] = [];
  const noteFar = (us: number): void => void farUs.push(us);
  const noteNear = (us: number): void => void nearUs.push(us);
  const { process } = laptop;
  const router = { name: "distributed", process: suite.router, target };
  const inOne = jsonVariant(bench, { name: "laptop", process, target: laptop });
  const variants = [
    far.heldUp(jsonVariant(bench, router), noteFar),
    near.heldUp(inOne, noteNear),
    { ...near.included(inOne), isWarm: true },
  ];
  bench.progress("shapes: HTTP JSON through both");
  const { rounds } = bench.scale;
  const measured = await alternate(variants, { rounds, ...heldUpSeconds });
  bench.progress("shapes: waiting until every request is recorded and posted");
  const facts = { chunks, traceRatio, progress: bench.progress };
  const verified = [
    await verify({ ...facts, ...evidenceOf(suite, mocks.distributed), sent: far.sent }),
    await verify({ ...facts, ...evidenceOf(laptop, mocks.laptop), sent: near.sent }),
  ];
  for (const shape of [suite, laptop]) await shape.stop();
  for (const mock of Object.values(mocks)) mock.stop();
  // What was noted before the last rounds was the warm-up.
  const consumersUs = {
    distributed: lowerQuartile(farUs.slice(-rounds)),
    laptop: lowerQuartile(nearUs.slice(-rounds)),
  };
  return { ...summarize(measured.map(quote)), consumersUs, verified };
}

interface Shape {
  readonly control: ControlClient;
  readonly spans: OtlpCounter;
}

function evidenceOf({ control, spans }: Shape, mock: MockProvider) {
  return { control, mocks: [mock], serverSpans: spans.serverSpans };
}

/** Distributed, laptop, the whole laptop; in this order. */
function summarize(quoted: readonly Quoted[]): Omit<ShapesReport, "consumersUs" | "verified"> {
  const [distributed, laptop, laptopWhole] = quoted;
  if (distributed === undefined || laptop === undefined || laptopWhole === undefined) {
    throw new TypeError("three variants were measured");
  }
  const ratio = distributed.cpuUsQ1 / laptop.cpuUsQ1;
  const shares = [distributed, laptop].map((one) => one.cpuUsSpread / one.cpuUsMedian);
  const noise = Math.max(...shares);
  return {
    distributed,
    laptop,
    laptopWhole,
    ratio,
    noise,
    holds: ratio <= 1 + Math.min(noise, mostNoise),
  };
}
