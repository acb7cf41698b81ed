import type { Price, Resource, Scope } from "@penstock/api";
import { BudgetPeriod } from "@penstock/api";
import { formatMoney } from "@penstock/pricing";

/** What matters most about a resource, in a few words, for tables. */
export function describeResource({ resource }: Resource): string {
  switch (resource.case) {
    case "team":
      return resource.value.owners.join(", ");
    case "project":
      return resource.value.team;
    case "virtualKey": {
      const { credentials, revokeTime } = resource.value;
      if (revokeTime !== undefined) return "revoked";
      return credentials.length === 0 ? "no secret yet" : `secret ${credentials[0]?.id ?? ""}…`;
    }
    case "provider":
      return `${resource.value.kind} ${resource.value.baseUrl}`.trim();
    case "deployment":
      return `${resource.value.provider} ${resource.value.model}`;
    case "route": {
      const targets = resource.value.targets.map(({ deployment }) => idOf(deployment));
      const models = resource.value.match?.models.join(", ") ?? "";
      return `${models} → ${targets.join(", ")}`;
    }
    case "policy":
      return describePolicy(resource.value.allowModels, resource.value.denyModels);
    case "limit": {
      const { amount, scope } = resource.value;
      const unit = amount.case === "tokensPerMinute" ? "tokens" : "requests";
      return `${amount.value ?? 0n} ${unit} per minute, ${describeScope(scope)}`;
    }
    case "budget": {
      const { amountNanoUsd, period, scope } = resource.value;
      const length = period === BudgetPeriod.MONTH ? "month" : "day";
      return `${formatMoney(amountNanoUsd)} USD per ${length}, ${describeScope(scope)}`;
    }
    case "priceBook":
      return describePrices(resource.value.prices);
    case undefined:
      return "";
  }
}

function describePrices(prices: readonly Price[]): string {
  const variants = prices.reduce((sum, price) => sum + price.variants.length, 0);
  return `${prices.length} prices${variants === 0 ? "" : ` with ${variants} variants`}`;
}

function describePolicy(allowed: readonly string[], denied: readonly string[]): string {
  const parts = [
    ...(allowed.length === 0 ? [] : [`allows ${allowed.join(", ")}`]),
    ...(denied.length === 0 ? [] : [`denies ${denied.join(", ")}`]),
  ];
  return parts.join("; ");
}

function describeScope(scope: Scope | undefined): string {
  const value = scope?.scope.value;
  return typeof value === "string" ? value : "everybody";
}

function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
