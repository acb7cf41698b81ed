import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";

/** A worker whose drain ends only when it is hurried. */
const script = `
const { workerHost } = await import(process.argv[1]);
const { runService } = await import(process.argv[2]);
const logger = { info: () => undefined, error: () => undefined };
const drain = (_deadlineMs, hurry) => new Promise((resolve) => {
  process.send("draining");
  hurry.addEventListener("abort", () => resolve());
});
const start = async () => void process.send("started");
await runService({ start, drain, logger, host: workerHost() });`;

it("is hurried by the second word of its primary, however soon it comes, and by no signal", async () => {
  const file = (...path: string[]) => pathToFileURL(join(import.meta.dirname, ...path)).href;
  const runtime = file("..", "..", "..", "..", "packages", "runtime", "index.ts");
  const parameters = ["--input-type=module", "-e", script, file("worker-process.ts"), runtime];
  const child = spawn(process.execPath, parameters, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  expect(await once(child, "message")).toContain("started");
  // Ctrl-C at a terminal reaches it too.
  child.kill("SIGINT");
  const draining = once(child, "message");
  child.send({ kind: "drain" });
  expect(await draining).toContain("draining");
  child.send({ kind: "drain" });
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
});
