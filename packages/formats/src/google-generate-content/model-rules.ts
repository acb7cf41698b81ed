/** Generation of a Gemini model by its name; undefined for any other. */
function generationOf(model: string): number | undefined {
  const match = /(?:^|\/)gemini-(\d{1,3})(?:\.\d+)?(?:-|$)/.exec(model);
  return match === null ? undefined : Number(match[1]);
}

/** Whether the model wants signatures on function calls back and takes levels of thinking. */
export function isThirdGeneration(model: string): boolean {
  return (generationOf(model) ?? 0) >= 3;
}

/**
 * What stands where a model of the third generation wants a signature that nobody has, because the
 * call was another model's (ai.google.dev/gemini-api/docs/thought-signatures, FAQ).
 */
export const absentSignature = "skip_thought_signature_validator";

/** Levels that a model of the third generation knows, by effort in the words of other formats. */
export const levelByEffort: ReadonlyMap<string, string> = new Map([
  ["minimal", "minimal"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "high"],
  ["max", "high"],
]);

/**
 * Tokens to think with for models before the third generation, by effort, as Google's own
 * translation has them (ai.google.dev/gemini-api/docs/openai, Thinking).
 */
export const budgetByEffort: ReadonlyMap<string, number> = new Map([
  ["none", 0],
  ["minimal", 1_024],
  ["low", 1_024],
  ["medium", 8_192],
  ["high", 24_576],
  ["xhigh", 24_576],
  ["max", 24_576],
]);
