import type { FieldProblems } from "../field-problems.ts";
import { readObject, readText } from "../field-values.ts";

const maxMetadataCount = 16;
const maxLabelLength = 64;

/**
 * Metadata is the provider's to store; what fits a label is a label for Penstock as well, and is
 * put among `labels`.
 */
export function readMetadata(
  problems: FieldProblems,
  value: unknown,
  labels: Record<string, string>,
): Record<string, unknown> | undefined {
  const metadata = readObject(problems, "metadata", value);
  if (metadata === undefined) return undefined;
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadataCount) {
    problems.add("metadata", `must have at most ${maxMetadataCount} members`);
    return undefined;
  }
  for (const [key, member] of entries) {
    const field = `metadata.${key}`;
    if (key.length > maxLabelLength) {
      problems.add(field, "must have a name of at most 64 characters");
    }
    const text = readText(problems, field, member, { min: 0, max: 512 });
    if (text !== undefined && key !== "" && text.length <= maxLabelLength) labels[key] = text;
  }
  return metadata;
}
