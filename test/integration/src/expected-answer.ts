import { createHash } from "node:crypto";

/** A turn of a conversation, as the simulated vendors describe it in their documentation. */
export interface Turn {
  readonly role: "system" | "user" | "assistant" | "tool";
  /** Its text; of a tool call the tool's name, a blank, and its arguments. */
  readonly text: string;
}

/** What a simulated model must answer. */
export interface ExpectedAnswer {
  readonly sha256: string;
  readonly inputTokens: number;
  readonly text: string;
  readonly textTokens: number;
  /** Arguments of the tool call, where one is made. */
  readonly toolArguments: string;
  readonly toolTokens: number;
}

const words =
  "amber basin cedar delta ember flume grove harbor inlet jetty knoll ledge marsh notch ocean pylon";

/** Reckons the answer on its own, with nothing of the simulator's code. */
export function expectedAnswer(model: string, turns: readonly Turn[]): ExpectedAnswer {
  const conversation = turns.map(({ role, text }) => `${role}\n${text}`).join("\n\n");
  const sha256 = createHash("sha256").update(conversation).digest("hex");
  // What separates words is a blank or an ASCII control character; others belong to their word.
  const wordCount = (text: string): number => text.split(/[^!-\uffff]+/).filter(Boolean).length;
  const inputTokens = turns.reduce((sum, { text }) => sum + wordCount(text) + 3, 0);
  const opening = `${model} received ${turns.length} messages of ${inputTokens} tokens ${sha256}`;
  const table = words.split(" ");
  const drawn = Array.from(sha256.slice(8, 24), (digit) => table[Number.parseInt(digit, 16)]);
  const toolArguments = `{"input_tokens":${inputTokens},"sha256":"${sha256}"}`;
  return {
    sha256,
    inputTokens,
    text: `${opening} ${drawn.join(" ")}`,
    textTokens: 24,
    toolArguments,
    toolTokens: Math.ceil(toolArguments.length / 12),
  };
}
