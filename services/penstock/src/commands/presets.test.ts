import { hash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { ConfigEntrySchema } from "@penstock/api";
import { providers } from "@penstock/providers";
import { compileSnapshot } from "@penstock/snapshot";
import { describe, expect, it } from "vitest";
import { readManifest } from "../manifest/read-manifest.ts";
import { runProgram } from "./program.ts";

async function run(...parameters: readonly string[]) {
  let [out, talk] = ["", ""];
  const code = await runProgram(["presets", ...parameters], {
    out: (text) => void (out += text),
    talk: (text) => void (talk += text),
    readInput: () => "",
    environment: {},
  });
  return { code, out, talk };
}

const kinds = Object.keys(providers).toSorted();

describe("penstock presets", () => {
  it("lists every kind, as a table and as JSON", async () => {
    const table = await run();
    expect(table.code).toBe(0);
    const rows = table.out.trimEnd().split("\n").slice(1);
    expect(rows.map((row) => row.split(" ")[0])).toEqual(kinds);
    expect(rows.find((row) => row.startsWith("groq "))).toContain("https://api.groq.com/openai/v1");
    for (const row of rows) {
      expect(row).toMatch(/ {2}(?:simulated|fixture from documentation), never live$/);
    }
    const json = JSON.parse((await run("-o", "json")).out) as { kind: string; presetOf?: string }[];
    expect(json.map(({ kind }) => kind)).toEqual(kinds);
    expect(json.filter(({ presetOf }) => presetOf === "openai-compatible")).toHaveLength(11);
  });

  it.each(kinds)("prints %s as a manifest that can be applied as it is", async (kind) => {
    const { code, out } = await run(kind, "--model", "some/model:1", "--id", "mine");
    expect(code).toBe(0);
    const { resources, problems } = readManifest(out, "preset.yaml");
    expect(problems).toEqual([]);
    expect(resources.map(({ name }) => name)).toEqual([
      "providers/mine",
      "deployments/mine",
      "routes/mine",
    ]);
    const entries = resources.map(({ name, resource }) =>
      create(ConfigEntrySchema, { name, revision: 1n, resource }),
    );
    const head = { installationId: "i", epoch: 1n, revision: 1n };
    const sha256 = (bytes: Uint8Array) => hash("sha256", bytes, "buffer");
    const { snapshot } = compileSnapshot(undefined, entries, head, { sha256 });
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.deployments.get("deployments/mine")).toMatchObject({ model: "some/model:1" });
  });

  it("has a placeholder where no model is named, and no key in any manifest", async () => {
    const { out } = await run("groq");
    expect(out).toContain('model: "MODEL" # as the vendor calls it');
    expect(out).toContain('credential: "env:GROQ_API_KEY"');
    expect(readManifest(out, "-").problems).toEqual([]);
    const shown = JSON.parse((await run("ollama", "-o", "json")).out) as Record<string, string>;
    expect(shown).toMatchObject({ kind: "ollama", credential: "" });
    expect(shown["manifest"]).toContain("privateNetwork: true");
  });

  it.each([[["nobody"]], [["groq", "--id", "Not An Id"]]])("refuses %j", async (parameters) => {
    expect(await run(...parameters)).toMatchObject({ code: 2, out: "" });
  });

  it("has help with an example", async () => {
    expect((await run("--help")).out).toContain("| penstock apply -f -");
  });
});
