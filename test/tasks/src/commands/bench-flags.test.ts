import { benchParts } from "@penstock/test-load";
import { expect, it } from "vitest";
import { benchUsage, readBenchFlags } from "./bench-flags.ts";

it("names every part in the help", () => {
  for (const [part, what] of Object.entries(benchParts)) {
    expect(benchUsage()).toMatch(new RegExp(`${part} +${what.slice(0, 20)}`));
  }
});

it("reads parts, behind npm's -- as well, and says what it does not know", () => {
  expect(readBenchFlags(["--", "--quick", "--only", "shapes,durability", "-o", "json"])).toEqual({
    help: false,
    quick: true,
    json: true,
    profileFolder: undefined,
    parts: ["shapes", "durability"],
  });
  expect(readBenchFlags(["--only", "json, openai-chat/bedrock-converse"])).toMatchObject({
    parts: ["json", "pairs"],
    pairs: ["openai-chat/bedrock-converse"],
  });
  expect(readBenchFlags(["--only", "pairs"])).not.toHaveProperty("pairs");
  expect(readBenchFlags([])).not.toHaveProperty("parts");
  expect(() => readBenchFlags(["--only", "shape"])).toThrow("no such part: shape");
  expect(() => readBenchFlags(["-o", "yaml"])).toThrow("no such output: yaml");
  expect(() => readBenchFlags(["--fast"])).toThrow("--fast");
});
