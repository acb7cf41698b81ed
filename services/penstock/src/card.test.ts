import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { renderCard } from "./card.ts";

const content = {
  openaiUrl: "http://127.0.0.1:8080/v1",
  grpcAddress: "127.0.0.1:8081",
  controlUrl: "http://127.0.0.1:8082",
  adminUrl: "http://127.0.0.1:8083",
  simulatorUrl: "http://127.0.0.1:8084",
  key: "psk_demo",
  dataDir: ".penstock",
  isDefaultDataDir: true,
  notes: [],
  readyMs: 2_345,
};

describe("renderCard", () => {
  it("shows every address and the key, and ends with the time it took", () => {
    const card = renderCard(content);
    for (const port of [8080, 8081, 8082, 8083, 8084]) expect(card).toContain(`127.0.0.1:${port}`);
    expect(card).toContain("psk_demo");
    expect(card.trimEnd().split("\n").at(-1)).toBe("ready in 2.3 s");
    for (const line of card.split("\n")) expect(line.length).toBeLessThanOrEqual(130);
  });

  it("names the addresses of both APIs, and what connects a coding agent", () => {
    const card = renderCard(content);
    expect(card).toMatch(/OpenAI API +http:\/\/127\.0\.0\.1:8080\/v1\n/);
    expect(card).toMatch(/Anthropic API +http:\/\/127\.0\.0\.1:8080\n/);
    expect(card).toContain("npm run -s penstock -- connect claude-code");
    const elsewhere = renderCard({ ...content, dataDir: "/data dir", isDefaultDataDir: false });
    expect(elsewhere).toContain("connect claude-code --data-dir '/data dir'");
  });

  it("says where the log is", () => {
    expect(renderCard(content)).toContain("(penstock.log; ");
    const ofSuite = renderCard({ ...content, logFile: "suite/penstock.log" });
    expect(ofSuite).toContain("(suite/penstock.log; ");
  });

  it("has commands that a shell understands", () => {
    const lines = renderCard(content).split("\n");
    const start = lines.findIndex((line) => line.startsWith("  curl"));
    const command = lines.slice(start, start + 3).join("\n");
    const script = `curl() { printf '%s\\n' "$@"; }\n${command}`;
    const words = execFileSync("sh", ["-c", script], { encoding: "utf8" }).trim().split("\n");
    expect(words).toEqual([
      "-s",
      "http://127.0.0.1:8080/v1/chat/completions",
      "-H",
      "authorization: Bearer psk_demo",
      "-H",
      "content-type: application/json",
      "-d",
      '{"model":"smart","messages":[{"role":"user","content":"Hello"}]}',
    ]);
  });

  it("names another data folder in the commands, and says when there is no key", () => {
    const card = renderCard({
      ...content,
      key: undefined,
      dataDir: "/data dir",
      isDefaultDataDir: false,
      notes: ["OPENAI_API_KEY is one of our own keys and was ignored"],
    });
    expect(card).toContain("--data-dir '/data dir'");
    expect(card).toContain("note: OPENAI_API_KEY is one of our own keys");
    expect(card).not.toContain("curl");
  });
});
