import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readManifestFile, readManifestFiles } from "./read-manifest-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-manifests-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (...files: string[]) => readManifestFiles(files, () => "input");

describe("readManifestFiles", () => {
  it("reads the manifests of a folder by name, and nothing else of it", async () => {
    for (const name of ["b.yml", "a.json", "C.yaml", ".d.yaml", "e.yaml~", "readme.md"]) {
      writeFileSync(join(folder, name), name);
    }
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, "inner", "f.yaml"), "f");
    const texts = await read("-", folder, join(folder, "inner", "f.yaml"));
    expect(texts.map(({ text }) => text)).toEqual(["input", "C.yaml", "a.json", "b.yml", "f"]);
    expect(texts[1]?.file).toBe(join(folder, "C.yaml"));
  });

  it("says why the input can't be read, and goes on", async () => {
    writeFileSync(join(folder, "a.yaml"), "a");
    const broken = () => Promise.reject(new Error("it broke"));
    expect(await readManifestFiles(["-", folder], broken)).toEqual([
      { file: "-", text: "", unread: "can't be read: it broke" },
      { file: join(folder, "a.yaml"), text: "a" },
    ]);
  });

  it("says of a folder without manifests that it has none", async () => {
    writeFileSync(join(folder, "readme.md"), "");
    expect(await read(folder)).toEqual([
      { file: folder, text: "", unread: "is a folder without manifests (*.yaml, *.yml, *.json)" },
    ]);
  });

  it("names a folder that is called like a manifest, and goes on", async () => {
    mkdirSync(join(folder, "a.yaml"));
    writeFileSync(join(folder, "b.yaml"), "b");
    expect(await read(folder)).toEqual([
      { file: join(folder, "a.yaml"), text: "", unread: "is a folder; name one file" },
      { file: join(folder, "b.yaml"), text: "b" },
    ]);
  });

  it("takes so many files of one folder and no more", async () => {
    for (let at = 0; at <= 1_000; at += 1) writeFileSync(join(folder, `${at}.yaml`), "");
    expect(await read(folder)).toMatchObject([
      { unread: expect.stringContaining("1001 manifests") as string },
    ]);
    rmSync(join(folder, "0.yaml"));
    expect(await read(folder)).toHaveLength(1_000);
  });
});

describe("readManifestFile", () => {
  it("reads one file, and says why it can't", () => {
    expect(readManifestFile(folder)).toMatchObject({ unread: "is a folder; name one file" });
    const gone = readManifestFile(join(folder, "gone.yaml"));
    expect(gone.unread).toMatch(/^can't be read: ENOENT/);
  });
});
