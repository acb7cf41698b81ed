import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { awsDefaultChain } from "./aws-default-chain.ts";
import { readAwsKeys } from "./aws-signature.ts";
import { closeAll, listen, serve } from "./upstream-client.fixture.ts";
import { createServer } from "node:net";

const folder = mkdtempSync(join(tmpdir(), "penstock-aws-"));
const expireTimeMs = Date.UTC(2036, 0, 1);
const expiration = new Date(expireTimeMs).toISOString();

beforeEach(() => {
  // Nothing of this machine: no files, no metadata service, no identity of who runs the tests.
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "none"));
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "none"));
  vi.stubEnv("AWS_REGION", "eu-central-1");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await closeAll();
});
afterAll(() => rmSync(folder, { recursive: true }));

const obtain = (argument = "", signal: AbortSignal = AbortSignal.timeout(10_000)) =>
  awsDefaultChain.obtain(argument, signal);

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe("Amazon's default chain", () => {
  it("takes keys of the environment, which do not expire", async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT1");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secretsecretsecret");
    const { secret, expireTimeMs: end } = await obtain();
    expect(secret.reveal()).toBe("AKIAENVIRONMENT1:secretsecretsecret");
    expect(new Date(end).toISOString()).toMatch(/^\+/);
  });

  it("takes the profile that the reference names", async () => {
    const file = join(folder, "credentials");
    writeFileSync(
      file,
      "[other]\naws_access_key_id=AKIAPROFILE12345\naws_secret_access_key=profileprofileprofile\n",
    );
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file);
    const { secret } = await obtain("other");
    expect(secret.reveal()).toBe("AKIAPROFILE12345:profileprofileprofile");
  });

  it("exchanges the web identity of a pod for a role at STS", async () => {
    const asked: URLSearchParams[] = [];
    const sts = await serve((request, response) => {
      void textOf(request).then((text) => {
        asked.push(new URLSearchParams(text));
        response.writeHead(200, { "content-type": "text/xml" }).end(`
          <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <AssumeRoleWithWebIdentityResult>
              <Credentials>
                <AccessKeyId>ASIAWEBIDENTITY1</AccessKeyId>
                <SecretAccessKey>webwebwebwebwebweb</SecretAccessKey>
                <SessionToken>token:1==</SessionToken>
                <Expiration>${expiration}</Expiration>
              </Credentials>
            </AssumeRoleWithWebIdentityResult>
          </AssumeRoleWithWebIdentityResponse>`);
      });
    });
    const file = join(folder, "token");
    writeFileSync(file, "header.claims.signature");
    vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", file);
    vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/router");
    vi.stubEnv("AWS_ROLE_SESSION_NAME", "router-1");
    vi.stubEnv("AWS_ENDPOINT_URL_STS", sts);
    const { secret, expireTimeMs: end } = await obtain();
    expect(asked.map((form) => Object.fromEntries(form))).toEqual([
      {
        Action: "AssumeRoleWithWebIdentity",
        Version: "2011-06-15",
        RoleArn: "arn:aws:iam::123456789012:role/router",
        RoleSessionName: "router-1",
        WebIdentityToken: "header.claims.signature",
      },
    ]);
    expect(end).toBe(expireTimeMs);
    expect(readAwsKeys(secret)).toEqual({
      accessKeyId: "ASIAWEBIDENTITY1",
      secretAccessKey: "webwebwebwebwebweb",
      sessionToken: "token:1==",
    });
  });

  it("asks the metadata of its container, anew each time", async () => {
    const tokens: (string | undefined)[] = [];
    const metadata = await serve((request, response) => {
      tokens.push(request.headers.authorization);
      response.writeHead(200, { "content-type": "application/json" }).end(
        JSON.stringify({
          AccessKeyId: `ASIACONTAINER${String(tokens.length).padStart(3, "0")}`,
          SecretAccessKey: "containercontainer",
          Token: "t",
          Expiration: expiration,
        }),
      );
    });
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `${metadata}/v1/credentials`);
    vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-token");
    const first = await obtain();
    const second = await obtain();
    expect(first.secret.reveal()).toBe("ASIACONTAINER001:containercontainer:t");
    expect(second.secret.reveal()).toBe("ASIACONTAINER002:containercontainer:t");
    expect(tokens).toEqual(["pod-token", "pod-token"]);
  });

  it("says that there is nothing, and ends in time when nobody answers", async () => {
    await expect(obtain()).rejects.toThrow(/credentials/i);
    const silent = await listen(createServer(() => undefined));
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `${silent}/v1/credentials`);
    await expect(obtain("", AbortSignal.timeout(50))).rejects.toThrow("in time");
  });
});
