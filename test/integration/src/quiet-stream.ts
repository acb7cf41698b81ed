import { createPenstockClient, MessageRole } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
  startFaultProxy,
} from "@penstock/test-support";
import type { Constellation, FaultProxy } from "@penstock/test-support";
import OpenAI from "openai";

/** How long a model thinks in silence, and how soon the proxy before the gateway loses patience. */
export interface Quiet {
  readonly quietMs: number;
  readonly cutIdleAfterMs: number;
}

/** A gateway behind proxies that cut idle connections, and a model that thinks in silence. */
export interface QuietSite {
  readonly gateway: Constellation;
  readonly httpProxy: FaultProxy;
  readonly grpcProxy: FaultProxy;
  close(): Promise<void>;
}

/** Tokens of the answer that comes in the end. */
export const answerTokens = 5;

const prompt = "Think long.";

/** Starts the site: route `thinker` is silent before its first content, `pauser` behind it. */
export async function startQuietSite({ quietMs, cutIdleAfterMs }: Quiet): Promise<QuietSite> {
  const patient = { firstToken: "300s", progress: "300s", total: "600s" };
  const tokens = `tokens-${answerTokens}`;
  const gateway = await startConstellation({
    resources: (url) =>
      [
        projectManifest("p"),
        providerManifest("alpha", `${url}/alpha/v1`, { inputUsd: "1", outputUsd: "1" }),
        providerManifest("beta", `${url}/beta/v1`, { inputUsd: "1", outputUsd: "1" }),
        deploymentManifest(
          "thinker",
          "alpha",
          `alpha-large+slow-first-token-${quietMs}+delay-0+${tokens}`,
        ),
        deploymentManifest(
          "pauser",
          "alpha",
          `alpha-large+slow-first-token-0+delay-${quietMs}+tokens-2`,
        ),
        deploymentManifest("hanging", "alpha", "alpha-small+hang"),
        deploymentManifest("beta", "beta", `beta-large+slow-first-token-0+delay-0+${tokens}`),
        routeManifest("thinker", ["thinker"], patient),
        routeManifest("pauser", ["pauser"], patient),
        routeManifest("hanging", ["hanging"], { firstToken: "1.5s" }),
        routeManifest("rescued", ["hanging", "beta"], { firstToken: "1.5s" }),
      ].join(""),
  });
  const faults = { cutIdleAfterMs };
  const [httpProxy, grpcProxy] = await Promise.all([
    startFaultProxy({ target: new URL(gateway.httpUrl).host, faults }),
    startFaultProxy({ target: gateway.grpcAddress, faults }),
  ]);
  return {
    gateway,
    httpProxy,
    grpcProxy,
    close: async () => {
      await Promise.all([httpProxy.close(), grpcProxy.close()]);
      await gateway.close();
    },
  };
}

/** Pieces of content of one stream through the HTTP proxy; rejects when it breaks. */
export async function piecesOverHttp(
  { httpProxy }: QuietSite,
  key: string,
  model: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const openai = new OpenAI({
    baseURL: `http://${httpProxy.address}/v1`,
    apiKey: key,
    maxRetries: 0,
  });
  const messages = [{ role: "user" as const, content: prompt }];
  const body = { model, messages, stream: true } as const;
  const stream = await openai.chat.completions.create(body, { headers });
  let pieces = 0;
  let finished = false;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) pieces += 1;
    finished ||=
      chunk.choices[0]?.finish_reason === "length" || chunk.choices[0]?.finish_reason === "stop";
  }
  if (!finished) throw new Error("the stream ended without an end");
  return pieces;
}

/** What one stream through the gRPC proxy carried; rejects when it breaks. */
export async function piecesOverGrpc(
  { grpcProxy }: QuietSite,
  key: string,
  model: string,
  keepaliveSeconds?: number,
): Promise<{ readonly pieces: number; readonly keepalives: number }> {
  const client = createPenstockClient({ address: grpcProxy.address, virtualKey: key });
  try {
    const stream = client.streamGenerate({
      model,
      messages: [
        { role: MessageRole.USER, parts: [{ part: { case: "text", value: { text: prompt } } }] },
      ],
      ...(keepaliveSeconds === undefined
        ? {}
        : { keepaliveInterval: { seconds: BigInt(keepaliveSeconds), nanos: 0 } }),
    });
    let [pieces, keepalives] = [0, 0];
    for await (const event of stream) {
      if (event.case === "blockDelta") pieces += 1;
      else if (event.case === "keepalive") keepalives += 1;
    }
    return { pieces, keepalives };
  } finally {
    client.close();
  }
}
