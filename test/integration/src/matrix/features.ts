import { FinishReason } from "@penstock/api";
import type { GenerateRequest } from "@penstock/api";
import { openaiChat } from "@penstock/formats";
import { expect } from "vitest";
import type { CellAnswer } from "./cell-answer.ts";

/** What is known of a cell when its answer is checked. */
export interface CellFacts {
  readonly answer: CellAnswer;
  /** Model that the simulated vendor believes to be. */
  readonly model: string;
}

/** A column of the matrix. */
export interface MatrixFeature {
  readonly name: string;
  /** Faults of the simulated model. */
  readonly faults: string;
  readonly stream: boolean;
  /** The request in the words of OpenAI, which is as good as any. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Called with what has come so far; true ends the call there. */
  readonly enough?: (answer: CellAnswer) => boolean;
  readonly check: (facts: CellFacts) => void;
}

const hello = [{ role: "user", content: "Hello there" }];
const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const city = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** The columns. */
export const matrixFeatures: readonly MatrixFeature[] = [
  {
    name: "unary",
    faults: "",
    stream: false,
    fields: { messages: hello },
    check: checkText("received 1 messages of 5 tokens", 5n),
  },
  {
    name: "stream",
    faults: "",
    stream: true,
    fields: { messages: hello },
    check: checkText("received 1 messages of 5 tokens", 5n),
  },
  {
    name: "tools",
    faults: "calls-2",
    stream: true,
    fields: {
      messages: hello,
      tools: ["weather", "time"].map((name) => ({
        type: "function",
        function: { name, description: "Tells it.", parameters: city },
      })),
    },
    check({ answer }) {
      expect(answer.error).toBeUndefined();
      expect(answer.toolCalls.map(({ name }) => name)).toEqual(["weather", "time"]);
      for (const call of answer.toolCalls) {
        expect(JSON.parse(call.arguments)).toMatchObject({ input_tokens: 5 });
      }
      expect(answer.finish?.reason).toBe(FinishReason.TOOL_CALLS);
    },
  },
  {
    name: "structured output",
    faults: "",
    stream: false,
    fields: {
      messages: hello,
      response_format: {
        type: "json_schema",
        json_schema: { name: "place", strict: true, schema: city },
      },
    },
    check({ answer }) {
      expect(answer.error).toBeUndefined();
      expect(JSON.parse(answer.text)).toEqual({ city: "amber" });
    },
  },
  {
    name: "image",
    faults: "",
    stream: false,
    fields: {
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is it?" },
            { type: "image_url", image_url: { url: pixel } },
          ],
        },
      ],
    },
    // An image counts as one word: without it there would be six.
    check: checkText("received 1 messages of 7 tokens", 7n),
  },
  {
    name: "reasoning",
    faults: "",
    stream: true,
    fields: { messages: hello, reasoning_effort: "low" },
    check({ answer, model }) {
      expect(answer.error).toBeUndefined();
      expect(answer.text).toContain(`${model} received`);
      // Who may not show thoughts counts them.
      if (answer.reasoning === "") expect(answer.usage?.reasoningOutputTokens).toBe(8n);
      else expect(answer.reasoning.split(" ")).toHaveLength(8);
    },
  },
  {
    name: "error before commit",
    faults: "overloaded",
    stream: true,
    fields: { messages: hello },
    check({ answer }) {
      expect(answer.error).toMatch(/overloaded/i);
      expect(answer.status === 0 || answer.status === 503).toBe(true);
      expect(answer.text).toBe("");
    },
  },
  {
    name: "error after commit",
    faults: "overloaded+error-after-3",
    stream: true,
    fields: { messages: hello },
    check({ answer, model }) {
      expect(answer.text).toBe(`${model} received 1`);
      expect(answer.error).toBeDefined();
      expect(answer.finish).toBeUndefined();
    },
  },
  {
    name: "cancel",
    faults: "stall-after-3",
    stream: true,
    fields: { messages: hello },
    enough: ({ text }) => text !== "",
    check({ answer }) {
      expect(answer.error).toBeUndefined();
      expect(answer.finish).toBeUndefined();
      expect(answer.text).not.toBe("");
    },
  },
];

/** The canonical request of a feature for a model of the gateway. */
export function requestOf({ fields }: MatrixFeature, model: string): GenerateRequest {
  const body = { model, max_completion_tokens: 500, ...fields };
  return openaiChat.readRequest(Buffer.from(JSON.stringify(body))).request;
}

function checkText(words: string, inputTokens: bigint): MatrixFeature["check"] {
  return ({ answer, model }) => {
    expect(answer.error).toBeUndefined();
    expect(answer.text).toContain(`${model} ${words}`);
    expect(answer.text.split(" ")).toHaveLength(24);
    expect(answer.usage).toMatchObject({ inputTokens, outputTokens: 24n });
    expect(answer.finish?.reason).toBe(FinishReason.STOP);
  };
}
