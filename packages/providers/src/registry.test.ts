import { countingFormats, formats } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { checkBaseUrl } from "./base-url.ts";
import { credentialHeaders, operationPath } from "./provider.ts";
import { findProvider, providers } from "./registry.ts";

describe("providers", () => {
  it.each(Object.entries(providers))("%s is consistent", (kind, provider) => {
    expect(provider.kind).toBe(kind);
    const offered = provider.operations.generate;
    expect(new Set(offered.map(({ format }) => format)).size).toBe(offered.length);
    for (const address of offered) {
      expect(formats[address.format]).toBeDefined();
      const { count } = address;
      if (count !== undefined) {
        expect(countingFormats[count.format].format).toBe(address.format);
        expect(operationPath(count, "m", false)).toMatch(/^\/[a-z0-9/_-]+(?::countTokens)?$/);
      }
      for (const stream of [false, true]) {
        const path = operationPath(address, "m", stream);
        expect(path).toMatch(/^\/[a-zA-Z0-9/-]+(?::[a-zA-Z]+)?(?:\?[a-z-]+=\w*)?$/);
      }
    }
    const { exampleBaseUrl: example } = provider;
    if (example !== undefined) {
      const open = { privateNetwork: false, allowInsecure: false };
      expect(checkBaseUrl(example, open)).toMatchObject({ ok: true, url: example });
    }
    // Servers that run on one's own machines are called only where an administrator allows it.
    const local = provider.defaultBaseUrl?.startsWith("http://127.") === true;
    const policy = { privateNetwork: local, allowInsecure: false };
    if (provider.defaultBaseUrl !== undefined) {
      const check = checkBaseUrl(provider.defaultBaseUrl, policy);
      expect(check).toMatchObject({ ok: true, url: provider.defaultBaseUrl });
    }
  });

  it("says of every preset how it was checked, and asks for a key where there is one", () => {
    const presets = Object.values(providers).filter((one) => one.presetOf !== undefined);
    expect(presets).toHaveLength(11);
    for (const { kind, verification, auth, defaultBaseUrl } of presets) {
      expect(verification.sources.length, kind).toBeGreaterThan(0);
      expect(auth.required, kind).toBe(defaultBaseUrl?.startsWith("https://"));
    }
  });

  it("says of every kind how it was checked, and from which pages", () => {
    for (const { kind, verification } of Object.values(providers)) {
      const { how, sources } = verification;
      if (how === "fixture from documentation") expect(sources.length, kind).toBeGreaterThan(0);
      for (const source of sources) expect(source).toMatch(/^https:\/\/\S+$/);
    }
  });

  it("is not fooled by names of Object's own members", () => {
    expect(findProvider("constructor")).toBeUndefined();
    expect(findProvider("openai")).toBe(providers.openai);
  });

  it("puts a model's name into a path as one segment", () => {
    const address = { format: "openai-chat", path: "/x", streamPath: "/m/{model}:go" } as const;
    expect(operationPath(address, "a/b:c?d", false)).toBe("/x");
    expect(operationPath(address, "a/b:c?d", true)).toBe("/m/a%2Fb%3Ac%3Fd:go");
    expect(operationPath(address, "$&", true)).toBe("/m/%24%26:go");
  });

  it("sends a credential in a header of its own", () => {
    const auth = { scheme: "header", name: "x-api-key", required: true } as const;
    expect(credentialHeaders({ ...providers.openai, auth }, "k")).toEqual([["x-api-key", "k"]]);
  });

  it("puts the version of an API into a path, and goes by what the base URL ends with", () => {
    const { generate: generating, embed } = providers["azure-openai"].operations;
    const [generate, responses] = generating;
    const behind = (basePath: string): string =>
      operationPath(generate, "my gpt", true, { basePath, apiVersion: "2024-10-21" });
    const classic = "/deployments/my%20gpt/chat/completions?api-version=2024-10-21";
    expect(behind("")).toBe(`/openai${classic}`);
    expect(behind("/openai")).toBe(classic);
    expect(behind("/openai/v1")).toBe("/chat/completions");
    // Responses has no path with a version of that age.
    const bases = ["", "/openai", "/openai/v1"];
    const place = (basePath: string) => ({ basePath, apiVersion: "2024-10-21" });
    const all = bases.map((one) => one + operationPath(responses!, "m", true, place(one)));
    expect(new Set(all)).toEqual(new Set(["/openai/v1/responses"]));
    expect(operationPath(embed!, "m", false, place("/openai"))).toBe(
      "/deployments/m/embeddings?api-version=2024-10-21",
    );
  });

  it("names a model of Bedrock in the path, with another one for streams", () => {
    const [generate] = providers["aws-bedrock"].operations.generate;
    const model = "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.amazon.nova-pro-v1:0";
    const stream = operationPath(generate, model, true);
    expect(stream).toBe(`/model/${encodeURIComponent(model)}/converse-stream`);
    expect(operationPath(generate, "m", false)).toBe("/model/m/converse");
  });

  it("sends the token of a cloud's identity as a bearer token, whatever keys are", () => {
    const azure = providers["azure-openai"];
    expect(credentialHeaders(azure, "k")).toEqual([["api-key", "k"]]);
    expect(credentialHeaders(azure, "t", true)).toEqual([["authorization", "Bearer t"]]);
    expect(credentialHeaders(providers["aws-bedrock"], "k")).toEqual([
      ["authorization", "Bearer k"],
    ]);
  });

  it("sends a credential as a bearer token, and nothing without one", () => {
    expect(credentialHeaders(providers.openai, "k")).toEqual([["authorization", "Bearer k"]]);
    expect(credentialHeaders(providers["openai-compatible"], undefined)).toEqual([]);
  });
});
