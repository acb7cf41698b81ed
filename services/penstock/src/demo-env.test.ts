import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientVariables, demoEnvFile, readDemoEnv, writeDemoEnv } from "./demo-env.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-demo-env-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("demo.env", () => {
  it("is written whole, for the owner only, also over a file that others could read", () => {
    writeFileSync(demoEnvFile(folder), "old", { mode: 0o644 });
    writeDemoEnv(folder, { OPENAI_API_KEY: "psk_x", PENSTOCK_ADMIN_TOKEN: "pat_y" });
    expect(statSync(demoEnvFile(folder)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["demo.env"]);
    expect(readDemoEnv(folder)).toEqual({ OPENAI_API_KEY: "psk_x", PENSTOCK_ADMIN_TOKEN: "pat_y" });
  });

  it("reads back every value, and a shell reads the same", () => {
    const value = fc.string({ unit: "grapheme-ascii", maxLength: 40 }).filter((v) => !/\n/.test(v));
    fc.assert(
      fc.property(value, (text) => {
        writeDemoEnv(folder, { OPENAI_BASE_URL: text });
        expect(readDemoEnv(folder)).toEqual({ OPENAI_BASE_URL: text });
      }),
    );
    writeDemoEnv(folder, { OPENAI_BASE_URL: 'it\'s $HOME `x` "y"' });
    const script = `. ${demoEnvFile(folder)}; printf %s "$OPENAI_BASE_URL"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe('it\'s $HOME `x` "y"');
  });

  it("names what the official clients read, each with the path that its own adds", () => {
    writeDemoEnv(folder, clientVariables("http://127.0.0.1:8080/v1", "psk_x"));
    expect(readDemoEnv(folder)).toEqual({
      OPENAI_BASE_URL: "http://127.0.0.1:8080/v1",
      OPENAI_API_KEY: "psk_x",
      ANTHROPIC_BASE_URL: "http://127.0.0.1:8080",
      ANTHROPIC_AUTH_TOKEN: "psk_x",
    });
    expect(Object.keys(clientVariables("http://127.0.0.1:8080/v1", undefined))).toEqual([
      "OPENAI_BASE_URL",
      "ANTHROPIC_BASE_URL",
    ]);
  });

  it("is empty when the file is gone or broken", () => {
    expect(readDemoEnv(folder)).toEqual({});
    writeFileSync(demoEnvFile(folder), "OPENAI_API_KEY=unquoted\n=\nPATH='/x'\nOPENAI_API_KEY='");
    expect(readDemoEnv(folder)).toEqual({});
  });
});
