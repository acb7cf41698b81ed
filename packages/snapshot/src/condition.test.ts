import { Environment } from "@marcbachmann/cel-js";
import { describe, expect, it, vi } from "vitest";

import { compileCondition, explainCondition } from "./condition.ts";
import type { CompiledCondition, ConditionFacts } from "./condition.ts";

const facts: ConditionFacts = {
  key: "projects/p/virtualKeys/k",
  project: "projects/p",
  team: "teams/t",
  model: "gpt-5",
  labels: { tier: "gold" },
  end_user: "",
  stream: true,
  input_tokens: 1_200n,
  max_output_tokens: 0n,
  has_tools: false,
  has_images: true,
  has_audio: false,
  has_files: false,
  has_reasoning: false,
  has_json_schema: false,
};

function compiled(text: string): CompiledCondition {
  const result = compileCondition(text);
  if (!result.ok) throw new Error(result.description);
  return result.condition;
}

describe("compileCondition", () => {
  it.each([
    ['labels.tier == "gold" && input_tokens > 1000', true],
    ["has_images || has_tools", true],
    ['model.startsWith("gpt-") && stream', true],
    ['project in ["projects/p", "projects/q"]', true],
    ['labels.exists(name, name == "tier")', true],
    ['has(labels.region) && labels.region == "eu"', false],
    ["input_tokens < 1000", false],
  ])("judges %s", (text, holds) => {
    expect(compiled(text).judge(facts).holds).toBe(holds);
  });

  it("does not hold where it can't be evaluated, and says why", () => {
    const verdict = compiled('labels.region == "eu"').judge(facts);
    expect(verdict).toEqual({ holds: false, problem: "No such key: region" });
  });

  it.each([
    ["model == 3", "at line 1, column 1: no such overload: string == int"],
    ['stream &&\n  tier == "gold"', "at line 2, column 3: Unknown variable: tier"],
    ["model +", "at line 1, column 8: Unexpected token: EOF"],
    ["model", "at line 1, column 1: is string; a condition must be true or false"],
    ['model.matches("^(a+)+$")', "matches is not offered here"],
    ["labels.map(a, a).size() > 0", "map is not offered here"],
    ["[1, 2].filter(a, a > 1) == [2]", "filter is not offered here"],
    [`model == "${"x".repeat(2_048)}"`, "must have at most 2048 characters"],
  ])("refuses %s", (text, description) => {
    const result = compileCondition(text);
    expect(result.ok ? "it was taken" : result.description).toContain(description);
  });

  it("refuses what would take long: loops in loops over long lists", () => {
    const list = `[${Array.from({ length: 100 }, (_, at) => at).join(", ")}]`;
    const once = `${list}.exists(a, a == 1)`;
    expect(compileCondition(once).ok).toBe(true);
    const long = `${list}.exists(a, ${list}.exists(b, a == b))`;
    expect(compileCondition(long)).toMatchObject({ ok: false });
    const deep = `${"(".repeat(200)}true${")".repeat(200)}`;
    expect(compileCondition(deep).ok).toBe(false);
  });

  it("takes any text without throwing", () => {
    for (const text of ["", "\0", "__proto__", "a.b.c", "'", "1/0 == 1", "\ud800 == 1"]) {
      expect(compileCondition(text).ok).toBe(text === "1/0 == 1");
    }
    expect(compiled("1/0 == 1").judge(facts).holds).toBe(false);
  });
});

describe("explainCondition", () => {
  it("names the first part that is not true, with what it looked at", () => {
    const condition = compiled("stream && input_tokens < 100 && has_tools");
    expect(explainCondition(condition, facts)).toBe(
      'its condition does not hold at "input_tokens < 100": input_tokens is 1200',
    );
    expect(explainCondition(compiled("stream"), facts)).toBe('its condition "stream" holds');
    expect(explainCondition(compiled('stream && labels.region == "eu"'), facts)).toContain(
      "No such key: region",
    );
  });

  it("takes a condition apart once, as targets are left out on every request", () => {
    const condition = compiled("stream && input_tokens < 100");
    const parse = vi.spyOn(Environment.prototype, "parse");
    const first = explainCondition(condition, facts);
    expect(parse).toHaveBeenCalled();
    parse.mockClear();
    expect(explainCondition(condition, facts)).toBe(first);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });
});
