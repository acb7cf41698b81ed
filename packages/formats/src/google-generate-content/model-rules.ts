const named = /(?:^|\/)gemini-(\d{1,3})(?:\.\d+)?(?:-|$)/;
/** Names such as `gemini-flash-latest`, which lead to the newest generation. */
const newest = /(?:^|\/)gemini-(?:[a-z]+-)+latest$/;

/** Whether the model wants signatures on function calls back and takes levels of thinking. */
export function isThirdGeneration(model: string): boolean {
  return newest.test(model) || Number(named.exec(model)?.[1] ?? 0) >= 3;
}

/**
 * Whether the model refuses media within results of functions, which the third generation brought
 * (ai.google.dev/gemini-api/docs/function-calling, "Multimodal function responses").
 */
export function refusesResultMedia(model: string): boolean {
  const generation = named.exec(model)?.[1];
  return generation !== undefined && Number(generation) < 3;
}

/**
 * What stands where a model of the third generation wants a signature that nobody has, because the
 * call was another model's (ai.google.dev/gemini-api/docs/thought-signatures, FAQ).
 */
export const absentSignature = "skip_thought_signature_validator";

const levels: ReadonlyMap<string, string> = new Map([
  ["minimal", "minimal"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "high"],
  ["max", "high"],
]);

/**
 * The level of a model of the third generation that stands for an effort in the words of other
 * formats; undefined for an unknown one. Models called Pro know no level below `low`
 * (ai.google.dev/gemini-api/docs/openai, Thinking).
 */
export function levelOf(effort: string, model: string): string | undefined {
  const level = levels.get(effort);
  return level === "minimal" && /-pro\b/.test(model) ? "low" : level;
}

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

/** Fewest and most tokens to think with, and whether thinking can be turned off. */
export interface BudgetRange {
  readonly min: number;
  readonly max: number;
  readonly off: boolean;
}

/**
 * Budgets that a model of the second generation takes; others are refused with 400
 * (ai.google.dev/gemini-api/docs/thinking, "Thinking budgets"). Undefined: not known.
 */
export function budgetRangeOf(model: string): BudgetRange | undefined {
  if (/(?:^|\/)gemini-2\.5-pro\b/.test(model)) return { min: 128, max: 32_768, off: false };
  if (/(?:^|\/)gemini-2\.5-flash-lite\b/.test(model)) return { min: 512, max: 24_576, off: true };
  if (/(?:^|\/)gemini-2\.5-flash\b/.test(model)) return { min: 1, max: 24_576, off: true };
  return undefined;
}
