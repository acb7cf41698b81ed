import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ProviderSchema } from "@penstock/api";
import { ListResourcesResponseSchema, ListTargetHealthResponseSchema } from "@penstock/api";
import { providers } from "@penstock/providers";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { checkCredentials } from "./check-credentials.ts";
import { checkDoors } from "./check-doors.ts";
import { checkProviders } from "./check-providers.ts";

const server = createServer((request, response) => {
  response.writeHead(request.url === "/v1/models" ? 401 : 404).end();
});
let origin = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

function clientsWith(list: readonly MessageInitShape<typeof ProviderSchema>[]) {
  const resources = list.map((value) => ({ resource: { case: "provider" as const, value } }));
  const listResources = async () => create(ListResourcesResponseSchema, { resources });
  return { resources: { listResources } } as unknown as Parameters<typeof checkProviders>[0];
}

describe("checkProviders", () => {
  it("asks every provider where a router would, its own address before that of its kind", async () => {
    const found = await checkProviders(
      clientsWith([
        { name: "providers/here", kind: "anthropic", baseUrl: `${origin}/v1` },
        { name: "providers/gone", kind: "groq", baseUrl: "http://127.0.0.1:1/v1" },
        { name: "providers/azure", kind: "azure-openai" },
        { name: "providers/far", kind: "xai", transport: { proxy: "http://proxy.example:3128" } },
      ]),
    );
    expect(found.map(({ check, state }) => [check, state])).toEqual([
      [`providers/here ${origin}`, "ok"],
      ["providers/gone http://127.0.0.1:1", "fail"],
      ["providers/azure", "fail"],
      ["providers/far https://api.x.ai", "ok"],
    ]);
    expect(found[1]?.advice).toContain("http://127.0.0.1:1/v1");
    expect(found[2]?.advice).toContain("baseUrl");
    expect(found[3]?.detail).toContain("goes through http://proxy.example:3128");
  });

  it("says what a router says of a connection that fails, and what to do", async () => {
    const noHttp = createTcpServer((socket) => socket.end("220 mail.example ESMTP\r\n"));
    await new Promise<void>((resolve) => noHttp.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void noHttp.close());
    const { port } = noHttp.address() as AddressInfo;
    const [cleartext, unreadable, closed] = await checkProviders(
      clientsWith([
        { name: "providers/tls", kind: "groq", baseUrl: origin.replace("http:", "https:") },
        { name: "providers/mail", kind: "groq", baseUrl: `http://127.0.0.1:${port}` },
        { name: "providers/closed", kind: "groq", baseUrl: "http://127.0.0.1:1" },
      ]),
    );
    expect(cleartext?.detail).toContain("could not be called, as TLS failed (");
    expect(cleartext?.advice).toContain("certificate");
    expect(unreadable?.detail).toMatch(/sent an answer that can't be read \(HPE_\w+\)/);
    expect(unreadable?.advice).toContain("https://");
    expect(closed?.detail).toContain("refused the connection (ECONNREFUSED)");
    expect(closed?.advice).toContain("transport.proxy");
  });

  it("knows the address of each kind that has one", async () => {
    const kinds = Object.values(providers).filter((one) => one.defaultBaseUrl !== undefined);
    expect(kinds.length).toBeGreaterThan(10);
    // Behind a proxy nobody is asked, so that no vendor hears of this test.
    const transport = { proxy: "http://proxy.example:3128" };
    const found = await checkProviders(
      clientsWith(kinds.map(({ kind }) => ({ name: `providers/${kind}`, kind, transport }))),
    );
    const addresses = kinds.map((one) => new URL(one.defaultBaseUrl ?? "").origin);
    expect(found.map(({ check }) => check.split(" ")[1])).toEqual(addresses);
  });
});

describe("checkCredentials", () => {
  const router = (missingCredentials: readonly object[]) => () => ({
    listTargetHealth: async () =>
      create(ListTargetHealthResponseSchema, { missingCredentials: [...missingCredentials] }),
  });

  it("says what the router lacks and what to do, by the form of the reference", async () => {
    const deployments = ["a", "b", "c", "d"].map((id) => `deployments/${id}`);
    const many = Array.from({ length: 20 }, (_, index) => `deployments/m${index}`);
    const lacksKey = { reference: "env:KEY_OF_E", problem: "is not set" };
    const missing = [
      { provider: "providers/e", reference: "env:KEY_OF_E", problem: "is not set", deployments },
      { ...lacksKey, provider: "providers/e2", deployments: many },
      { ...lacksKey, provider: "providers/e3", deployments: ["deployments/a"] },
      { provider: "providers/f", reference: "file:/run/key", problem: "can't be read" },
      { provider: "providers/g", reference: "", problem: "is not named" },
      { provider: "providers/h", reference: "aws-default:", problem: "was refused by its cloud" },
    ];
    const found = await checkCredentials(router(missing) as never);
    expect(found.map(({ state }) => state)).toEqual(["fail", "fail", "fail", "fail"]);
    expect(found[0]).toMatchObject({
      check: "credential env:KEY_OF_E",
      detail:
        "env:KEY_OF_E is not set; not asked: 4 deployments of providers/e, " +
        "20 or more deployments of providers/e2, deployments/a of providers/e3 [CREDENTIAL_MISSING]",
      advice: "Set KEY_OF_E where the router is started, and start it again.",
    });
    expect(found.slice(1).map(({ advice }) => advice)).toEqual([
      expect.stringContaining("into /run/key"),
      expect.stringContaining("Give providers/g a credential"),
      expect.stringContaining("log"),
    ]);
  });

  it("warns of deployments that are refused, with what their provider said", async () => {
    const refusal = 'HTTP status 401 invalid_api_key "Wrong key"';
    const refused = { ejected: true, reason: "credential_refused", refusal };
    const targets = [
      ...["a", "b", "c", "d"].map((name) => ({ deployment: `deployments/${name}`, ...refused })),
      {
        deployment: "deployments/e",
        ejected: true,
        reason: "deployment_refused (in 1 of 2 workers)",
      },
      { deployment: "deployments/f", ejected: true, reason: "breaker_open" },
    ];
    const response = create(ListTargetHealthResponseSchema, { targets });
    const found = await checkCredentials((() => ({
      listTargetHealth: async () => response,
    })) as never);
    expect(found).toMatchObject([
      {
        state: "warn",
        detail:
          `a provider refused the router's credential: ${refusal}; not asked: ` +
          "deployments/a, deployments/b, deployments/c and 1 more",
        advice: expect.stringContaining("within 30 s"),
      },
      { state: "warn", detail: expect.stringMatching(/the model.*deployments\/e$/) },
    ]);
  });

  it("is well when nothing is missing, and says when nobody was asked or answers", async () => {
    expect(await checkCredentials(router([]) as never)).toMatchObject([{ state: "ok" }]);
    expect(await checkCredentials(undefined)).toMatchObject([
      { state: "warn", advice: expect.stringContaining("--admin-url") },
    ]);
    const gone = () => ({ listTargetHealth: () => Promise.reject(new Error("gone")) });
    expect(await checkCredentials(gone as never)).toMatchObject([{ state: "warn" }]);
  });
});

it("looks at the doors of demo.env, whatever their ports", async () => {
  const found = await checkDoors(
    { OPENAI_BASE_URL: `${origin}/v1`, PENSTOCK_GRPC_ADDRESS: new URL(origin).host },
    undefined,
  );
  expect(found).toMatchObject([
    { check: `HTTP door ${origin}/v1`, state: "ok" },
    { check: `gRPC door ${new URL(origin).host}`, state: "ok" },
  ]);
  const closed = await checkDoors({ PENSTOCK_GRPC_ADDRESS: "127.0.0.1:1" }, undefined);
  expect(closed).toMatchObject([{ state: "fail", detail: expect.stringContaining("127.0.0.1:1") }]);
  const other = await checkDoors({ OPENAI_BASE_URL: `${origin}/other` }, undefined);
  expect(other).toMatchObject([{ state: "warn", detail: expect.stringContaining("404") }]);
});
