import { MessageRole } from "@penstock/api";
import type { ContentPart, GenerateRequest } from "@penstock/api";
import { describe, expect, it } from "vitest";
import { formats } from "../formats.ts";
import { requests, targetOf } from "./format-samples.fixture.ts";

// Nobody but its maker can read a signature: a target of another format never gets to see it.

const [{ value: conversation }] = requests as [(typeof requests)[0]];

function signedBy(issuer: string): GenerateRequest {
  const signed = { signature: "c2lnbmF0dXJl", signatureIssuer: issuer };
  const part = (content: ContentPart["part"]): ContentPart => ({
    $typeName: "penstock.inference.v1.ContentPart",
    part: content,
  });
  const thought = part({
    case: "reasoning",
    value: {
      $typeName: "penstock.inference.v1.ReasoningPart",
      text: "hm",
      redacted: false,
      ...signed,
    },
  });
  const call = part({
    case: "toolCall",
    value: {
      $typeName: "penstock.inference.v1.ToolCallPart",
      id: "call_1",
      name: "weather",
      argumentsJson: "{}",
      ...signed,
    },
  });
  const value = {
    $typeName: "penstock.inference.v1.ToolResultPart" as const,
    toolCallId: "call_1",
    parts: [
      part({
        case: "text",
        value: { $typeName: "penstock.inference.v1.TextPart", text: "sunny", refusal: false },
      }),
    ],
    isError: false,
  };
  const turn = (role: MessageRole, parts: ContentPart[]): GenerateRequest["messages"][0] => ({
    $typeName: "penstock.inference.v1.Message",
    role,
    parts,
  });
  return {
    ...conversation,
    tools: [{ $typeName: "penstock.inference.v1.Tool", name: "weather" }],
    messages: [
      ...conversation.messages,
      turn(MessageRole.ASSISTANT, [thought, call]),
      turn(MessageRole.TOOL, [part({ case: "toolResult", value })]),
    ],
  };
}

describe.each(Object.values(formats))("$name", (format) => {
  it("leaves the signature of another behind, and says so", () => {
    const warnings: string[] = [];
    const warn = (warning: string): void => void warnings.push(warning);
    const body = format.writeRequest(signedBy("another"), { ...targetOf(false), warn });
    expect(body).toContain("weather");
    expect(body).not.toContain("c2lnbmF0dXJl");
    expect(warnings.join()).toContain("signature_dropped");
  });
});
