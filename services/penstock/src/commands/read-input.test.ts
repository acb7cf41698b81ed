import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { readEnvironmentVariable } from "@penstock/runtime";
import { describe, expect, it } from "vitest";
import { readStandardInput } from "./read-input.ts";

const mainFile = join(import.meta.dirname, "..", "main.ts");
const runChildFile = join(import.meta.dirname, "..", "..", "bin", "run-child.mjs");

/** Starts Node as a script says, by a pipe whose writer waits until the program reads. */
async function pipe(script: string, parameters: readonly string[], input: string) {
  const folder = mkdtempSync(join(tmpdir(), "penstock-input-"));
  // A pipe of the shell, as people have it: those of spawn are sockets.
  const writer = `{ sleep 2; printf %s "$INPUT"; }`;
  const reader = `"$NODE" --input-type=module -e "$SCRIPT" -- "$@"`;
  const child = spawn("sh", ["-c", `${writer} | ${reader}`, "sh", ...parameters], {
    cwd: folder,
    env: {
      PATH: readEnvironmentVariable("PATH"),
      NODE: process.execPath,
      SCRIPT: script,
      INPUT: input,
      PENSTOCK_CONTROL_URL: "http://127.0.0.1:9",
      PENSTOCK_ADMIN_TOKEN: "unused",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const talk = await text(child.stderr);
  rmSync(folder, { recursive: true });
  return { talk, exitCode: await ended };
}

const launched = `
  import { runChild } from ${JSON.stringify(pathToFileURL(runChildFile).href)};
  process.exitCode = await runChild(process.execPath, process.argv.slice(1), process.env);
`;
// What a launcher of others does may be just this.
const nonBlocking = `
  import { spawn } from "node:child_process";
  const child = spawn(process.execPath, process.argv.slice(1), { stdio: "inherit" });
  process.stdin.unref();
  child.on("exit", (code) => process.exit(code));
`;

describe("a pipe whose writer comes late", () => {
  it.each([
    ["the launcher", launched],
    ["one that makes it non-blocking", nonBlocking],
  ])("is read to its end behind %s", { timeout: 30_000 }, async (_name, script) => {
    const [applied, explained] = await Promise.all([
      pipe(script, [mainFile, "apply", "-f", "-"], "kind: Nothing\nname: a/b\n"),
      pipe(script, [mainFile, "explain", "--key", "a/b", "-f", "-"], "{}"),
    ]);
    expect(applied.talk).toMatch(/^-:1: kind must be one of /);
    expect(applied.exitCode).toBe(1);
    expect(explained.talk).toMatch(/^penstock: which model\?/);
    expect(explained.exitCode).toBe(2);
  });
});

it("leaves the pipe to the program as it was", { timeout: 30_000 }, async () => {
  const plainRead = `console.error(require("node:fs").readFileSync(0, "utf8"))`;
  const { talk } = await pipe(launched, ["-e", plainRead], "late");
  expect(talk).toBe("late\n");
});

describe("readStandardInput", () => {
  it("joins what comes in pieces, also within a character", async () => {
    const [first, second] = [Buffer.from("ä").subarray(0, 1), Buffer.from("ä").subarray(1)];
    async function* pieces() {
      yield first;
      yield await Promise.resolve(second);
      yield "b";
    }
    expect(await readStandardInput(pieces())).toBe("äb");
  });

  it("stops reading what has no end", async () => {
    let count = 0;
    async function* endless() {
      for (;;) {
        count += 1;
        yield await Promise.resolve(new Uint8Array(1_024 * 1_024));
      }
    }
    await expect(readStandardInput(endless())).rejects.toThrow("is larger than 16777216 bytes");
    expect(count).toBe(17);
  });
});
