import { Environment } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";

import { conditionCost, maximumCost } from "./condition-cost.ts";

/** What conditions may ask of a request. Names are those of the language; integers are bigint. */
export interface ConditionFacts {
  /** Resource names. */
  readonly key: string;
  readonly project: string;
  readonly team: string;
  /** Model that was asked for. */
  readonly model: string;
  /** Labels of the request, metadata included. */
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: not said. */
  readonly end_user: string;
  readonly stream: boolean;
  /** Estimate. Unit: tokens. */
  readonly input_tokens: bigint;
  /** Largest output that the request allows; 0: it says none. Unit: tokens. */
  readonly max_output_tokens: bigint;
  readonly has_tools: boolean;
  readonly has_images: boolean;
  readonly has_audio: boolean;
  readonly has_files: boolean;
  readonly has_reasoning: boolean;
  readonly has_json_schema: boolean;
}

/** What a condition says to a request. */
export type ConditionVerdict =
  | { readonly holds: true }
  /** `problem`: why it could not be evaluated; absent: it was, and is false. */
  | { readonly holds: false; readonly problem?: string };

/** A condition, type-checked and ready. */
export interface CompiledCondition {
  /** As it was written. */
  readonly text: string;
  judge(facts: ConditionFacts): ConditionVerdict;
}

/** A condition, or what is wrong with it and where. */
export type ConditionResult =
  | { readonly ok: true; readonly condition: CompiledCondition }
  | { readonly ok: false; readonly description: string };

/** Longest condition. Unit: characters. */
export const maximumConditionLength = 2_048;

const environment = new Environment({
  unlistedVariablesAreDyn: false,
  limits: {
    maxAstNodes: 512,
    maxDepth: 32,
    maxListElements: 128,
    maxMapEntries: 16,
    maxCallArguments: 4,
  },
});
const variables: Readonly<Record<keyof ConditionFacts, string>> = {
  key: "string",
  project: "string",
  team: "string",
  model: "string",
  labels: "map<string, string>",
  end_user: "string",
  stream: "bool",
  input_tokens: "int",
  max_output_tokens: "int",
  has_tools: "bool",
  has_images: "bool",
  has_audio: "bool",
  has_files: "bool",
  has_reasoning: "bool",
  has_json_schema: "bool",
};
for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);

/**
 * Checks and compiles a condition: its types, its functions, and that its cost is bounded. Total;
 * the description names the place, such as `at line 1, column 12: Unknown variable: foo`.
 */
export function compileCondition(text: string): ConditionResult {
  if (text.length > maximumConditionLength) {
    return { ok: false, description: `must have at most ${maximumConditionLength} characters` };
  }
  try {
    const checked = environment.check(text);
    const { error } = checked;
    if (error !== undefined) return misfit(text, error.summary, error.range?.start);
    if (checked.type !== "bool") {
      return misfit(text, `is ${checked.type ?? "nothing"}; a condition must be true or false`, 0);
    }
    const parsed = environment.parse(text);
    const cost = conditionCost(parsed.ast);
    if ("refused" in cost) return misfit(text, cost.refused, cost.at);
    if (cost.steps > maximumCost) return misfit(text, "takes too many steps", 0);
    return { ok: true, condition: { text, judge: (facts) => judge(parsed, facts) } };
  } catch (error) {
    return misfit(text, summaryOf(error), undefined);
  }
}

/**
 * Why a condition does not hold: its first part, of those joined by `&&`, that is not true, with the
 * values it looks at. Asked for every target that a condition leaves out, so that parts are compiled
 * once for each condition.
 */
export function explainCondition(condition: CompiledCondition, facts: ConditionFacts): string {
  const verdict = condition.judge(facts);
  const quoted = (text: string): string => JSON.stringify(text);
  if (verdict.holds) return `its condition ${quoted(condition.text)} holds`;
  for (const { part, names } of partsOf(condition)) {
    const found = part.judge(facts);
    if (found.holds) continue;
    const why = found.problem ?? values(names, facts);
    return `its condition does not hold at ${quoted(part.text)}${why === "" ? "" : `: ${why}`}`;
  }
  return `its condition ${quoted(condition.text)} does not hold`;
}

/** One of the parts of a condition that are joined by `&&`, with the facts that it reads. */
interface ConditionPart {
  readonly part: CompiledCondition;
  readonly names: readonly (keyof ConditionFacts)[];
}

const knownParts = new WeakMap<CompiledCondition, readonly ConditionPart[]>();

function partsOf(condition: CompiledCondition): readonly ConditionPart[] {
  const known = knownParts.get(condition);
  if (known !== undefined) return known;
  const made = conjuncts(environment.parse(condition.text).ast).flatMap(({ range }) => {
    const compiled = compileCondition(condition.text.slice(range.start, range.end));
    if (!compiled.ok) return [];
    const part = compiled.condition;
    return [{ part, names: namesIn(part.text) }];
  });
  knownParts.set(condition, made);
  return made;
}

function judge(
  evaluate: (facts: Record<string, unknown>) => unknown,
  facts: ConditionFacts,
): ConditionVerdict {
  try {
    return evaluate(facts as unknown as Record<string, unknown>) === true ? holding : failing;
  } catch (error) {
    return { holds: false, problem: summaryOf(error) };
  }
}

const holding: ConditionVerdict = { holds: true };
const failing: ConditionVerdict = { holds: false };

function conjuncts(node: ASTNode): ASTNode[] {
  return node.op === "&&" ? node.args.flatMap(conjuncts) : [node];
}

function namesIn(text: string): (keyof ConditionFacts)[] {
  const words = new Set(text.match(/\w+/g));
  return (Object.keys(variables) as (keyof ConditionFacts)[]).filter((name) => words.has(name));
}

/** The facts of these names, such as `input_tokens is 12`. */
function values(names: readonly (keyof ConditionFacts)[], facts: ConditionFacts): string {
  const shown = names.map((name) => {
    const value = facts[name];
    const text = typeof value === "bigint" ? String(value) : JSON.stringify(value);
    return `${name} is ${text.slice(0, 256)}`;
  });
  return shown.join(", ");
}

function misfit(text: string, what: string, at: number | undefined): ConditionResult {
  if (at === undefined) return { ok: false, description: what };
  const before = text.slice(0, at).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return { ok: false, description: `at line ${before.length}, column ${column}: ${what}` };
}

/** Errors of the library carry a sentence without the picture of the place. */
function summaryOf(error: unknown): string {
  if (!(error instanceof Error)) return "can't be evaluated";
  const summary: unknown = "summary" in error ? error.summary : undefined;
  return typeof summary === "string" ? summary : (error.message.split("\n", 1)[0] ?? "");
}
