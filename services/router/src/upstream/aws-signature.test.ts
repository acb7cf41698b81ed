import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ManualClock, Secret } from "@penstock/runtime";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { AwsSigner, readAwsKeys, regionOfHost } from "./aws-signature.ts";
import { checkSignature } from "./aws-upstream.fixture.ts";
import { call, client, closeAll, serve, target } from "./upstream-client.fixture.ts";

afterEach(closeAll);

const keys = { accessKeyId: "AKIDEXAMPLE12345", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" };
const known = { ...keys, region: "eu-central-1", service: "bedrock" };
const wallMs = Date.UTC(2026, 10, 23, 15, 0, 0);

/** A signed call as a server sees it. */
async function signed(path: string, body: string, sessionToken?: string): Promise<IncomingMessage> {
  const own = sessionToken === undefined ? keys : { ...keys, sessionToken };
  const host = "bedrock-runtime.eu-central-1.amazonaws.com";
  const signer = new AwsSigner(own, { host, region: known.region, service: known.service });
  const flat = await signer.sign({ method: "POST", path, body, wallMs });
  const headers: Record<string, string> = { host, "content-type": "application/json" };
  for (let at = 0; at < flat.length; at += 2) headers[flat[at] ?? ""] = flat[at + 1] ?? "";
  return { method: "POST", url: path, headers } as unknown as IncomingMessage;
}

describe("AwsSigner", () => {
  it("signs as a server of AWS checks it, whatever is in path, body and token", async () => {
    const model = fc.stringMatching(/^[a-z][A-Za-z0-9._:/-]{0,60}$/).map(encodeURIComponent);
    const token = fc.option(fc.stringMatching(/^[A-Za-z0-9+/=:]{1,80}$/), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(model, fc.string(), token, async (name, body, sessionToken) => {
        const request = await signed(`/model/${name}/converse`, body, sessionToken);
        const now = sessionToken === undefined ? known : { ...known, sessionToken };
        expect(checkSignature(request, Buffer.from(body), now)).toBe("");
        const other = checkSignature(request, Buffer.from(`${body}.`), now);
        expect(other).toBe("another signature");
      }),
      { numRuns: 50 },
    );
  });

  it("says when it was signed and by the hash of which body", async () => {
    const { headers } = await signed("/model/m/converse", "{}");
    expect(headers["x-amz-date"]).toBe("20261123T150000Z");
    const hash = createHash("sha256").update("{}").digest("hex");
    expect(headers["x-amz-content-sha256"]).toBe(hash);
  });

  it("does not sign for a region that nobody named", async () => {
    const scope = { host: "models.test", region: "", service: "bedrock" };
    const signing = new AwsSigner(keys, scope).sign({
      method: "POST",
      path: "/",
      body: "",
      wallMs,
    });
    await expect(signing).rejects.toThrow("region");
  });
});

describe("keys of AWS", () => {
  it.each([
    ["AKIDEXAMPLE12345:wJalrXUtnFEMI/K7MDENG", "AKIDEXAMPLE12345", undefined],
    ["ASIAEXAMPLE12345:wJalrXUtnFEMI/K7MDENG:a:b==", "ASIAEXAMPLE12345", "a:b=="],
    ["ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", undefined, undefined],
    ["bedrock-api-key-YmVkcm9jay5hbWF6b24=", undefined, undefined],
    ["AKIDEXAMPLE12345", undefined, undefined],
  ])("%s", (text, id, token) => {
    const read = readAwsKeys(new Secret(text));
    expect([read?.accessKeyId, read?.sessionToken]).toEqual([id, token]);
  });

  it.each([
    ["bedrock-runtime.us-east-1.amazonaws.com", "us-east-1"],
    ["bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"],
    ["bedrock-runtime.ap-southeast-2.api.aws", "ap-southeast-2"],
    ["bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"],
    ["vpce-1a-2b.bedrock-runtime.eu-west-1.vpce.amazonaws.com", "eu-west-1"],
    ["models.example.com", ""],
    ["eu-west-1.example.com", ""],
  ])("are good in the region of %s: %j", (host, region) => {
    expect(regionOfHost(host)).toBe(region);
  });
});

describe("UpstreamClient and Bedrock", () => {
  const bedrock = { kind: "aws-bedrock" };
  const credentials = (text: string) => ({ version: 0, resolve: () => new Secret(text) });
  const model = encodeURIComponent("anthropic.claude-v2:1");
  const deployment = {
    region: known.region,
    format: "bedrock-converse",
    path: `/model/${model}/converse`,
    streamPath: `/model/${model}/converse-stream`,
  };

  async function receive(text: string, more: object = {}) {
    const got: { request: IncomingMessage; problem: string }[] = [];
    const origin = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        const problem = checkSignature(request, Buffer.concat(chunks), known);
        got.push({ request, problem });
        response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" }).end();
      });
    });
    const clock = new ManualClock();
    clock.setWall(wallMs);
    const upstream = client({ credentials: credentials(text), clock });
    const { sink } = call(upstream, target(origin, bedrock, { ...deployment, ...more }), true);
    await sink.ended;
    return { got, sink };
  }

  it("signs each call, and knows its binary stream for one", async () => {
    const { got, sink } = await receive(`${keys.accessKeyId}:${keys.secretAccessKey}`);
    expect(sink).toMatchObject({ failure: undefined, status: 200, isEventStream: true });
    expect(got.map(({ problem }) => problem)).toEqual([""]);
    const { url, headers } = got[0]!.request;
    expect(url).toBe(`/model/${model}/converse-stream`);
    expect(headers["accept"]).toBe("application/vnd.amazon.eventstream");
    expect(headers["x-amz-date"]).toBe("20261123T150000Z");
    expect(headers["x-request-id"]).toBe("r.1");
  });

  it("sends an API key of Bedrock as a bearer token", async () => {
    const { got } = await receive("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl");
    const { headers } = got[0]!.request;
    expect(headers.authorization).toBe("Bearer ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl");
    expect(headers["x-amz-date"]).toBeUndefined();
  });

  it("calls nobody where it does not know the region", async () => {
    const text = `${keys.accessKeyId}:${keys.secretAccessKey}`;
    const { got, sink } = await receive(text, { region: "" });
    expect(got).toEqual([]);
    expect(sink.failure).toMatchObject({ class: "AUTH_FAILED", sentBytes: false });
  });

  it("sends nothing when it was cancelled while it was signed", async () => {
    let requests = 0;
    const origin = await serve((_request, response) => {
      requests += 1;
      response.end("{}");
    });
    const text = `${keys.accessKeyId}:${keys.secretAccessKey}`;
    const upstream = client({ credentials: credentials(text) });
    const to = target(origin, bedrock, deployment);
    const { sink, handle } = call(upstream, to);
    handle.cancel();
    // A later call goes the same way and ends, so that the first one had its time.
    await call(upstream, to).sink.ended;
    expect(sink.calls).toEqual([]);
    expect(requests).toBe(1);
  });
});
