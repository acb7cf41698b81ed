import { UsageSource } from "@penstock/api";
import type { TokenUsage } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import type { AnswerEnd } from "./format.ts";
import { formats } from "./formats.ts";

// What Penstock tells of its choices, in the formats of its doors.
const doors = [formats["openai-chat"], formats["openai-responses"], formats["anthropic-messages"]];

const error = new GatewayError("NO_TARGET_FITS", "None fits.", {
  exclusions: [
    { deployment: "deployments/a", rule: "capability.tools", reason: "it lacks tools" },
    { deployment: "deployments/b", rule: "cooldown", reason: "it waits", untilTimeMs: 60_000 },
  ],
});
const told =
  '"excluded_by":[{"deployment":"deployments/a","rule":"capability.tools","reason":"it lacks tools"},' +
  '{"deployment":"deployments/b","rule":"cooldown","reason":"it waits","until":"1970-01-01T00:01:00.000Z"}]';
const identity = { requestId: "r", responseId: "x", model: "smart", createdSeconds: 0 };
const usage: TokenUsage = {
  $typeName: "penstock.type.v1.TokenUsage",
  inputTokens: 1n,
  outputTokens: 1n,
  source: UsageSource.REPORTED,
};

function endOf(report: AnswerEnd["report"]): AnswerEnd {
  const end = { candidates: [], usage, rawUsage: undefined, responseId: "x", model: "m" };
  return { ...end, warnings: [], ...(report === undefined ? {} : { report }) };
}

describe.each(doors)("$name", (format) => {
  it("says of each candidate why it did not answer", () => {
    expect(format.writeError(error, "r")).toContain(told);
    expect(format.writeStreamError(error, "r")).toContain(told);
  });

  it("tells how an answer came about, when that was asked for", () => {
    const report = { deployment: "deployments/a" };
    const written = '"penstock":{"deployment":"deployments/a"}';
    const whole = (end: AnswerEnd): string =>
      format.writeResponse({ candidates: [], end }, identity, usage);
    expect(whole(endOf(report))).toContain(written);
    expect(whole(endOf(undefined))).not.toContain("penstock");
    const writer = format.createStreamWriter(identity, { includeUsage: false });
    expect(writer.finish(endOf(report), usage)).toContain(written);
  });
});
