import { RoutingSort } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { readObject, readText } from "../field-values.ts";
import { readModels } from "./read-models.ts";
import { readProviders } from "./read-providers.ts";
import { routingOf, useDialect } from "./wishes.ts";
import type { Wishes } from "./wishes.ts";

/** Values of `sort`: the names of the options, and those of virtual models. */
const sorts: Readonly<Record<string, RoutingSort>> = {
  cost: RoutingSort.PRICE,
  price: RoutingSort.PRICE,
  ttft: RoutingSort.LATENCY,
  latency: RoutingSort.LATENCY,
  tps: RoutingSort.THROUGHPUT,
  throughput: RoutingSort.THROUGHPUT,
};

/** Options that name a credential or an address, which no caller chooses. */
const never: ReadonlySet<string> = new Set(["byok", "byokCredentialIds", "baseUrl", "headers"]);

/**
 * Reads `providerOptions.gateway` of Vercel's gateway
 * (https://vercel.com/docs/ai-gateway/provider-options). Options that Penstock can't keep are
 * refused unless they ask for nothing.
 */
export function readGatewayOptions(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const options = readObject(problems, "providerOptions", value);
  if (options === undefined) return;
  for (const [key, member] of Object.entries(options)) {
    if (member === null) continue;
    if (key === "gateway") readGateway(problems, wishes, member);
    else problems.addUnsupported(`providerOptions.${key}`, "is not served; only gateway is");
  }
}

function readGateway(problems: FieldProblems, wishes: Wishes, value: unknown): void {
  const fields = readObject(problems, "providerOptions.gateway", value);
  if (fields === undefined || !useDialect(problems, wishes, "providerOptions.gateway")) return;
  for (const [key, member] of Object.entries(fields)) {
    if (member !== null) readOption(problems, wishes, key, member);
  }
}

function readOption(problems: FieldProblems, wishes: Wishes, key: string, value: unknown): void {
  const field = `providerOptions.gateway.${key}`;
  const routing = routingOf(wishes);
  switch (key) {
    case "order":
      routing.providerOrder = readProviders(problems, field, value);
      return;
    case "only":
      routing.onlyProviders = readProviders(problems, field, value);
      return;
    case "models":
      readModels(problems, wishes, field, value);
      return;
    case "sort": {
      const name = readText(problems, field, value) ?? "";
      const sort = Object.hasOwn(sorts, name) ? sorts[name] : undefined;
      if (sort === undefined) problems.add(field, "must be cost, ttft or tps");
      else routing.sort = sort;
      return;
    }
    default:
      if (never.has(key)) {
        problems.addUnsupported(field, "is refused: callers choose no credential or address");
      } else if (value !== false) {
        problems.addUnsupported(field, "is not offered; known are order, only, models, sort");
      }
  }
}
