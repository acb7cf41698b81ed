import { headerRules } from "@penstock/formats";
import type { FormatName } from "@penstock/formats";

/**
 * Which headers pass between callers and targets of a format, for an explanation; none of them does
 * for callers of another format. Empty where none passes.
 */
export function describeHeaders(format: FormatName): string[] {
  const { toTarget, toCaller } = headerRules(format);
  return [
    ...(toTarget.length === 0 ? [] : [`gets ${toTarget.join(", ")} from callers of ${format}`]),
    ...(toCaller.length === 0 ? [] : [`gives ${toCaller.join(", ")} to callers of ${format}`]),
  ];
}
