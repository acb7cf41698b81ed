import { createPenstockClient, MessageRole } from "@penstock/client";
import type { PenstockClient } from "@penstock/client";
import {
  deploymentManifest,
  projectManifest,
  providerManifest,
  routeManifest,
  startConstellation,
  startFaultProxy,
} from "@penstock/test-support";
import type { Constellation } from "@penstock/test-support";
import OpenAI from "openai";

/** How long a model thinks in silence, and how soon the proxy before the gateway loses patience. */
export interface Quiet {
  readonly quietMs: number;
  readonly cutIdleAfterMs: number;
}

/** A gateway with a model that thinks in silence, and what proxies before it do. */
export interface QuietSite {
  readonly gateway: Constellation;
  readonly cutIdleAfterMs: number;
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
  return { gateway, cutIdleAfterMs, close: () => gateway.close() };
}

/**
 * A proxy that cuts idle connections, for one stream: streams that share a connection keep it
 * alive for each other.
 */
async function withProxy<Result>(
  { cutIdleAfterMs }: QuietSite,
  target: string,
  run: (address: string) => Promise<Result>,
): Promise<Result> {
  const proxy = await startFaultProxy({ target, faults: { cutIdleAfterMs } });
  try {
    return await run(proxy.address);
  } finally {
    await proxy.close();
  }
}

/** Pieces of content of one stream over HTTP through a proxy; rejects when it breaks. */
export function piecesOverHttp(
  site: QuietSite,
  key: string,
  model: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return withProxy(site, new URL(site.gateway.httpUrl).host, (address) => {
    const baseURL = `http://${address}/v1`;
    return countOverHttp(new OpenAI({ baseURL, apiKey: key, maxRetries: 0 }), model, headers);
  });
}

async function countOverHttp(
  openai: OpenAI,
  model: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
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

/** What a stream carried. */
interface Carried {
  readonly pieces: number;
  readonly keepalives: number;
}

/** What one stream over gRPC through a proxy carried; rejects when it breaks. */
export function piecesOverGrpc(
  site: QuietSite,
  key: string,
  model: string,
  keepaliveSeconds?: number,
): Promise<Carried> {
  return withProxy(site, site.gateway.grpcAddress, (address) => {
    const client = createPenstockClient({ address, virtualKey: key });
    return countOverGrpc(client, model, keepaliveSeconds);
  });
}

async function countOverGrpc(
  client: PenstockClient,
  model: string,
  keepaliveSeconds: number | undefined,
): Promise<Carried> {
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
