import type { LaneResult } from "./bench-report.ts";
import { startConstellation } from "./constellation.ts";
import { makeLanes } from "./lanes.ts";
import type { Lane } from "./lanes.ts";
import { rampUp } from "./ramp.ts";
import { alternate, quote } from "./rounds.ts";
import { verify } from "./verify.ts";
import type { Verification } from "./verify.ts";
import { chunks, profiling, startFloor, startMock, traceRatio } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

/** The router alone in its process beside bare relays, and whether all of it was recorded. */
export async function measureLanes(
  bench: Workbench,
  onlyFirst: boolean,
): Promise<{ readonly lanes: LaneResult[]; readonly verification: Verification }> {
  const { progress, pinned } = bench;
  const mock = await startMock(bench);
  const floorMock = await startMock(bench);
  progress("starting nats-server, control services and router");
  const constellation = await startConstellation({
    folder: bench.folder("lanes"),
    mock,
    pinned,
    traceRatio,
    routerNodeOptions: profiling(bench),
  });
  const httpFloor = await startFloor(bench, "http-floor.ts", floorMock.port);
  const grpcFloor = await startFloor(bench, "grpc-floor.ts", floorMock.port);
  const { router, key, control, spans } = constellation;
  let sent = await rampUp(bench, { httpPort: router.ports["http"] ?? 0, key });
  const onSent = (requests: number): void => void (sent += requests);
  const all = makeLanes({
    ...bench,
    constellation,
    httpFloor,
    grpcFloor,
    floorMock,
    chunks,
    onSent,
  });
  const lanes: LaneResult[] = [];
  for (const lane of onlyFirst ? all.slice(0, 1) : all) {
    lanes.push(await measureLane(bench, lane));
  }
  progress("waiting until every request is recorded and posted");
  const { serverSpans } = spans;
  const verification = await verify({
    progress,
    control,
    mocks: [mock],
    chunks,
    serverSpans,
    traceRatio,
    sent,
  });
  await constellation.stop();
  await Promise.all([httpFloor.stop(), grpcFloor.stop()]);
  for (const provider of [mock, floorMock]) provider.stop();
  return { lanes, verification };
}

async function measureLane(bench: Workbench, lane: Lane): Promise<LaneResult> {
  const { rounds, seconds, warmSeconds, pacedRounds, pacedSeconds } = bench.scale;
  bench.progress(`${lane.name}: CPU time at saturation`);
  const saturated = await alternate(lane.saturated, { rounds, seconds, warmSeconds });
  bench.progress(`${lane.name}: latency at ${lane.pace}`);
  const paced = await alternate(lane.paced, {
    rounds: pacedRounds,
    seconds: pacedSeconds,
    warmSeconds: 0,
  });
  const quoted = saturated.map(quote);
  const ratio = (quoted[1]?.cpuUsQ1 ?? Number.NaN) / (quoted[0]?.cpuUsQ1 ?? Number.NaN);
  const { name, unit, unitsPerRequest, load, pace, firstByte } = lane;
  const facts = { name, unit, unitsPerRequest, load, pace, firstByte };
  return { ...facts, saturated: quoted, paced: paced.map(quote), ratio };
}
