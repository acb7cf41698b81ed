import {
  askOverGrpc,
  askOverHttp,
  deploymentManifest,
  findBrokenInvariants,
  providerManifest,
  routeManifest,
  startConstellation,
  startFaultProxy,
} from "@penstock/test-support";
import type { Constellation, FaultProxy, ProxyFaults, Transcript } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedAnswer } from "./src/expected-answer.ts";
import { testGateway } from "./src/test-gateway.ts";

// The network between the gateway and a vendor misbehaves, byte by byte. Each case has a proxy and
// a vendor of its own; the vendor behind it is healthy.

type Expected = "answer of A" | "answer of B" | "interrupted";

interface Case {
  readonly name: string;
  readonly faults: ProxyFaults;
  readonly expected: Expected;
  /** Tokens of the answer; 400 when absent. */
  readonly tokens?: number;
  /** Timers of the route; long when absent, as the machine may be slow, not only the network. */
  readonly patience?: string;
}

/** Bytes of an answer's head and first event: less was sent before any content. */
const headBytes = 200;
/** Bytes within the content of a streamed answer of 400 tokens. */
const middleBytes = 20_000;

const cases: readonly Case[] = [
  {
    name: "every byte comes alone",
    faults: { toTarget: { splitEveryByte: true }, toClient: { splitEveryByte: true } },
    expected: "answer of A",
    tokens: 30,
  },
  { name: "40 ms each way", faults: both({ latencyMs: 40 }), expected: "answer of A" },
  { name: "200 kB/s", faults: { toClient: { bytesPerSecond: 200_000 } }, expected: "answer of A" },
  { name: "no connection", faults: { connections: "reset" }, expected: "answer of B" },
  {
    name: "a connection to nowhere",
    faults: { connections: "hang" },
    expected: "answer of B",
    patience: "1s",
  },
  {
    name: "the request is swallowed",
    faults: both(silentAfter(0)),
    expected: "answer of B",
    patience: "1s",
  },
  {
    name: "reset in the head",
    faults: { toClient: { cutAfterBytes: 20, cutBy: "reset" } },
    expected: "answer of B",
  },
  {
    name: "closed behind the head",
    faults: { toClient: { cutAfterBytes: headBytes, cutBy: "close" } },
    expected: "answer of B",
  },
  {
    name: "a head that is garbled",
    faults: { toClient: { corruptByte: 2 } },
    expected: "answer of B",
  },
  {
    name: "reset in the content",
    faults: { toClient: { cutAfterBytes: middleBytes, cutBy: "reset" } },
    expected: "interrupted",
  },
  {
    name: "closed in the content",
    faults: { toClient: { cutAfterBytes: middleBytes, cutBy: "close" } },
    expected: "interrupted",
  },
  {
    name: "silence in the content",
    faults: { toClient: silentAfter(middleBytes) },
    expected: "interrupted",
    patience: "1s",
  },
];

function both(faults: ProxyFaults["toTarget"] & object): ProxyFaults {
  return { toTarget: faults, toClient: faults };
}

function silentAfter(cutAfterBytes: number) {
  return { cutAfterBytes, cutBy: "silence" as const };
}

const prompt = "Through thick and thin";
const models = { A: "alpha-large", B: "beta-large" } as const;
const scenario = "+slow-first-token-0+delay-0+tokens-";
const manyTokens = 400;
let gateway: Constellation;
let key: string;
const proxies: FaultProxy[] = [];
const transcripts: Transcript[] = [];

beforeAll(async () => {
  gateway = await startConstellation({ resources: testGateway });
  key = await gateway.issueKey("projects/test/virtualKeys/network");
  const target = new URL(gateway.simulator.url).host;
  proxies.push(
    ...(await Promise.all(cases.map(({ faults }) => startFaultProxy({ target, faults })))),
  );
  await gateway.apply(
    deploymentManifest("b", "beta", `${models.B}${scenario}${manyTokens}`) +
      cases
        .map(({ tokens = manyTokens, patience = "15s" }, at) => {
          const timeouts = { firstToken: patience, progress: patience };
          const id = `case-${at}`;
          const free = { inputUsd: "0", outputUsd: "0" };
          return (
            providerManifest(id, `http://${proxies[at]?.address}/alpha/v1`, free) +
            deploymentManifest(id, id, `${models.A}${scenario}${tokens}`) +
            routeManifest(id, [id, "b"], timeouts)
          );
        })
        .join(""),
  );
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

const opening = (model: string): string =>
  expectedAnswer(model, [{ role: "user", text: prompt }])
    .text.split(" ")
    .slice(0, 8)
    .join(" ");

function check(transcript: Transcript, { expected, tokens = manyTokens }: Case): void {
  const from = expected === "answer of B" ? "B" : "A";
  expect(transcript.text.startsWith(opening(models[from])), transcript.text.slice(0, 99)).toBe(
    true,
  );
  if (expected === "interrupted") {
    expect(transcript).toMatchObject({ end: "error", error: { reason: "STREAM_INTERRUPTED" } });
  } else {
    expect(transcript).toMatchObject({ end: "complete", usage: { outputTokens: tokens } });
    expect(transcript.text.split(" ")).toHaveLength(tokens);
  }
}

describe("a network that misbehaves", () => {
  it.concurrent.each(cases.map((row, at) => ({ ...row, at })))(
    "$name: $expected",
    async ({ at, ...row }) => {
      const question = { model: `case-${at}`, prompt, stream: true };
      const overHttp = await askOverHttp(gateway, key, question);
      transcripts.push(overHttp);
      check(overHttp, row);
      const overGrpc = await askOverGrpc(gateway.grpcClient(key), question);
      transcripts.push(overGrpc);
      check(overGrpc, row);
      expect(proxies[at]?.connections().taken).toBeGreaterThan(0);
    },
  );

  it("leaves nothing open", async () => {
    expect(await findBrokenInvariants({ gateway, transcripts })).toEqual([]);
  });
});
