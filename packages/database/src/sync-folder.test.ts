import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { syncFolder } from "./sync-folder.ts";

it("takes the files that changed, however deep", async () => {
  const folder = mkdtempSync(join(tmpdir(), "penstock-sync-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "base", "5"), { recursive: true });
  for (const name of ["control", "base/5/1", "base/5/2"]) writeFileSync(join(folder, name), "x");
  utimesSync(join(folder, "base/5/1"), 1_000, 1_000);
  expect(await syncFolder(folder, 2_000_000)).toBe(2);
  expect(await syncFolder(folder, 0)).toBe(3);
  await expect(syncFolder(join(folder, "none"), 0)).rejects.toMatchObject({ code: "ENOENT" });
});
