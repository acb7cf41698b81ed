import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { runProgram } from "./program.ts";
import { tellError } from "./tell-error.ts";

const error = new GatewayError("BUDGET_EXHAUSTED", "The budget budgets/a has no room.", {
  retryAfterMs: 1_500,
  requestId: "request-1",
  metadata: { quota: "budgets/a" },
  resource: { type: "budgets", name: "budgets/a" },
  fieldViolations: [{ field: "name", description: "is required" }],
  quotaViolations: [
    {
      subject: "projects/p",
      quota: "budgets/a",
      metric: "nano_usd",
      limit: "5",
      description: "is spent",
      resetTimeMs: 0,
    },
  ],
  preconditionViolations: [{ type: "STATE", subject: "teams/t", description: "is gone" }],
});

async function run(parameters: readonly string[], environment = {}) {
  let out = "";
  let talk = "";
  const exitCode = await runProgram(parameters, {
    out: (text) => void (out += text),
    talk: (text) => void (talk += text),
    readInput: () => "kind: Nothing\n",
    environment: { PENSTOCK_DATA_DIR: "/nowhere", ...environment },
  });
  return { exitCode, out, talk };
}

describe("with -o json what went wrong", () => {
  it("is one object on one line, with all that is known of it", () => {
    let talk = "";
    const io = { talk: (text: string) => void (talk += text), errorsAsJson: true };
    expect(tellError(io, error)).toBe(1);
    expect(talk.indexOf("\n")).toBe(talk.length - 1);
    expect(JSON.parse(talk)).toEqual({
      reason: "BUDGET_EXHAUSTED",
      message: "The budget budgets/a has no room.",
      exitCode: 1,
      requestId: "request-1",
      retryDelay: "1.5s",
      resource: { type: "budgets", name: "budgets/a" },
      fieldViolations: [{ field: "name", description: "is required" }],
      quotaViolations: [
        {
          subject: "projects/p",
          quota: "budgets/a",
          metric: "nano_usd",
          limit: "5",
          description: "is spent",
          resetTime: "1970-01-01T00:00:00.000Z",
        },
      ],
      preconditionViolations: [{ type: "STATE", subject: "teams/t", description: "is gone" }],
      metadata: { quota: "budgets/a" },
    });
  });

  const nowhere = ["--control-url", "http://127.0.0.1:1"];
  it.each([
    [["get", "all", ...nowhere, "-o", "json"], 3, "UNAVAILABLE", "Nobody answers at http://127"],
    [["get", "all", "--output=json"], 3, "UNAVAILABLE", "No Penstock is known here"],
    [["get", "nothing", ...nowhere, "-ojson"], 2, "FIELD_INVALID", 'there is no kind "nothing"'],
    [["get", "--what", "-o", "json"], 2, "FIELD_INVALID", "unknown option '--what'"],
    [["get", "-o", "json"], 2, "FIELD_INVALID", "missing required argument 'kind'"],
    [["migrate", "--wait", "long", "-o", "json"], 2, "FIELD_INVALID", "--wait must be"],
    [["certificates", "-o", "json"], 2, "FIELD_INVALID", "unknown option '-o'"],
    [["connect", "codex", "--http-url", "x", "-o", "json"], 2, "FIELD_INVALID", "--http-url"],
  ])("is told so by %j", async (parameters, exitCode, reason, sentence) => {
    const told = await run(parameters);
    expect(told).toMatchObject({ exitCode, out: "" });
    expect(JSON.parse(told.talk)).toMatchObject({
      exitCode,
      reason,
      message: expect.stringContaining(sentence) as string,
    });
  });

  it("names what is wrong in manifests, beside the problems with their places", async () => {
    const { exitCode, out, talk } = await run(["apply", "-f", "-", ...nowhere, "-o", "json"]);
    const { problems } = JSON.parse(out) as { problems: readonly { description: string }[] };
    expect(exitCode).toBe(1);
    expect(JSON.parse(talk)).toEqual({
      reason: "FIELD_INVALID",
      message: "1 problem; nothing was changed.",
      exitCode: 1,
      fieldViolations: [{ field: "- kind", description: problems[0]?.description }],
    });
  });
});

it("does not turn the terminal by what it repeats", async () => {
  const { talk } = await run(["get", "\u001b[31mred", "--control-url", "http://127.0.0.1:1"]);
  expect(talk).toContain('there is no kind "\\u001b[31mred"');
});

it("is lines for people otherwise", async () => {
  const { talk } = await run(["get", "--what", "-o", "table"]);
  expect(talk).toContain("error: unknown option '--what'\n(--help shows");
  expect((await run(["get", "all"])).talk).toMatch(/^penstock: No Penstock is known here/);
});
