import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeDemoEnv } from "../demo-env.ts";
import { runProgram } from "./program.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "connect-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

async function run(...parameters: string[]) {
  let out = "";
  let talk = "";
  const code = await runProgram(["connect", ...parameters], {
    out: (text) => void (out += text),
    talk: (text) => void (talk += text),
    readInput: () => "",
    environment: { PENSTOCK_DATA_DIR: folder },
  });
  return { code, out, talk };
}

describe("penstock connect", () => {
  it("prints variables that a shell sets for Claude Code", async () => {
    const models = ["--model", "smart", "--small-model", "it's cheap"];
    const { code, out, talk } = await run("claude-code", ...models);
    expect(code).toBe(0);
    expect(talk).toBe("penstock: goes to the shell that claude starts in\n");
    const environment = {
      PATH: "/usr/bin:/bin",
      PENSTOCK_API_KEY: "psk_1",
      ANTHROPIC_API_KEY: "sk-of-the-vendor",
    };
    const set = execFileSync("sh", ["-c", `${out}\nenv`], { env: environment }).toString();
    expect(set.split("\n")).toEqual(
      expect.arrayContaining([
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8080",
        "ANTHROPIC_AUTH_TOKEN=psk_1",
        "ANTHROPIC_API_KEY=",
        "ANTHROPIC_MODEL=smart",
        "ANTHROPIC_DEFAULT_FABLE_MODEL=smart",
        "ANTHROPIC_DEFAULT_OPUS_MODEL=smart",
        "ANTHROPIC_DEFAULT_SONNET_MODEL=smart",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL=it's cheap",
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1",
      ]),
    );
  });

  it("names no models where none is asked for, and one for all tasks where one is", async () => {
    expect((await run("claude-code")).out).not.toContain("_MODEL=");
    const { out } = await run("claude-code", "--model", "smart");
    expect(out).toContain("ANTHROPIC_DEFAULT_HAIKU_MODEL=smart\n");
  });

  it("prints settings for Codex", async () => {
    const { code, out } = await run("codex", "--model", "smart", "--key-variable", "KEY");
    expect(code).toBe(0);
    expect(out).toBe(
      `# Codex through Penstock; KEY holds a virtual key.
model = "smart"
model_provider = "penstock"

[model_providers.penstock]
name = "Penstock"
base_url = "http://127.0.0.1:8080/v1"
env_key = "KEY"
wire_api = "responses"
`,
    );
  });

  it("refuses for Codex what it has no setting for", async () => {
    const { code, out, talk } = await run("codex", "--model", "smart", "--small-model", "cheap");
    expect([code, out]).toEqual([2, ""]);
    expect(talk).toBe(
      "penstock: Codex has no setting for a model of small tasks: leave --small-model out.\n",
    );
  });

  it("prints settings for opencode", async () => {
    const models = ["--model", "team/smart", "--small-model", "cheap"];
    const { code, out } = await run("opencode", ...models);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      $schema: "https://opencode.ai/config.json",
      model: "penstock/team/smart",
      small_model: "penstock/cheap",
      provider: {
        penstock: {
          npm: "@ai-sdk/openai-compatible",
          name: "Penstock",
          options: { baseURL: "http://127.0.0.1:8080/v1", apiKey: "{env:PENSTOCK_API_KEY}" },
          models: { "team/smart": { name: "team/smart" }, cheap: { name: "cheap" } },
        },
      },
    });
    const { out: json } = await run("opencode", "-o", "json");
    expect(JSON.parse(json)).toMatchObject({
      place: "~/.config/opencode/opencode.json",
      settings: { model: "penstock/MODEL", "provider.penstock.models.MODEL.name": "MODEL" },
    });
  });

  it("knows the router of the demo, and prints JSON", async () => {
    writeDemoEnv(folder, { OPENAI_BASE_URL: "http://10.0.0.7:9090/v1", OPENAI_API_KEY: "psk_2" });
    const { out } = await run("claude-code", "-o", "json");
    expect(JSON.parse(out)).toMatchObject({
      agent: "claude-code",
      environment: {
        ANTHROPIC_BASE_URL: "http://10.0.0.7:9090",
        ANTHROPIC_AUTH_TOKEN: "$PENSTOCK_API_KEY",
      },
    });
    expect(out).not.toContain("psk_2");
    const { out: codex } = await run("codex", "-o", "json");
    expect(JSON.parse(codex)).toMatchObject({
      place: "~/.codex/config.toml",
      settings: { "model_providers.penstock.base_url": "http://10.0.0.7:9090/v1" },
    });
  });

  it("takes an address without the path that agents add", async () => {
    for (const given of ["https://penstock.internal", "https://penstock.internal/v1/"]) {
      const { out } = await run("claude-code", "--http-url", given);
      expect(out).toContain("ANTHROPIC_BASE_URL=https://penstock.internal\n");
    }
  });

  it.each([
    [["cursor"]],
    [["codex", "--http-url", "ftp://x"]],
    [["codex", "--key-variable", "a b"]],
    [[]],
  ])("refuses %j", async (parameters) => {
    expect(await run(...parameters)).toMatchObject({ code: 2, out: "" });
  });

  it("has help", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    expect(out).toContain("penstock connect claude-code --model smart");
  });
});
