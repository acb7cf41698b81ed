import { rampUp } from "../ramp.ts";
import { alternate, quote } from "../rounds.ts";
import type { Quoted, Variant } from "../rounds.ts";
import type { LoadResult } from "../tools/toolbox.ts";
import { verify } from "../verify.ts";
import type { Verification } from "../verify.ts";
import { chunks, traceRatio } from "../workbench.ts";
import type { Workbench } from "../workbench.ts";
import { pairDoors, writePairBody } from "./pair-bodies.ts";
import { pairKinds, pairName } from "./pairs.ts";
import type { Pair, PairKind } from "./pairs.ts";
import { startPairs } from "./start-pairs.ts";
import type { PairsRig } from "./start-pairs.ts";

/** What one pair costs. */
export interface PairResult {
  readonly pair: Pair;
  readonly quoted: Quoted;
  /** CPU time of the router over that of the bare relay, of the lower quartiles. */
  readonly ratio: number;
}

/** One kind of request: the bare relay of openai-chat, and every pair beside it. */
export interface PairsOfKind {
  readonly kind: PairKind;
  readonly floor: Quoted;
  readonly results: readonly PairResult[];
}

/** What a request costs per format of the door and of the provider. */
export interface PairsReport {
  readonly kinds: readonly PairsOfKind[];
  readonly verification: Verification;
}

/** Open at the same time, in a closed loop. */
const connections: Readonly<Record<PairKind, number>> = { json: 64, stream: 200 };
/** For load generators that are told a number. Requests per second. */
const expectedRate = 3_000;
/**
 * Pairs are many, and most of what they run is the same code: shorter rounds and warm-ups. Every
 * request is verified afterwards, and the consumers take longer than the router did.
 */
const scales = {
  quick: { rounds: 3, seconds: 1, warmSeconds: 1 },
  full: { rounds: 7, seconds: 1, warmSeconds: 1.5 },
} as const;

/** Measures pairs in turn, all with one router and beside one bare relay, and verifies the usage. */
export async function measurePairs(
  bench: Workbench,
  wanted: readonly Pair[],
): Promise<PairsReport> {
  bench.progress("pairs: starting nats-server, control services, router and vendors");
  const rig = await startPairs(bench, wanted);
  const { router, key, control, spans } = rig.constellation;
  let sent = await rampUp(bench, { httpPort: router.ports["http"] ?? 0, key });
  const onSent = ({ requests, errors }: LoadResult): void => void (sent += requests + errors);
  const kinds: PairsOfKind[] = [];
  for (const kind of pairKinds) {
    bench.progress(`pairs: ${kind}, ${wanted.length} pairs and the floor`);
    const variants = [
      floorVariant(bench, rig, kind),
      ...wanted.map((pair) => pairVariant(bench, rig, { pair, kind, onSent })),
    ];
    const times = scales[bench.quick ? "quick" : "full"];
    const compared = compare(kind, wanted, (await alternate(variants, times)).map(quote));
    kinds.push(compared);
    for (const { pair, ratio } of compared.results) {
      const figure = `${ratio.toFixed(2)} × floor, not yet verified`;
      bench.progress(`pairs: ${kind}, ${pairName(pair)}: ${figure}`);
    }
  }
  bench.progress("pairs: waiting until every request is recorded and posted");
  const { mocks } = rig;
  const { serverSpans } = spans;
  const verification = await verify({
    control,
    mocks,
    chunks,
    serverSpans,
    traceRatio,
    sent,
    progress: bench.progress,
  });
  await rig.stop();
  return { kinds, verification };
}

function compare(
  kind: PairKind,
  wanted: readonly Pair[],
  [floor, ...measured]: readonly Quoted[],
): PairsOfKind {
  if (floor === undefined) throw new TypeError("the floor was measured");
  const results = measured.flatMap((quoted, index) => {
    const pair = wanted[index];
    return pair === undefined ? [] : [{ pair, quoted, ratio: quoted.cpuUsQ1 / floor.cpuUsQ1 }];
  });
  return { kind, floor, results };
}

function floorVariant(bench: Workbench, { floor }: PairsRig, kind: PairKind): Variant {
  const { toolbox, bodies } = bench;
  const port = floor.ports["http"] ?? 0;
  const { path } = pairDoors["openai-chat"];
  const target = { port, path, bodyFile: bodies[kind], headers: [] };
  const options = { ...target, connections: connections[kind], rate: 0, expectedRate };
  return {
    name: "floor",
    process: floor,
    load: (seconds) => toolbox.httpLoad({ ...options, seconds }),
  };
}

interface PairRun {
  readonly pair: Pair;
  readonly kind: PairKind;
  readonly onSent: (result: LoadResult) => void;
}

function pairVariant(
  { toolbox }: Workbench,
  { constellation, folder }: PairsRig,
  { pair, kind, onSent }: PairRun,
): Variant {
  const { router, key } = constellation;
  const { path, headers: own } = pairDoors[pair.door];
  const headers = [`authorization: Bearer ${key}`, ...own];
  const bodyFile = writePairBody(folder, pair, kind);
  const target = { port: router.ports["http"] ?? 0, path, bodyFile, headers };
  const options = { ...target, connections: connections[kind], rate: 0, expectedRate };
  const load = async (seconds: number): Promise<LoadResult> => {
    const result = await toolbox.httpLoad({ ...options, seconds });
    onSent(result);
    return result;
  };
  return { name: pairName(pair), process: router, load };
}
