import { existsSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ended, MadeUpWorkspace } from "./made-up-workspace.ts";

let workspace: MadeUpWorkspace;
beforeEach(() => {
  workspace = new MadeUpWorkspace();
});
afterEach(() => workspace.remove());

const installs = "-y pnpm@12.21.0 install";
const lock = join("node_modules", ".penstock-setup.lock");

function modes(): string[] {
  return workspace.calls().map((call) => {
    expect(call).toContain(installs);
    expect(call).toContain("--frozen-lockfile");
    return call.includes("--prod") ? "prod" : "full";
  });
}

describe("installing", () => {
  it("happens once, for production, and says little about it", async () => {
    const first = await workspace.launch(["start", "--port", "1"]);
    expect(first).toMatchObject({ code: 0, stdout: "main start --port 1\n" });
    expect(first.stderr).toContain("installing packages with pnpm@12.21.0");
    expect(first.stderr).not.toContain("nobody needs to see");
    const second = await workspace.launch(["start"]);
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(modes()).toEqual(["prod"]);
  });

  it("adds the tools for a task, and never takes them away again", async () => {
    await workspace.launch(["start"]);
    const task = await workspace.launch(["dev", "hello", "a", "b"]);
    expect(task).toMatchObject({ code: 0, stdout: "hello a b\n" });
    await workspace.launch(["start"]);
    expect(modes()).toEqual(["prod", "full"]);
    workspace.write("pnpm-lock.yaml", "changed\n");
    await workspace.launch(["start"]);
    expect(modes()).toEqual(["prod", "full", "full"]);
  });

  it("keeps the tools that pnpm itself recorded", async () => {
    const record = JSON.stringify({ included: { devDependencies: true } });
    workspace.write("node_modules/.modules.yaml", record);
    await workspace.launch(["start"]);
    expect(modes()).toEqual(["full"]);
  });

  it.each(["package.json", "pnpm-workspace.yaml", "packages/a/package.json"])(
    "happens again when %s changes",
    async (path) => {
      await workspace.launch(["start"]);
      workspace.write(path, `${readFileSync(join(workspace.root, path), "utf8")}\n`);
      await workspace.launch(["start"]);
      expect(modes()).toEqual(["prod", "prod"]);
    },
  );

  it("happens once when two launches meet", async () => {
    const both = await Promise.all([
      workspace.launch(["start"], { NPX_SECONDS: "1" }),
      workspace.launch(["start"], { NPX_SECONDS: "1" }),
    ]);
    expect(both.map((one) => one.code)).toEqual([0, 0]);
    expect(both.map((one) => one.stderr).join("")).toContain("is installing already; waiting");
    expect(modes()).toEqual(["prod"]);
    expect(existsSync(join(workspace.root, lock))).toBe(false);
  });

  it("takes over the lock of a process that is gone", async () => {
    // Above the largest process id that Linux hands out.
    workspace.write(lock, `4194304 ${hostname()} token`);
    expect(await workspace.launch(["start"])).toMatchObject({ code: 0 });
  });

  it("keeps npm's own variables away from npx, those about the registry aside", async () => {
    await workspace.launch(["start"], {
      npm_config_local_prefix: "/nowhere",
      npm_config_registry: "https://registry.npmjs.org/",
      npm_lifecycle_event: "start",
    });
    const seen = workspace.calls()[0]?.split("| ")[1];
    expect(seen?.trim()).toBe("npm_config_registry npm_config_update_notifier");
  });
});

describe("what goes wrong", () => {
  it("explains a failed installation, leaves no stamp, and works the next time", async () => {
    const failed = await workspace.launch(["start"], { NPX_FAILS: "1" });
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toContain("| ERR_PNPM_META_FETCH_FAIL getaddrinfo ENOTFOUND registry");
    expect(failed.stderr).toContain("The npm registry could not be reached");
    expect(failed.stderr).not.toContain("    at ");
    expect(await workspace.launch(["start"])).toMatchObject({ code: 0 });
  });

  it("ends in the way of a signal that came while it was installing", async () => {
    const child = workspace.start(["start"], { NPX_SECONDS: "exec" });
    const end = ended(child);
    await expect.poll(() => workspace.calls().length).toBe(1);
    child.kill("SIGTERM");
    const interrupted = await end;
    expect(interrupted).toMatchObject({ code: 128 + 15, stdout: "" });
    expect(interrupted.stderr).toContain("interrupted by SIGTERM");
    expect(existsSync(join(workspace.root, lock))).toBe(false);
  });

  it("lists the tasks when there is none of the name", async () => {
    for (const name of ["nothing", "../src/hello", ""]) {
      const wrong = await workspace.launch(["dev", name]);
      expect(wrong).toMatchObject({ code: 2, stdout: "" });
      expect(wrong.stderr).toContain("Tasks: hello.");
    }
    expect(workspace.calls()).toEqual([]);
  });

  it("says for which platforms a Node is pinned when there is none for this one", async () => {
    const pinned = {
      packageManager: "pnpm@12.21.0",
      optionalDependencies: { "node-aix-ppc": "1" },
    };
    workspace.write("package.json", JSON.stringify(pinned));
    const launched = await workspace.launch(["start"]);
    // These tests run on a Node that is new enough to stand in.
    expect(launched).toMatchObject({ code: 0, stdout: "main start\n" });
  });
});

describe("the program", () => {
  it("gives its exit code, and 128 + n when signal n ended it", async () => {
    expect(await workspace.launch(["exit", "3"])).toMatchObject({ code: 3 });
    expect(await workspace.launch(["die"])).toMatchObject({ code: 128 + 9 });
  });

  it("finds the installed tools first on PATH", async () => {
    const { stdout } = await workspace.launch(["path"]);
    expect(stdout).toContain(join(workspace.root, "node_modules", ".bin"));
  });

  it.each([
    ["SIGTERM", 7],
    ["SIGINT", 8],
  ] as const)("gets %s and may end in its own way", async (signal, code) => {
    const child = workspace.start(["wait"]);
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill(signal);
    expect(await end).toMatchObject({ code });
  });

  // npm passes a signal on to the shell alone, which would die of it and leave the program running.
  it.each(["start", "start:suite", "penstock"])("gets what npm run %s is sent", async (name) => {
    const child = workspace.startScript(name, "wait");
    const end = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 7 });
  });

  it("is the built one beside the launcher when there is no workspace", async () => {
    rmSync(join(workspace.root, "pnpm-workspace.yaml"));
    workspace.write("services/penstock/dist/main.js", 'console.log("built", process.argv[2]);\n');
    expect(await workspace.launch(["start"])).toMatchObject({ code: 0, stdout: "built start\n" });
    expect(workspace.calls()).toEqual([]);
  });
});
