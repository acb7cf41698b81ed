import { describe, expect, it } from "vitest";
import { configKey, confirmedKey, resourceNameOfKey, usageSubject } from "./subjects.ts";

describe("subjects", () => {
  it.each([
    ["providers/openai", "providers.openai"],
    ["priceBooks/list-2026", "priceBooks.list-2026"],
    ["projects/chat", "projects.chat"],
    ["projects/chat/virtualKeys/ci", "virtualKeys.chat.ci"],
  ])("%s has the key %s, and back", (name, key) => {
    expect(configKey(name)).toBe(key);
    expect(resourceNameOfKey(key)).toBe(name);
  });

  it.each(["", "head", "providers/", "providers/a.b", "providers/*", "a/b/c", "teams/a/keys/b"])(
    "refuses %j",
    (name) => {
      expect(() => configKey(name)).toThrow(expect.objectContaining({ reason: "FIELD_INVALID" }));
    },
  );

  it("knows keys that are no resources", () => {
    expect(resourceNameOfKey("head")).toBeUndefined();
    expect(resourceNameOfKey("virtualKeys.a")).toBeUndefined();
    expect(resourceNameOfKey("a.b.c")).toBeUndefined();
  });

  it("makes one word of a replica", () => {
    expect(usageSubject("router-0_a")).toBe("usage.v1.router-0_a");
    expect(confirmedKey("quota", "router-0", 7n)).toBe("quota.router-0.7");
    expect(() => usageSubject("a.b")).toThrow();
    expect(() => usageSubject(">")).toThrow();
  });
});
