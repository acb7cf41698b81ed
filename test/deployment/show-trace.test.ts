import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv, promisify } from "node:util";
import { startOtlpReceiver } from "@penstock/test-support";
import type { OtlpReceiver } from "@penstock/test-support";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startFakeJaeger } from "./src/fake-jaeger.ts";
import type { FakeJaeger } from "./src/fake-jaeger.ts";

// The spans are real ones of a running Penstock; who answers for them is not Jaeger.

const root = join(import.meta.dirname, "../..");
const script = join(root, "deploy/show-trace.mjs");
const run = promisify(execFile);

describe("show-trace.mjs", () => {
  let dataDir: string;
  let penstock: ChildProcess;
  let otlp: OtlpReceiver;
  let jaeger: FakeJaeger;
  let demo: Record<string, string | undefined>;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "penstock-show-trace-"));
    otlp = await startOtlpReceiver();
    jaeger = await startFakeJaeger(() => otlp.spans());
    const doors = ["http", "grpc", "control", "admin", "simulator"];
    const flags = doors.flatMap((door) => [`--${door}-port`, "0"]);
    const main = join(root, "services/penstock/src/main.ts");
    penstock = spawn(process.execPath, [main, "start", "--data-dir", dataDir, ...flags], {
      env: { ...process.env, ...otlp.environment, OTEL_BSP_SCHEDULE_DELAY: "200" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    penstock.stdout?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    penstock.stderr?.on("data", (bytes: Buffer) => (said += bytes.toString()));
    await vi.waitFor(() => expect(said).toMatch(/^ready in/m), { timeout: 60_000, interval: 50 });
    demo = parseEnv(readFileSync(join(dataDir, "demo.env"), "utf8"));
  });

  afterAll(async () => {
    const ended = once(penstock, "exit");
    penstock.kill("SIGKILL");
    await ended;
    await jaeger.close();
    await otlp.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("draws the trace of a chat and of a change, with what each caused", async () => {
    const env = { PATH: process.env["PATH"], ...demo, JAEGER_URL: jaeger.url };
    const { stdout } = await run(process.execPath, [script], { env });
    const [chat = "", apply = ""] = stdout.split("\n\n");
    expect(chat).toMatch(/^chat, request [0-9a-f-]{36}\nhttp:\/\/\S+\/trace\/[0-9a-f]{32}\n/);
    const plain = (text: string): string[] =>
      text
        .split("\n")
        .slice(2)
        .map((line) => line.replace(/ {2}\[.*$/, ""));
    expect(plain(chat)).toEqual(
      expect.arrayContaining([
        "  server POST /v1/chat/completions",
        expect.stringMatching(/^ {4}client chat (?:alpha|beta)-large$/),
        "  caused, each in a trace of its own:",
      ]),
    );
    expect(chat.match(/^ {4}consumer /gm)?.length).toBeGreaterThanOrEqual(2);
    expect(apply).toMatch(/^apply, revision \d+\n/);
    expect(plain(apply).slice(0, 4)).toEqual([
      "  server penstock.policy.v1.ResourceService/ApplyResources",
      "    internal write policy",
      "      producer publish config",
      "  caused, each in a trace of its own:",
    ]);
    expect(apply).toMatch(/^ {4}internal penstock\.config\.apply {2}\[penstock/m);
    expect(stdout).not.toContain(demo["OPENAI_API_KEY"]);
  });

  it("says what is not set, and who does not answer", async () => {
    const env = { PATH: process.env["PATH"] };
    await expect(run(process.execPath, [script], { env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("OPENAI_API_KEY"),
    });
    const nobody = { ...env, ...demo, JAEGER_URL: "http://127.0.0.1:9" };
    await expect(run(process.execPath, [script], { env: nobody })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("can't be reached"),
    });
  });
});
