import type { Sampling } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { openaiSampling } from "./openai-rules.ts";

const samplingName = "penstock.inference.v1.Sampling" as const;

function asked(model: string, effort: string | undefined, fields: object = {}) {
  const warnings: string[] = [];
  const all: Sampling = { $typeName: samplingName, stopSequences: [], ...fields };
  const { sampling, effort: known } = openaiSampling(all, effort, {
    model,
    warn: (warning) => warnings.push(warning),
  });
  return { sampling, known, warnings };
}

// developers.openai.com/api/docs/guides/reasoning and api/reference, `reasoning_effort`.
describe("openaiSampling", () => {
  it.each([
    ["o3", "max", "high"],
    ["o4-mini-2025-04-16", "none", "low"],
    ["gpt-5-mini", "none", "minimal"],
    ["openai/gpt-5.1", "minimal", "none"],
    ["gpt-5.1", "xhigh", "high"],
    ["gpt-5.6-sol", "max", "xhigh"],
    ["gpt-5-pro", "low", "low"],
    ["gpt-4.1", "max", "max"],
    ["our-deployment", "max", "max"],
    ["gpt-5.2", "enormous", "enormous"],
  ])("says for %s the effort %s as %s", (model, effort, known) => {
    expect(asked(model, effort)).toMatchObject({
      known,
      warnings: { length: +(known !== effort) },
    });
  });

  it("leaves out what a model that reasons refuses, and says so of what is no default", () => {
    const fields = { temperature: 0.2, topP: 1, topLogprobs: 2, stopSequences: ["END"] };
    const reasoning = asked("gpt-5", undefined, fields);
    const { temperature, topP, topLogprobs, stopSequences } = reasoning.sampling!;
    expect([temperature, topP, topLogprobs]).toEqual([undefined, undefined, undefined]);
    expect(stopSequences).toEqual([]);
    expect(reasoning.warnings).toHaveLength(3);
    // Where it does not reason it samples.
    expect(asked("gpt-5.2", "none", fields)).toMatchObject({ sampling: fields, warnings: [] });
    expect(asked("gpt-5.2", "low", fields).sampling?.temperature).toBeUndefined();
    expect(asked("gpt-4o", undefined, fields)).toMatchObject({ sampling: fields, warnings: [] });
    expect(asked("gpt-5-chat-latest", undefined, fields)).toMatchObject({ sampling: fields });
  });
});
