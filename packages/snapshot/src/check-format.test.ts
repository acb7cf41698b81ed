import { findProvider } from "@penstock/providers";
import type { Provider } from "@penstock/providers";
import { describe, expect, it, vi } from "vitest";

import { compileSnapshot } from "./compile-snapshot.ts";
import {
  entry,
  headOf,
  routeEntry,
  smallConfiguration,
  testEnvironment,
} from "./example-entries.fixture.ts";
import type { Snapshot } from "./snapshot.ts";

// Kinds of the test's own, as the formats of the real ones are no business of this rule.
vi.mock(import("@penstock/providers"), async (importOriginal) => {
  const original = await importOriginal();
  const kind = (name: string, generate: Provider["operations"]["generate"]): Provider => ({
    ...original.providers["openai-compatible"],
    kind: name as "openai",
    operations: { generate },
  });
  const second = { format: "second" as "openai-chat", path: "/second" };
  const kinds: Record<string, Provider> = {
    two: kind("two", [
      { format: "openai-chat", path: "/first" },
      { ...second, capabilities: { tools: false } },
    ]),
    other: kind("other", [{ format: "other" as "openai-chat", path: "/other" }]),
  };
  return { ...original, findProvider: (name: string) => kinds[name] };
});

type Changes = Parameters<typeof compileSnapshot>[1];

const compile = (previous: Snapshot | undefined, changes: Changes, revision = 1): Snapshot =>
  compileSnapshot(previous, changes, headOf(revision), testEnvironment).snapshot;

const provider = (revision: number, kind: string) =>
  entry("provider", revision, {
    name: "providers/v",
    kind,
    baseUrl: "https://models.example.com/v1",
  });

const deployment = (revision: number, format?: string) =>
  entry("deployment", revision, {
    name: "deployments/d",
    provider: "providers/v",
    model: "large",
    ...(format === undefined ? {} : { format }),
  });

const begin = (format?: string): Snapshot =>
  compile(undefined, [...smallConfiguration(), provider(1, "two"), deployment(1, format)]);

describe("the format of a deployment", () => {
  it("is the first that the kind offers, or the chosen one with its path and capabilities", () => {
    expect(findProvider("two")).toBeDefined();
    expect(begin().deployments.get("deployments/d")).toMatchObject({
      format: "openai-chat",
      path: "/v1/first",
      capabilities: { tools: true },
    });
    expect(begin("second").deployments.get("deployments/d")).toMatchObject({
      format: "second",
      path: "/v1/second",
      streamPath: "/v1/second",
      capabilities: { tools: false, streaming: true },
    });
  });

  it("is refused where the kind does not offer it, and what was there stays", () => {
    const before = begin("second");
    const after = compile(before, [deployment(2, "third")], 2);
    expect(after.problems).toEqual([
      {
        name: "deployments/d",
        revision: 2n,
        field: "format",
        description: "must be one that the kind two offers: openai-chat, second",
        reason: "INVALID",
      },
    ]);
    expect(after.deployments.get("deployments/d")?.format).toBe("second");
  });

  it("is a problem also when the provider becomes of another kind, until that offers it", () => {
    const before = begin("second");
    const after = compile(before, [provider(2, "other")], 2);
    expect(after.problems.find(({ name }) => name === "deployments/d")).toMatchObject({
      field: "format",
      description: "must be one that the kind other offers: other",
    });
    expect(after.deployments.get("deployments/d")).toBeUndefined();
    const back = compile(after, [provider(3, "two")], 3);
    expect(back.problems).toEqual([]);
    expect(back.deployments.get("deployments/d")?.format).toBe("second");
  });

  it("may change together with the kind", () => {
    const after = compile(begin("second"), [provider(2, "other"), deployment(2, "other")], 2);
    expect(after.problems).toEqual([]);
    expect(after.deployments.get("deployments/d")?.path).toBe("/v1/other");
  });

  it("follows the kind where none is chosen", () => {
    const after = compile(begin(), [provider(2, "other"), routeEntry(2, "routes/s", ["m"])], 2);
    expect(after.problems).toEqual([]);
    expect(after.deployments.get("deployments/d")?.format).toBe("other");
  });
});
