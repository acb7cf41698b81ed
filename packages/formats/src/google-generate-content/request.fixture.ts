import { GatewayError } from "@penstock/errors";
import type { CallerRequest, FormatQuirks } from "../format.ts";
import { googleGenerateContent as format } from "./google-generate-content.ts";

/** A JSON object. */
export type Json = Record<string, unknown>;
/** UTF-8. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
/** The place of a request in these tests. */
export const address = { model: "gemini-2.5-flash", stream: false };
/** Quirks mean nothing to this format. */
export const quirks: FormatQuirks = {
  maxTokensField: "max_completion_tokens",
  sendsDeveloperRole: true,
  supportsStreamUsage: true,
  sendsReasoning: true,
};

/** Reads a body. */
export function read(fields: object): CallerRequest {
  return format.readRequest(encode(JSON.stringify(fields)), address);
}

/** Writes a body, and says what it warned of. */
export function written(
  request: CallerRequest["request"],
  model = "gemini-2.5-flash",
): { body: Json; warnings: string[] } {
  const warnings: string[] = [];
  const warn = (warning: string): void => void warnings.push(warning);
  const text = format.writeRequest(request, { model, stream: false, quirks, warn });
  return { body: JSON.parse(text) as Json, warnings };
}

/** Reads and writes a body. */
export const roundTrip = (fields: object): Json => written(read(fields).request).body;

/** Reason and fields of the refusal that a call throws. */
export function violations(run: () => unknown): [string, string[]] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [error.reason, error.fieldViolations.map((one) => one.field)];
  }
  return ["", []];
}

/** The least that can be said. */
export const hello = [{ role: "user", parts: [{ text: "Hello" }] }];
/** A schema. */
export const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};

/** A request that uses everything that has a place in the canonical one, and much that has none. */
export const full = {
  systemInstruction: { parts: [{ text: "Be brief." }, { text: "Be kind." }] },
  contents: [
    {
      role: "user",
      parts: [
        { text: "See", partMetadata: { a: 1 } },
        { inlineData: { mimeType: "image/png", data: "AAEC" } },
        {
          fileData: { mimeType: "video/mp4", fileUri: "https://example.com/a.mp4" },
          videoMetadata: { fps: 2 },
        },
      ],
      vendorNote: true,
    },
    {
      role: "model",
      parts: [
        { text: "Let me think.", thought: true },
        { text: "I look.", thoughtSignature: "dGV4dA==" },
        {
          functionCall: { name: "get_weather", args: { city: "Paris" } },
          thoughtSignature: "Y2FsbA==",
        },
        { functionCall: { name: "get_weather", args: { city: "Rome" } } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "get_weather", response: { output: "sunny" } } },
        { functionResponse: { name: "get_weather", response: { degrees: 21, sky: ["blue"] } } },
      ],
    },
    {
      role: "model",
      parts: [
        { executableCode: { language: "PYTHON", code: "print(1)" } },
        { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
        { functionCall: { id: "f1", name: "get_time", args: {} } },
      ],
    },
    {
      role: "user",
      parts: [
        {
          functionResponse: {
            id: "f1",
            name: "get_time",
            response: { error: "no clock" },
            parts: [{ inlineData: { mimeType: "image/png", data: "AAEC" } }],
          },
        },
      ],
    },
    { role: "user", parts: [{ text: "And?" }] },
  ],
  tools: [
    {
      functionDeclarations: [
        {
          name: "get_weather",
          description: "d",
          parameters: { type: "OBJECT", properties: { city: { type: "STRING", nullable: true } } },
        },
        { name: "get_time", parametersJsonSchema: schema, behavior: "BLOCKING" },
      ],
    },
    { googleSearch: {} },
  ],
  toolConfig: {
    functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["get_weather"] },
    retrievalConfig: { languageCode: "en" },
  },
  generationConfig: {
    maxOutputTokens: 7,
    temperature: 0,
    topP: 0.5,
    topK: 40,
    stopSequences: ["x", "y"],
    seed: -3,
    candidateCount: 2,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    responseMimeType: "application/json",
    responseSchema: { type: "OBJECT", properties: { a: { type: "INTEGER" } } },
    responseModalities: ["TEXT"],
    thinkingConfig: { thinkingBudget: 128, includeThoughts: true },
    mediaResolution: "MEDIA_RESOLUTION_LOW",
  },
  safetySettings: [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_ONLY_HIGH" }],
  cachedContent: "cachedContents/abc",
  labels: { team: "a" },
  somethingNew: { x: [1, null] },
};
