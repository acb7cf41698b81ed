import { systemClock } from "@penstock/runtime";
import { silentObservability } from "@penstock/observability";
import type { CompiledDeployment, CompiledProvider } from "@penstock/snapshot";
import { expect, it } from "vitest";
import { Credentials } from "../upstream/credentials.ts";
import { missingCredentials } from "./missing-credentials.ts";

const { logger } = silentObservability();

function deployment(name: string, provider: string, kind: string, credential: string) {
  const compiled = { name: `providers/${provider}`, kind, credential } as CompiledProvider;
  return { name: `deployments/${name}`, provider: compiled } as CompiledDeployment;
}

it("names each provider that can't be called, why, and what goes by it", () => {
  const variables: Record<string, string> = { SET: "sk-1", EMPTY: "", NOT_SENDABLE: "two words" };
  const readVariable = (name: string) => variables[name];
  const credentials = new Credentials({ clock: systemClock, logger, readVariable, identities: [] });
  const all = [
    deployment("b", "unset", "openai", "env:NOT_SET"),
    deployment("a", "unset", "openai", "env:NOT_SET"),
    deployment("c", "set", "openai", "env:SET"),
    deployment("d", "empty", "groq", "env:EMPTY"),
    deployment("e", "file", "anthropic", "file:/nowhere/key"),
    deployment("f", "unnamed", "anthropic", ""),
    deployment("g", "open", "openai-compatible", ""),
    deployment("h", "odd", "openai", "env:NOT_SENDABLE"),
  ];
  const deployments = new Map(all.map((one) => [one.name, one]));
  const missing = missingCredentials({ deployments } as never, credentials);
  expect(missing.map(({ provider, reference, problem }) => [provider, reference, problem])).toEqual(
    [
      ["providers/empty", "env:EMPTY", "is empty"],
      ["providers/file", "file:/nowhere/key", "can't be read"],
      ["providers/odd", "env:NOT_SENDABLE", "can't be a credential"],
      ["providers/unnamed", "", "is not named, and providers of kind anthropic need one"],
      ["providers/unset", "env:NOT_SET", "is not set"],
    ],
  );
  expect(missing.at(-1)?.deployments).toEqual(["deployments/a", "deployments/b"]);
  expect(missingCredentials(undefined, credentials)).toEqual([]);
});
