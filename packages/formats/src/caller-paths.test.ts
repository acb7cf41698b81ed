import type { GenerateRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { callerPaths } from "./caller-paths.ts";
import type { FormatName } from "./format.ts";
import { formats } from "./formats.ts";

const quirks = { maxTokensField: "max_tokens" } as never;
const image = "data:image/png;base64,iVBORw0KGgo=";

/** Path that a target of another format complains about, and the same in the caller's words. */
function complaint(from: FormatName, to: FormatName, fields: object): [string, string] {
  const body = new TextEncoder().encode(JSON.stringify(fields));
  const { request } = formats[from].readRequest(body);
  try {
    formats[to].writeRequest(request, { model: "m", stream: false, quirks });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const path = error.fieldViolations[0]?.field ?? "";
    return [path, callerPaths({ format: from, body, request, written: request })(path)];
  }
  throw new Error("it can be written");
}

const file = { type: "file", file: { file_id: "file-1" } };
const text = { type: "text", text: "a" };

describe("callerPaths", () => {
  it("finds parts in chat completions, content and calls", () => {
    const content = [text, text, file];
    const messages = [
      { role: "user", content: "q" },
      { role: "user", content },
    ];
    expect(complaint("openai-chat", "bedrock-converse", { model: "m", messages })).toEqual([
      "messages[1].parts[2]",
      "messages[1].content[2]",
    ]);
    const call = { id: "c", type: "function", function: { name: "f", arguments: "no json" } };
    const assistant = { role: "assistant", content: "a", tool_calls: [call] };
    const calls = { model: "m", messages: [{ role: "user", content: "q" }, assistant] };
    expect(complaint("openai-chat", "bedrock-converse", calls)).toEqual([
      "messages[1].parts[1].tool_call.arguments_json",
      "messages[1].tool_calls[0].function.arguments",
    ]);
    const several = { model: "m", n: 2, messages: [{ role: "user", content: "q" }] };
    expect(complaint("openai-chat", "anthropic-messages", several)).toEqual([
      "candidate_count",
      "n",
    ]);
  });

  it("finds items of responses, of which several are one message", () => {
    const call = { type: "function_call", call_id: "c", name: "f", arguments: "no json" };
    const input = [
      { role: "user", content: "q" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "a" }] },
      call,
    ];
    const request = { model: "m", instructions: "be brief", input };
    expect(complaint("openai-responses", "bedrock-converse", request)).toEqual([
      "messages[2].parts[1].tool_call.arguments_json",
      "input[2].arguments",
    ]);
    const own = [...input.slice(0, 2), { type: "web_search_call", id: "w" }];
    const [canonical, theirs] = complaint("openai-responses", "openai-chat", {
      ...request,
      input: own,
    });
    expect([canonical, theirs]).toEqual(["messages[2].parts[1]", "input[2]"]);
  });

  it("finds blocks of messages, whose results have messages of their own", () => {
    const result = {
      type: "tool_result",
      tool_use_id: "t",
      content: [
        { type: "text", text: "r" },
        { type: "search_result", title: "s" },
      ],
    };
    const messages = [
      { role: "user", content: "q" },
      { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
      { role: "user", content: [result, { type: "text", text: "go on" }, { type: "new_block" }] },
    ];
    const request = { model: "m", max_tokens: 1, system: "be brief", messages };
    const [canonical, theirs] = complaint("anthropic-messages", "openai-responses", request);
    expect(canonical).toMatch(/^messages\[3\]\.parts\[0\]/);
    expect(theirs).toMatch(/^messages\[2\]\.content\[0\]/);
    const body = new TextEncoder().encode(JSON.stringify(request));
    const read = formats["anthropic-messages"].readRequest(body).request;
    const refused = { format: "anthropic-messages", body, request: read, written: read } as const;
    const pathOf = callerPaths(refused);
    expect(pathOf("messages[0].parts[0]")).toBe("system");
    expect(pathOf("messages[3].parts[0].parts[1]")).toBe("messages[2].content[0].content[1]");
    expect(pathOf("messages[4].parts[1]")).toBe("messages[2].content[2]");
    expect(pathOf("messages[4].role")).toBe("messages[2].role");
    expect(pathOf("response_format")).toBe("output_config.format");
  });

  it("counts parts that were left out before the request was written", () => {
    const assistant = { role: "assistant", reasoning_content: "hm", content: [text, text] };
    const fields = { model: "m", messages: [{ role: "user", content: "q" }, assistant] };
    const body = new TextEncoder().encode(JSON.stringify(fields));
    const { request } = formats["openai-chat"].readRequest(body);
    const [question, answer] = request.messages as [never, GenerateRequest["messages"][number]];
    const shorter = { ...answer, parts: answer.parts.slice(1) };
    const written = { ...request, messages: [question, shorter] };
    const pathOf = callerPaths({ format: "openai-chat", body, request, written });
    expect(pathOf("messages[1].parts[1]")).toBe("messages[1].content[1]");
  });

  it("leaves what it does not know as it is", () => {
    const fields = {
      model: "m",
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: image } }] }],
    };
    const body = new TextEncoder().encode(JSON.stringify(fields));
    const { request } = formats["openai-chat"].readRequest(body);
    const pathOf = callerPaths({ format: "openai-chat", body, request, written: request });
    const unknown = ["model", "messages[9].parts[0]", "messages[0].parts[7]", "tools[0]"];
    // What every object has is no name of a field.
    for (const path of [...unknown, "constructor", "toString", "__proto__"]) {
      expect(pathOf(path)).toBe(path);
    }
    const own = callerPaths({ format: "bedrock-converse", body, request, written: request });
    expect(own("messages[0].parts[0]")).toBe("messages[0].parts[0]");
  });
});
