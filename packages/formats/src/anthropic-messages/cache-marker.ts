import type { CacheMarker } from "@penstock/api";
import type { FieldProblems } from "../field-problems.ts";
import { otherFields, readObject, readText } from "../field-values.ts";
import { isJsonObject } from "../read-json.ts";

const knownFields: ReadonlySet<string> = new Set(["type", "ttl"]);

/** Reads `cache_control` of a block or tool; undefined when there is none. */
export function readCacheMarker(
  problems: FieldProblems,
  path: string,
  value: unknown,
): CacheMarker | undefined {
  if (value == null) return undefined;
  const fields = readObject(problems, path, value);
  if (fields === undefined) return undefined;
  if (fields["type"] !== "ephemeral") {
    problems.add(`${path}.type`, 'must be "ephemeral"');
    return undefined;
  }
  const ttl = fields["ttl"];
  return {
    $typeName: "penstock.inference.v1.CacheMarker",
    timeToLive: ttl == null ? undefined : readText(problems, `${path}.ttl`, ttl, ttlLength),
  };
}

const ttlLength = { min: 1, max: 16 };

/**
 * The marker that `cache_control` is where another format carries it; undefined for anything else,
 * which is not for this gateway to judge.
 */
export function findCacheMarker(value: unknown): CacheMarker | undefined {
  if (!isJsonObject(value) || value["type"] !== "ephemeral") return undefined;
  const { ttl } = value;
  if (ttl == null) return { $typeName: "penstock.inference.v1.CacheMarker" };
  if (typeof ttl !== "string" || ttl.length === 0 || ttl.length > ttlLength.max) return undefined;
  return { $typeName: "penstock.inference.v1.CacheMarker", timeToLive: ttl };
}

/** What `cache_control` carries besides what the marker says; undefined when nothing. */
export function otherCacheWords(value: unknown): Record<string, unknown> | undefined {
  return isJsonObject(value) ? otherFields(value, knownFields) : undefined;
}

/** A marker as `cache_control`; undefined where nothing is marked. `others` are further words. */
export function writeCacheMarker(
  marker: CacheMarker | undefined,
  others?: unknown,
): Record<string, unknown> | undefined {
  if (marker === undefined) return undefined;
  const carried = isJsonObject(others) ? others : undefined;
  return { ...carried, type: "ephemeral", ttl: marker.timeToLive };
}
