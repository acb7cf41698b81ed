import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { validate, ValidationSeverity } from "dockerfile-utils";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildInFolders } from "./src/build-in-folders.ts";
import type { BuiltStage } from "./src/build-in-folders.ts";
import { readStages } from "./src/dockerfile-steps.ts";
import { freePorts } from "./src/free-ports.ts";
import { readIgnoreFile } from "./src/ignored-files.ts";

const root = join(import.meta.dirname, "../..");
const launched = (await import(join(root, "services/penstock/bin/node-options.mjs"))) as {
  readonly nodeOptions: readonly string[];
};
const dockerfile = readFileSync(join(root, "deploy/Dockerfile"), "utf8");
const isIgnored = readIgnoreFile(
  readFileSync(join(root, "deploy/Dockerfile.dockerignore"), "utf8"),
);
const stages = readStages(dockerfile);
const last = stages.at(-1)!;

function stepOf(keyword: string) {
  return last.steps.find((step) => step.keyword === keyword);
}

describe("the Dockerfile", () => {
  it("has nothing that its checker complains of", () => {
    const severity = ValidationSeverity.ERROR;
    const complaints = validate(dockerfile, {
      deprecatedMaintainer: severity,
      directiveCasing: severity,
      emptyContinuationLine: severity,
      instructionCasing: severity,
      instructionCmdMultiple: severity,
      instructionEntrypointMultiple: severity,
      instructionHealthcheckMultiple: severity,
      instructionJSONInSingleQuotes: severity,
      instructionWorkdirRelative: severity,
    });
    expect(complaints.map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual(
      [],
    );
  });

  it("is built from the Node of package.json, whatever the stage", () => {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      optionalDependencies: Record<string, string>;
    };
    const versions = new Set(Object.values(manifest.optionalDependencies));
    expect(stages.map(({ base }) => base)).toEqual(
      stages.map(() => `node:${[...versions].join()}-trixie-slim`),
    );
  });

  it("is run as nobody in particular, with a role by command, ended by SIGTERM", () => {
    expect(stepOf("USER")?.parameters).toEqual(["10001:10001"]);
    expect(last.steps.findIndex(({ keyword }) => keyword === "RUN")).toBeLessThan(
      last.steps.findIndex(({ keyword }) => keyword === "USER"),
    );
    expect(JSON.parse(stepOf("ENTRYPOINT")?.text ?? "")).toEqual([
      "node",
      ...launched.nodeOptions,
      "/app/services/penstock/src/main.ts",
    ]);
    expect(JSON.parse(stepOf("CMD")?.text ?? "")).toEqual(["start"]);
    expect(stepOf("STOPSIGNAL")?.parameters).toEqual(["SIGTERM"]);
    expect(stepOf("HEALTHCHECK")?.text).toContain('CMD ["node", "/app/deploy/healthcheck.mjs"]');
  });

  it("gets neither tests, nor installed packages, nor secrets that lie about", () => {
    for (const path of [
      "packages/bus/node_modules/x/index.js",
      "services/router/src/drain.test.ts",
      "services/penstock/node_modules/.cache/compiled/x",
      ".penstock/demo.env",
      ".git/config",
      "deploy/compose/secrets/ca.key",
      "test/support/index.ts",
      ".env",
    ]) {
      expect(isIgnored(path), path).toBe(true);
    }
    for (const path of ["package.json", "services/router/src/drain.ts", "deploy/healthcheck.mjs"]) {
      expect(isIgnored(path), path).toBe(false);
    }
  });
});

