import { formats } from "@penstock/formats";
import { describe, expect, it } from "vitest";
import { checkBaseUrl } from "./base-url.ts";
import { credentialHeaders } from "./provider.ts";
import { findProvider, providers } from "./registry.ts";

describe("providers", () => {
  it.each(Object.entries(providers))("%s is consistent", (kind, provider) => {
    expect(provider.kind).toBe(kind);
    expect(formats[provider.operations.generate.format]).toBeDefined();
    expect(provider.operations.generate.path).toMatch(/^\/[a-z/]+$/);
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

  it("sends a credential as a bearer token, and nothing without one", () => {
    expect(credentialHeaders(providers.openai, "k")).toEqual([["authorization", "Bearer k"]]);
    expect(credentialHeaders(providers["openai-compatible"], undefined)).toEqual([]);
  });
});
