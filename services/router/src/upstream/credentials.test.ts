import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { silentObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { expect, it, onTestFinished } from "vitest";
import { Credentials } from "./credentials.ts";

it("tells of the references whose files have another secret", async () => {
  const folder = mkdtempSync(`${tmpdir()}/penstock-credentials-`);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { logger } = silentObservability();
  const credentials = new Credentials({ clock: systemClock, logger, identities: [] });
  const changed: string[] = [];
  credentials.onChanged = (reference) =>
    changed.push(credentials.resolve(reference)?.reveal() ?? "");
  for (const name of ["a", "b"]) {
    writeFileSync(`${folder}/${name}`, "old");
    credentials.resolve(`file:${folder}/${name}`);
  }
  writeFileSync(`${folder}/a`, "new\n");
  await credentials.refresh();
  expect(changed).toEqual(["new"]);
  expect(credentials.version).toBe(1);
  await credentials.refresh();
  expect(changed).toEqual(["new"]);
});
