import { createHash, createHmac } from "node:crypto";
import type { Hash, Hmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";
import { ManualClock, Secret } from "@penstock/runtime";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { AwsSigner, readAwsKeys, regionOfHost } from "./aws-signature.ts";
import type { AwsKeys, SigningScope } from "./aws-signature.ts";
import { checkSignature } from "./aws-upstream.fixture.ts";
import { call, client, closeAll, serve, target } from "./upstream-client.fixture.ts";

afterEach(closeAll);

const keys = { accessKeyId: "AKIDEXAMPLE12345", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" };
const known = { ...keys, region: "eu-central-1", service: "bedrock" };
const wallMs = Date.UTC(2026, 10, 23, 15, 0, 0);

/** A signed call as a server sees it. */
function signed(path: string, body: string, sessionToken?: string): IncomingMessage {
  const own = sessionToken === undefined ? keys : { ...keys, sessionToken };
  const host = "bedrock-runtime.eu-central-1.amazonaws.com";
  const signer = new AwsSigner(own, { host, region: known.region, service: known.service });
  const flat = signer.sign({ method: "POST", path, body, wallMs });
  const headers: Record<string, string> = { host, "content-type": "application/json" };
  for (let at = 0; at < flat.length; at += 2) headers[flat[at] ?? ""] = flat[at + 1] ?? "";
  return { method: "POST", url: path, headers } as unknown as IncomingMessage;
}

/** The headers that the signer of the vendor's client adds to the same call. */
async function signedByVendor({ own, scope, path, body, wallMs: atMs }: VendorCall) {
  const { region, service, host } = scope;
  const signer = new SignatureV4({ credentials: own, region, service, sha256: VendorHash });
  const headers = { host, "content-type": "application/json" };
  const [hostname, port] = host.split(":");
  const call = {
    method: "POST",
    protocol: "https:",
    hostname: hostname ?? "",
    path,
    body,
    headers,
  };
  const request = { ...call, ...(port === undefined ? {} : { port: Number(port) }) };
  const signed = await signer.sign(request, { signingDate: new Date(atMs) });
  const { host: _host, "content-type": _type, ...added } = signed.headers;
  return added;
}

interface VendorCall {
  readonly own: AwsKeys;
  readonly scope: SigningScope;
  readonly path: string;
  readonly body: string | Buffer;
  readonly wallMs: number;
}

/** Node's hashes in the form that the vendor's signer asks for. */
class VendorHash {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === "string" ? secret : new Uint8Array(bytesOf(secret));
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", key);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new Error("a hash is used once");
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView = new ArrayBuffer(0)): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

describe("AwsSigner", () => {
  it("signs as a server of AWS checks it, whatever is in path, body and token", () => {
    const model = fc.stringMatching(/^[a-z][A-Za-z0-9._:/-]{0,60}$/).map(encodeURIComponent);
    const token = fc.option(fc.stringMatching(/^[A-Za-z0-9+/=:]{1,80}$/), { nil: undefined });
    fc.assert(
      fc.property(model, fc.string(), token, (name, body, sessionToken) => {
        const request = signed(`/model/${name}/converse`, body, sessionToken);
        const now = sessionToken === undefined ? known : { ...known, sessionToken };
        expect(checkSignature(request, Buffer.from(body), now)).toBe("");
        const other = checkSignature(request, Buffer.from(`${body}.`), now);
        expect(other).toBe("another signature");
      }),
      { numRuns: 50 },
    );
  });

  it("signs as the signer of the vendor's own client does", async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9._:!'()*~ -]{1,40}$/);
    const token = fc.option(fc.stringMatching(/^[!-~][ -~]{0,80}$/), { nil: undefined });
    const time = fc.integer({ min: 0, max: 4_102_444_800_000 });
    // One signer for all, so that days and paths change under it as they do in earnest.
    const scope = { host: "models.test:8443", region: "us-gov-west-1", service: "bedrock" };
    const signers = new Map<string | undefined, AwsSigner>();
    const body = fc.oneof(
      fc.string(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    const calls = fc.tuple(name, body, token, time);
    await fc.assert(
      fc.asyncProperty(calls, async ([model, content, sessionToken, atMs]) => {
        const own = sessionToken === undefined ? keys : { ...keys, sessionToken };
        const signer = signers.get(sessionToken) ?? new AwsSigner(own, scope);
        signers.set(sessionToken, signer);
        const path = `/a//model/${encodeURIComponent(model)}/./converse`;
        const ours = signer.sign({ method: "POST", path, body: content, wallMs: atMs });
        const theirs = await signedByVendor({ own, scope, path, body: content, wallMs: atMs });
        const flat = new Map<string, string>();
        for (let at = 0; at < ours.length; at += 2) flat.set(ours[at] ?? "", ours[at + 1] ?? "");
        expect(Object.fromEntries(flat)).toEqual(theirs);
      }),
      {
        numRuns: 200,
        examples: [[["m", "{}", undefined, wallMs]], [["m", "{}", undefined, wallMs + 86_400_000]]],
      },
    );
  });

  it("says when it was signed and by the hash of which body", () => {
    const { headers } = signed("/model/m/converse", "{}");
    expect(headers["x-amz-date"]).toBe("20261123T150000Z");
    const hash = createHash("sha256").update("{}").digest("hex");
    expect(headers["x-amz-content-sha256"]).toBe(hash);
  });

  it("does not sign for a region that nobody named", () => {
    const scope = { host: "models.test", region: "", service: "bedrock" };
    const signer = new AwsSigner(keys, scope);
    const sign = () => signer.sign({ method: "POST", path: "/", body: "", wallMs });
    expect(sign).toThrow("region");
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

  it("sends nothing when it was cancelled before it had a connection", async () => {
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
