import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { azureWorkloadIdentity } from "./azure-workload-identity.ts";
import { closeAll, serve } from "./upstream-client.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "penstock-azure-"));
const tokenFile = join(folder, "token");

afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true }));

interface TokenServer {
  readonly asked: { url: string | undefined; form: Record<string, string> }[];
  readonly origin: string;
}

async function tokenServer(status: number, answer: unknown): Promise<TokenServer> {
  const asked: TokenServer["asked"] = [];
  const origin = await serve((request, response) => {
    void textOf(request).then((text) => {
      asked.push({ url: request.url, form: Object.fromEntries(new URLSearchParams(text)) });
      const body = typeof answer === "string" ? answer : JSON.stringify(answer);
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    });
  });
  return { asked, origin };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function obtain(authority: string, argument = "", without = "") {
  const environment: Record<string, string> = {
    AZURE_CLIENT_ID: "client-1",
    AZURE_TENANT_ID: "tenant-1",
    AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    AZURE_AUTHORITY_HOST: authority,
  };
  const identity = azureWorkloadIdentity({
    readVariable: (name) => (name === without ? undefined : environment[name]),
    wallMs: () => 1_000,
  });
  return identity.obtain(argument, AbortSignal.timeout(5_000));
}

describe("Azure workload identity", () => {
  it("exchanges the token of the pod, which it reads anew each time", async () => {
    const answer = { token_type: "Bearer", expires_in: 3_599, access_token: "entra-token" };
    const { asked, origin } = await tokenServer(200, answer);
    writeFileSync(tokenFile, "first\n");
    const { secret, expireTimeMs } = await obtain(`${origin}/`);
    expect([secret.reveal(), expireTimeMs]).toEqual(["entra-token", 3_600_000]);
    writeFileSync(tokenFile, "second");
    await obtain(origin, "api://my-gateway/.default");
    const common = {
      grant_type: "client_credentials",
      client_id: "client-1",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    };
    const scope = "https://cognitiveservices.azure.com/.default";
    expect(asked).toEqual([
      { url: "/tenant-1/oauth2/v2.0/token", form: { ...common, scope, client_assertion: "first" } },
      {
        url: "/tenant-1/oauth2/v2.0/token",
        form: { ...common, scope: "api://my-gateway/.default", client_assertion: "second" },
      },
    ]);
  });

  it("says what Entra said, without the token", async () => {
    writeFileSync(tokenFile, "assertion-of-the-pod");
    const words = "AADSTS700016: no such application.\r\nTrace ID: x";
    const { origin } = await tokenServer(401, {
      error: "invalid_client",
      error_description: words,
    });
    const refused = await obtain(origin).catch((error: Error) => error.message);
    expect(refused).toBe("Entra answered 401 (invalid_client) AADSTS700016: no such application.");
  });

  it.each([
    ["no JSON", "<html>"],
    ["no token", { expires_in: 1 }],
    ["no end", { access_token: "t" }],
    ["an answer that is too large", "x".repeat(100_000)],
  ])("refuses %s", async (_name, answer) => {
    writeFileSync(tokenFile, "t");
    const { origin } = await tokenServer(200, answer);
    await expect(obtain(origin)).rejects.toThrow("Entra's answer");
  });

  it("follows no redirect, and sends the assertion to no address in the clear", async () => {
    writeFileSync(tokenFile, "t");
    const { origin } = await tokenServer(302, {});
    await expect(obtain(origin)).rejects.toThrow("302");
    await expect(obtain("http://login.example.com")).rejects.toThrow("https");
    await expect(obtain("no address")).rejects.toThrow("https");
  });

  it.each(["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"])(
    "says that %s is not set",
    async (name) => {
      await expect(obtain("http://127.0.0.1:9", "", name)).rejects.toThrow(`${name} is not set`);
    },
  );
});
