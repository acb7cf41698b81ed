import type { GenerateRequest } from "@penstock/api";
import type { FormatQuirks } from "../format.ts";
import { openaiChat } from "../openai-chat/openai-chat.ts";
import { bedrockConverse } from "./bedrock-converse.ts";

/** A value as the bytes of its JSON. */
export const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(value));

/** A model that takes what only its maker has words for. */
export const claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

const quirks: FormatQuirks = {
  maxTokensField: "max_tokens",
  sendsDeveloperRole: false,
  supportsStreamUsage: true,
};

/** A request as a caller of the Converse API sends it. */
export function readConverse(body: unknown): GenerateRequest {
  return bedrockConverse.readRequest(encode(body), { model: claude, stream: true }).request;
}

/** A request as it comes through OpenAI's door. */
export function readChat(fields: object): GenerateRequest {
  const body = { model: "m", messages: [{ role: "user", content: "Hi" }], ...fields };
  return openaiChat.readRequest(encode(body)).request;
}

/** The body for a target, and the names of the warnings about it. */
export function write(
  request: GenerateRequest,
  model = claude,
  more: Partial<FormatQuirks> = {},
): { body: Record<string, unknown>; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(warning.split(":")[0] ?? "");
  const target = { model, stream: false, quirks: { ...quirks, ...more }, warn };
  const text = bedrockConverse.writeRequest(request, target);
  return { body: JSON.parse(text) as Record<string, unknown>, warnings };
}
