import type { Dialect } from "./dialect.ts";
import { openaiDialect } from "./openai-dialect.ts";

/** The errors of OpenAI; within a stream of the Responses API they are events of their own. */
export const openaiResponsesDialect: Dialect = {
  ...openaiDialect,
  streamError(error, requestId) {
    const { body } = openaiDialect.error(error, requestId);
    const { code, message, param } = (JSON.parse(body) as { error: Record<string, unknown> }).error;
    const data = JSON.stringify({ type: "error", code, message, param, sequence_number: 0 });
    return `event: error\ndata: ${data}\n\n`;
  },
};
