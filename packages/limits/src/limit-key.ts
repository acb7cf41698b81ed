import { fieldInvalid } from "./field-invalid.ts";

/** The longest quota key in UTF-16 units; longer ones are refused: maps and rows stay bounded. */
export const maximumQuotaKeyLength = 512;

const dimensionNamePattern = /^[a-z][a-z0-9_]*$/;
// The separators, the escape sign itself, and control characters.
// oxlint-disable-next-line no-control-regex
const mustEscape = /[%|=\u0000-\u001f\u007f]/g;
const escapedUnit = /%([0-9A-F]{2})/g;

/** What a quota key says: the quota's resource name and the values this instance counts. */
export interface QuotaKeyParts {
  readonly quotaName: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

function escapeText(text: string, field: string): string {
  // A lone surrogate would become U+FFFD in storage and merge two different instances.
  if (!text.isWellFormed()) throw fieldInvalid(field, "must be well-formed Unicode");
  return text.replace(mustEscape, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `%${unit.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function unescapeText(text: string): string {
  return text.replace(escapedUnit, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/**
 * The canonical key of one instance of a quota, e.g.
 * `quotaKey("limits/five", { key: "projects/p/virtualKeys/k" })` is
 * `limits/five|key=projects/p/virtualKeys/k`. Dimensions are sorted by name and `%`, `|`, `=` and
 * control characters are escaped, so equal keys mean equal parts and nothing a caller puts into a
 * value (an end user, a tag) can reach another instance. Throws FIELD_INVALID for a malformed
 * dimension name, ill-formed Unicode, or a key above `maximumQuotaKeyLength`.
 */
export function quotaKey(
  quotaName: string,
  dimensions: Readonly<Record<string, string>> = {},
): string {
  if (quotaName === "") throw fieldInvalid("quota", "must not be empty");
  let key = escapeText(quotaName, "quota");
  for (const name of Object.keys(dimensions).sort()) {
    if (!dimensionNamePattern.test(name)) {
      throw fieldInvalid("dimensions", "a name must be lower-case letters, digits and underscores");
    }
    key += `|${name}=${escapeText(dimensions[name] ?? "", `dimensions.${name}`)}`;
    if (key.length > maximumQuotaKeyLength) break;
  }
  if (key.length > maximumQuotaKeyLength) {
    throw fieldInvalid("dimensions", `the key must be at most ${maximumQuotaKeyLength} characters`);
  }
  return key;
}

/** Reads a key made by `quotaKey` back into its parts. Throws FIELD_INVALID for any other text. */
export function parseQuotaKey(key: string): QuotaKeyParts {
  const [quotaName, ...pairs] = key.split("|");
  const dimensions: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw fieldInvalid("quota_key", "each dimension must be name=value");
    dimensions[pair.slice(0, at)] = unescapeText(pair.slice(at + 1));
  }
  const parts = { quotaName: unescapeText(quotaName ?? ""), dimensions };
  if (quotaKey(parts.quotaName, parts.dimensions) !== key) {
    throw fieldInvalid("quota_key", "must be in canonical form");
  }
  return parts;
}