describe("what the Dockerfile builds", () => {
  let folder: string;
  let image: BuiltStage;
  let environment: Record<string, string>;
  let started: ChildProcess | undefined;
  let said = "";
  const run = promisify(execFile);
  // Where the tests run as root, the image's user is another one.
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: 10_001, gid: 10_001 } : {};
  const main = (): string => join(image.root, "app/services/penstock/src/main.ts");
  const node = (): string => join(image.root, "usr/bin/node");

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "penstock-image-"));
    chmodSync(folder, 0o755);
    const path = join(root, "node_modules/.bin");
    const built = buildInFolders({ stages, context: root, isIgnored, folder, path });
    image = built.get("penstock")!;
    mkdirSync(join(image.root, "usr/bin"), { recursive: true });
    try {
      linkSync(process.execPath, node());
    } catch {
      cpSync(process.execPath, node());
    }
  }, 150_000);

  afterAll(async () => {
    if (started?.exitCode === null && started.signalCode === null) {
      const ended = once(started, "exit");
      started.kill("SIGKILL");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it("has what runs, and neither tests nor tools", () => {
    const packages = readdirSync(join(image.root, "app/node_modules/.pnpm"));
    expect(packages.some((name) => name.startsWith("pg@"))).toBe(true);
    for (const tool of [
      "typescript@",
      "vitest@",
      "fast-check@",
      "openai@",
      "oxlint@",
      "node-linux",
    ]) {
      expect(packages.filter((name) => name.startsWith(tool))).toEqual([]);
    }
    expect(existsSync(join(image.root, "app/services/router/src/drain.ts"))).toBe(true);
    expect(existsSync(join(image.root, "app/services/router/src/drain.test.ts"))).toBe(false);
    expect(readdirSync(join(image.root, "app")).toSorted()).toEqual(
      ["LICENSE", "deploy", "node_modules", "package.json", "packages", "services"]
        .concat("pnpm-lock.yaml", "pnpm-workspace.yaml")
        .toSorted(),
    );
  });

  it("starts as a user who can write to /data alone, is found alive, and ends on SIGTERM", async () => {
    const [http, grpc, control, admin, simulator] = await freePorts(5);
    const data = join(image.root, "data");
    environment = {
      PATH: join(image.root, "usr/bin"),
      ...image.environment,
      PENSTOCK_DATA_DIR: data,
      PENSTOCK_HTTP_PORT: String(http),
      PENSTOCK_GRPC_PORT: String(grpc),
      PENSTOCK_CONTROL_PORT: String(control),
      PENSTOCK_ADMIN_PORT: String(admin),
      PENSTOCK_SIMULATOR_PORT: String(simulator),
    };
    expect(image.environment).toEqual({
      NODE_ENV: "production",
      PENSTOCK_DATA_DIR: "/data",
      PENSTOCK_BIND_ADDRESS: "0.0.0.0",
    });
    await expect(health()).rejects.toMatchObject({ code: 1, stderr: /no port .* is open/ });
    await listen(spawn(node(), [main(), "start"], { cwd: "/", env: environment, ...user }));
    const answer = await fetch(`http://127.0.0.1:${admin}/livez`);
    expect(answer.status).toBe(200);
    await health();
    if (isRoot) {
      await expect(
        run("touch", [join(image.root, "app/x")], { uid: 10_001, gid: 10_001 }),
      ).rejects.toMatchObject({ code: 1 });
    }
    const ended = once(started!, "exit");
    started!.kill("SIGTERM");
    expect(await ended, said).toEqual([0, null]);
    await expect(health()).rejects.toMatchObject({ code: 1 });
  }, 130_000);

  it("has the one-off commands", async () => {
    const options = { cwd: join(image.root, "data"), env: environment, ...user };
    await run(node(), [main(), "certificates", "init", "--dir", "certs"], options);
    expect(existsSync(join(image.root, "data/certs/router.crt"))).toBe(true);
    const migration = run(node(), [main(), "migrate"], options);
    await expect(migration).rejects.toMatchObject({
      stderr: expect.stringContaining("PENSTOCK_DATABASE_URL is not set"),
    });
  });

  async function health(): Promise<void> {
    await run(node(), [join(image.root, "app/deploy/healthcheck.mjs")], {
      env: environment,
      ...user,
    });
  }

  async function listen(child: ChildProcess): Promise<void> {
    started = child;
    child.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    child.stderr?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await vi.waitFor(
      () => {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${said}`);
        expect(said).toMatch(/^ready in/m);
      },
      { timeout: 110_000, interval: 50 },
    );
  }
});
