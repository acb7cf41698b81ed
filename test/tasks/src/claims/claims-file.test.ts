import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../commands/workspace.ts";
import { claims } from "./claims.ts";
import { markedClaims, mergeClaims, readClaims, writeClaims } from "./claims-file.ts";
import type { ProvedClaim } from "./claims-file.ts";

const proved: ProvedClaim = {
  id: "fallback",
  sentence: "A failing provider is replaced in time.",
  figure: "12.3 ms",
  bound: "150 ms",
  passed: true,
  commit: "0123456789",
  machine: "2 × processor",
  date: "2026-11-23T07:00Z",
};

describe("the file of claims", () => {
  it("is read back as it was written", () => {
    const other = { ...proved, id: "cold-start", passed: false };
    expect(readClaims(writeClaims([proved, other]))).toEqual([proved, other]);
  });

  it("keeps its rows whatever a figure says", () => {
    const odd = { ...proved, figure: "failed: a | b\nand more" };
    const [read] = readClaims(writeClaims([odd]));
    expect(read).toEqual({ ...odd, figure: "failed: a   b and more" });
  });

  it("takes the newer row, drops what is claimed no more and follows the order", () => {
    const newer = { ...proved, figure: "9.0 ms" };
    const old = { ...proved, id: "gone" };
    const first = { ...proved, id: "cold-start" };
    const merged = mergeClaims(["cold-start", "fallback"], [old, proved, first], [newer]);
    expect(merged).toEqual([first, newer]);
  });

  it("finds markers", () => {
    expect(markedClaims("ready <!-- claim:cold-start --> and\n<!-- claim:fallback -->")).toEqual([
      "cold-start",
      "fallback",
    ]);
  });
});

describe("the README", () => {
  const marked = markedClaims(readIfThere("README.md"));

  it("claims something", () => {
    expect(marked.length).toBeGreaterThan(0);
  });

  it("claims nothing that is not measured and in CLAIMS.md", () => {
    const measured = new Set(claims.map(({ id }) => id));
    const written = new Set(readClaims(readIfThere("CLAIMS.md")).map(({ id }) => id));
    expect(marked.filter((id) => !measured.has(id))).toEqual([]);
    expect(marked.filter((id) => !written.has(id))).toEqual([]);
  });
});

function readIfThere(name: string): string {
  const file = join(root, name);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
