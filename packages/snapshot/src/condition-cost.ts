import type { ASTNode } from "@marcbachmann/cel-js";

/** Most steps of one evaluation; at about 100 ns each they take half a millisecond at the worst. */
export const maximumCost = 5_000;

/** Labels of a request: the longest list that is not written in the condition itself. */
const mostLabels = 16;

/**
 * Functions of conditions: those whose time follows from the length of what they are given. Regular
 * expressions are not among them, as some take for ever.
 */
const functions: ReadonlySet<string> = new Set(["size", "has", "int", "string", "double"]);
const methods: ReadonlySet<string> = new Set([
  "startsWith",
  "endsWith",
  "contains",
  "lowerAscii",
  "upperAscii",
  "size",
]);
const loops: ReadonlySet<string> = new Set(["all", "exists", "exists_one"]);

/** What an expression costs at most, or what of it is not offered and where. */
export type ConditionCost =
  | { readonly steps: number }
  | { readonly refused: string; readonly at: number };

/** Walks an expression whose types are right. Every node is a step; loops multiply. */
export function conditionCost(node: ASTNode): ConditionCost {
  switch (node.op) {
    case "value":
    case "id":
      return { steps: 1 };
    case "call":
      return called(node, node.args[0], node.args[1]);
    case "rcall":
      return methodCalled(node);
    case ".":
    case ".?":
      return sum([node.args[0]]);
    case "!_":
    case "-_":
      return sum([node.args]);
    case "list":
      return sum(node.args);
    case "map":
      return sum(node.args.flat());
    default:
      return sum(node.args);
  }
}

function called(node: ASTNode, name: string, given: readonly ASTNode[]): ConditionCost {
  return functions.has(name) ? sum(given) : notOffered(node, name);
}

function methodCalled(node: Extract<ASTNode, { op: "rcall" }>): ConditionCost {
  const [name, receiver, given] = node.args;
  if (methods.has(name)) return sum([receiver, ...given]);
  if (!loops.has(name)) return notOffered(node, name);
  const list = conditionCost(receiver);
  // The first of what is given is the name of the item.
  const body = sum(given.slice(1));
  if ("refused" in list) return list;
  if ("refused" in body) return body;
  const rounds = receiver.op === "list" ? receiver.args.length : mostLabels;
  return { steps: 1 + list.steps + rounds * body.steps };
}

function sum(nodes: readonly ASTNode[]): ConditionCost {
  let steps = 1;
  for (const node of nodes) {
    const cost = conditionCost(node);
    if ("refused" in cost) return cost;
    steps += cost.steps;
  }
  return { steps };
}

function notOffered({ range }: ASTNode, name: string): ConditionCost {
  const offered = [...functions, ...methods, ...loops].join(", ");
  return { refused: `${name} is not offered here; offered are ${offered}`, at: range.start };
}
