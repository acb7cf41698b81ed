import { describe, expect, it } from "vitest";
import { claudeRules } from "./claude-rules.ts";

describe("claudeRules", () => {
  // platform.claude.com/docs: models/{opus-5-5,sonnet-5-5,haiku-5-5,sonnet-5}/migration-guide,
  // build-with-claude/effort, about-claude/models/migration-guide.
  it.each<[model: string, ...expected: unknown[]]>([
    ["claude-3-5-haiku-20241022", "", "free", "disabled", "", true],
    ["claude-3-7-sonnet-20250219", "budgets", "free", "disabled", "", true],
    ["claude-sonnet-4-20250514", "budgets", "free", "disabled", "", true],
    ["us.anthropic.claude-opus-4-1-20250805-v1:0", "budgets", "one", "disabled", "", true],
    ["anthropic.claude-haiku-4-5-20251001-v1:0", "budgets", "one", "disabled", "", true],
    ["claude-opus-4-5", "budgets", "one", "disabled", "high", true],
    ["anthropic/claude-sonnet-4.6", "budgets adaptive", "one", "disabled", "max", true],
    ["claude-opus-4-7", "adaptive", "none", "disabled", "max", true],
    ["claude-sonnet-5", "adaptive", "none", "disabled", "max", true],
    ["global.anthropic.claude-opus-5-5-v1:0", "adaptive", "none", undefined, "max", false],
    ["claude-sonnet-5-5", "adaptive", "none", "between_tools", "max", false],
    ["claude-haiku-5-5", "adaptive", "none", "disabled", "max", true],
    ["claude-fable-5-1", "adaptive", "none", undefined, "max", false],
    // Names that tell no version.
    ["claude", "budgets", "free", "disabled", "max", true],
    ["our-favourite", "budgets", "free", "disabled", "max", true],
  ])("knows what %s takes", (model, ...expected) => {
    const rules = claudeRules(model);
    const ways = (["budgets", "adaptive"] as const).filter((way) => rules[way]).join(" ");
    const most = rules.efforts.at(-1) ?? "";
    const { sampling, off, forcedTools } = rules;
    expect([ways, sampling, off, most, forcedTools]).toEqual(expected);
  });
});
