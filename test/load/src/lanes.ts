import type { Bodies } from "./bodies.ts";
import type { Constellation } from "./constellation.ts";
import type { NodeProcess } from "./node-process.ts";
import type { Variant } from "./rounds.ts";
import type { LoadResult, MockProvider, Toolbox } from "./tools/toolbox.ts";

/** A kind of request, with what is compared: by CPU time at saturation, by latency at a rate. */
export interface Lane {
  readonly name: string;
  /** What CPU time is divided by: a request or an event of a stream. */
  readonly unit: string;
  /** Units in one request. */
  readonly unitsPerRequest: number;
  /** The floor first. */
  readonly saturated: readonly Variant[];
  /** Straight to the provider first, then the floor. */
  readonly paced: readonly Variant[];
  readonly load: string;
  readonly pace: string;
  /** True when the latency that counts is that of the first byte. */
  readonly firstByte: boolean;
}

/** What lanes are made of. */
export interface LaneParts {
  readonly toolbox: Toolbox;
  readonly bodies: Bodies;
  readonly constellation: Constellation;
  readonly httpFloor: NodeProcess;
  readonly grpcFloor: NodeProcess;
  /** The provider behind the floors. */
  readonly floorMock: MockProvider;
  readonly chunks: number;
  /** Told how many requests Penstock was sent. */
  readonly onSent: (requests: number) => void;
}

/** Where HTTP load goes, and with which key. */
export interface HttpTarget {
  readonly httpPort: number;
  readonly key?: string;
}

/** How much load. */
export interface Pace {
  readonly connections: number;
  readonly rate: number;
  readonly seconds: number;
}

/** Rough requests per second of the slowest variant, for tools that are told a number. */
const expectedRates = { http: 3_000, grpc: 2_000 } as const;
/** Where chat completions are asked for. */
export const chatPath = "/v1/chat/completions";
const generatePath = "/penstock.inference.v1.InferenceService/Generate";
const saturatedJson = { connections: 64, rate: 0 };
const pacedJson = { connections: 32, rate: 500 };
const saturatedStreams = { connections: 200, rate: 0 };
const pacedStreams = { connections: 200, rate: 60 };
const saturatedGrpc = { connections: 8, rate: 0 };
const pacedGrpc = { connections: 4, rate: 400 };
const grpcStreams = 8;

/** Sends chat completions over HTTP. */
export function httpLoad(
  toolbox: Toolbox,
  bodyFile: string,
  target: HttpTarget,
  pace: Pace,
): Promise<LoadResult> {
  return toolbox.httpLoad({
    ...pace,
    port: target.httpPort,
    path: chatPath,
    bodyFile,
    headers: target.key === undefined ? [] : [`authorization: Bearer ${target.key}`],
    expectedRate: expectedRates.http,
  });
}

/** The lanes that this machine has tools for. */
export function makeLanes(parts: LaneParts): Lane[] {
  const grpc = grpcLane(parts);
  return [jsonLane(parts), streamLane(parts), ...(grpc === undefined ? [] : [grpc])];
}

/** JSON over HTTP by whatever serves it. */
export function jsonVariant(
  parts: Pick<LaneParts, "toolbox" | "bodies">,
  variant: { readonly name: string; readonly process: NodeProcess; readonly target: HttpTarget },
): Variant {
  return {
    name: variant.name,
    process: variant.process,
    load: (seconds) =>
      httpLoad(parts.toolbox, parts.bodies.json, variant.target, { ...saturatedJson, seconds }),
  };
}

function counted(load: Variant["load"], { onSent }: LaneParts): Variant["load"] {
  return async (seconds) => {
    const result = await load(seconds);
    onSent(result.requests + result.errors);
    return result;
  };
}

function httpVariants(parts: LaneParts, bodyFile: string, pace: Omit<Pace, "seconds">) {
  const { constellation, httpFloor, floorMock, toolbox } = parts;
  const { router, key } = constellation;
  const load = (target: HttpTarget) => (seconds: number) =>
    httpLoad(toolbox, bodyFile, target, { ...pace, seconds });
  const direct: Variant = { name: "direct", load: load({ httpPort: floorMock.port }) };
  const floor: Variant = {
    name: "floor",
    process: httpFloor,
    load: load({ httpPort: httpFloor.ports["http"] ?? 0 }),
  };
  const penstock: Variant = {
    name: "penstock",
    process: router,
    load: counted(load({ httpPort: router.ports["http"] ?? 0, key }), parts),
  };
  return { direct, floor, penstock };
}

function jsonLane(parts: LaneParts): Lane {
  const saturated = httpVariants(parts, parts.bodies.json, saturatedJson);
  const paced = httpVariants(parts, parts.bodies.json, pacedJson);
  return {
    name: "HTTP JSON",
    unit: "request",
    unitsPerRequest: 1,
    saturated: [saturated.floor, saturated.penstock],
    paced: [paced.direct, paced.floor, paced.penstock],
    load: `${saturatedJson.connections} connections, closed loop`,
    pace: `${pacedJson.rate} requests/s`,
    firstByte: false,
  };
}

function streamLane(parts: LaneParts): Lane {
  const saturated = httpVariants(parts, parts.bodies.stream, saturatedStreams);
  const paced = httpVariants(parts, parts.bodies.stream, pacedStreams);
  return {
    name: "HTTP SSE",
    unit: "event",
    // The last text is followed by the finish reason, the usage and [DONE].
    unitsPerRequest: parts.chunks + 3,
    saturated: [saturated.floor, saturated.penstock],
    paced: [paced.direct, paced.floor, paced.penstock],
    load: `${saturatedStreams.connections} streams, an event each 10 ms`,
    pace: `${pacedStreams.rate} streams/s, to the first event`,
    firstByte: true,
  };
}

function grpcLane(parts: LaneParts): Lane | undefined {
  const { grpcLoad } = parts.toolbox;
  if (grpcLoad === undefined) return undefined;
  const { router, key } = parts.constellation;
  const load = (port: number, pace: Omit<Pace, "seconds">) => (seconds: number) =>
    grpcLoad({
      ...pace,
      port,
      path: generatePath,
      bodyFile: parts.bodies.grpc,
      headers: ["content-type: application/grpc", "te: trailers", `authorization: Bearer ${key}`],
      streams: pace.rate > 0 ? 1 : grpcStreams,
      seconds,
      expectedRate: expectedRates.grpc,
    });
  const variants = (pace: Omit<Pace, "seconds">): Variant[] => [
    {
      name: "floor",
      process: parts.grpcFloor,
      load: load(parts.grpcFloor.ports["grpc"] ?? 0, pace),
    },
    {
      name: "penstock",
      process: router,
      load: counted(load(router.ports["grpc"] ?? 0, pace), parts),
    },
  ];
  const direct: Variant = {
    name: "direct",
    load: (seconds) =>
      httpLoad(
        parts.toolbox,
        parts.bodies.json,
        { httpPort: parts.floorMock.port },
        {
          ...pacedGrpc,
          seconds,
        },
      ),
  };
  return {
    name: "gRPC unary",
    unit: "request",
    unitsPerRequest: 1,
    saturated: variants(saturatedGrpc),
    paced: [direct, ...variants(pacedGrpc)],
    load: `${saturatedGrpc.connections} connections × ${grpcStreams} streams, closed loop`,
    pace: `${pacedGrpc.rate} requests/s`,
    firstByte: false,
  };
}
