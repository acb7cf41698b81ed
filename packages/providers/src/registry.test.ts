import { formats } from "@penstock/formats";
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
      expect(operationPath(address, "m", false)).toMatch(/^\/[a-zA-Z/]+(?::[a-zA-Z]+)?$/);
    }
    const policy = { privateNetwork: false, allowInsecure: false };
    if (provider.defaultBaseUrl !== undefined) {
      const check = checkBaseUrl(provider.defaultBaseUrl, policy);
      expect(check).toMatchObject({ ok: true, url: provider.defaultBaseUrl });
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

  it("sends a credential as a bearer token, and nothing without one", () => {
    expect(credentialHeaders(providers.openai, "k")).toEqual([["authorization", "Bearer k"]]);
    expect(credentialHeaders(providers["openai-compatible"], undefined)).toEqual([]);
  });
});
