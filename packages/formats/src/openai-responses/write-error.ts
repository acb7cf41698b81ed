import type { GatewayError } from "@penstock/errors";
import { writeError } from "../openai-chat/write-error.ts";

/**
 * The events that end a stream which can't end well: the one by which OpenAI's clients throw, and
 * the one that agents wait for, which know only the states of an answer.
 */
export function writeStreamError(error: GatewayError, requestId: string): string {
  const { error: fields } = JSON.parse(writeError(error, requestId)) as {
    error: Record<string, unknown>;
  };
  const { code, message, param } = fields;
  const failed = {
    type: "response.failed",
    response: {
      id: `resp_${requestId.replaceAll("-", "")}`,
      object: "response",
      status: "failed",
      error: { code, message },
      incomplete_details: null,
      output: [],
      usage: null,
    },
  };
  const bare = { type: "error", code, message, param, error: fields };
  return writeEvent("error", bare) + writeEvent("response.failed", failed);
}

function writeEvent(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
