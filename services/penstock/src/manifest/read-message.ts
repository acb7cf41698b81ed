import type { DescField, DescMessage, DescOneof, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { Document, LineCounter, Node, Pair, Scalar } from "yaml";
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import { describeUnknownField, findField, findNearField } from "./field-names.ts";
import type { ReadValue } from "./read-scalar.ts";
import {
  readDecimalMoney,
  readDuration,
  readEnum,
  readScalar,
  readTimestamp,
} from "./read-scalar.ts";
import type { SourceMap } from "./source-map.ts";

/** What reading one document needs and leaves behind. */
export interface DocumentReader {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly places: SourceMap;
  /** Notes a problem; the path is as written. */
  report(line: number, path: string, description: string): void;
  /** Says why the field may not be in a manifest; undefined when it may. */
  refuse?(schema: DescMessage, jsonName: string): string | undefined;
  /** Whether a field of the document itself is passed over, whatever it holds. */
  passesOver?(jsonName: string): boolean;
}

/** Where a node stands: its line, its path in proto JSON and its path as written. */
interface Place {
  readonly line: number;
  readonly path: string;
  readonly written: string;
}

const root: Place = { line: 1, path: "", written: "" };

/** Reads a mapping as one message in proto JSON; what is wrong is reported and left out. */
export function readRootMessage(
  node: unknown,
  schema: DescMessage,
  reader: DocumentReader,
): JsonObject {
  return readMessage(node, schema, root, reader) ?? {};
}

function readMessage(
  node: unknown,
  schema: DescMessage,
  place: Place,
  reader: DocumentReader,
): JsonObject | undefined {
  if (!isMap(node)) {
    reader.report(place.line, place.written, "must be a mapping of fields, such as { a: b }");
    return undefined;
  }
  const result: JsonObject = {};
  const oneofs = new Map<DescOneof, string>();
  let kinds = 0;
  for (const pair of node.items) {
    const entry = readEntry(pair, place, reader);
    if (entry === undefined) continue;
    if (place === root && entry.key === "kind") {
      if (kinds++ > 0) reader.report(entry.at.line, "kind", "is given twice");
      continue;
    }
    const found = findField(schema, entry.key);
    if (found === undefined) {
      reportUnknown(entry, { schema, place, reader, result });
      continue;
    }
    const { field, isDecimalMoney } = found;
    if (place === root && reader.passesOver?.(field.jsonName) === true) continue;
    const at = { ...entry.at, path: join(place.path, field.jsonName) };
    const refusal = checkField(field, entry.key, { result, oneofs, schema, place, reader });
    if (refusal !== undefined) {
      reader.report(at.line, at.written, refusal);
      continue;
    }
    reader.places.record(at.path, { line: at.line, writtenPath: at.written });
    const value = isDecimalMoney
      ? readLeaf(entry.value, at, reader, readDecimalMoney)
      : readField(entry.value, field, at, reader);
    // Something stands in for a wrong value, so that a second spelling is still noticed.
    result[field.jsonName] = value ?? null;
  }
  return withoutNulls(result);
}

/**
 * What the service finds missing because of a misspelling has the place of the misspelling, so that
 * it is told once.
 */
function reportUnknown(
  { key, at }: { readonly key: string; readonly at: Place },
  state: {
    readonly schema: DescMessage;
    readonly place: Place;
    readonly reader: DocumentReader;
    readonly result: JsonObject;
  },
): void {
  const { schema, place, reader, result } = state;
  const near = findNearField(schema, key);
  const isSettable = ({ jsonName }: DescField): boolean =>
    place !== root || reader.refuse?.(schema, jsonName) === undefined;
  reader.report(at.line, at.written, describeUnknownField(schema, near, isSettable));
  if (near === undefined) return;
  for (const { jsonName } of near.oneof?.fields ?? [near]) {
    if (Object.hasOwn(result, jsonName)) continue;
    reader.places.record(join(place.path, jsonName), { line: at.line, writtenPath: at.written });
  }
}

function checkField(
  field: DescField,
  key: string,
  state: {
    readonly result: JsonObject;
    readonly oneofs: Map<DescOneof, string>;
    readonly schema: DescMessage;
    readonly place: Place;
    readonly reader: DocumentReader;
  },
): string | undefined {
  const { result, oneofs, schema, place, reader } = state;
  if (Object.hasOwn(result, field.jsonName)) return "is given twice";
  if (field.oneof !== undefined) {
    const other = oneofs.get(field.oneof);
    if (other !== undefined) return `can't stand beside ${other}; keep one of them`;
    oneofs.set(field.oneof, key);
  }
  return place === root ? reader.refuse?.(schema, field.jsonName) : undefined;
}

/** A key with its value; undefined, and reported, when the key is not a plain text. */
function readEntry(pair: Pair<unknown, unknown>, place: Place, reader: DocumentReader) {
  const { key } = pair;
  const line = lineOf(key, reader) ?? place.line;
  if (!isScalar(key) || typeof key.value !== "string") {
    reader.report(line, place.written, "has a field whose name is not text");
    return undefined;
  }
  const at: Place = { line, path: "", written: join(place.written, key.value) };
  return { key: key.value, value: resolved(pair.value, reader), at };
}

function readField(
  node: unknown,
  field: DescField,
  at: Place,
  reader: DocumentReader,
): JsonValue | undefined {
  switch (field.fieldKind) {
    case "list":
      return readList(node, field, at, reader);
    case "map":
      return readMap(node, at, reader);
    default:
      return readSingle(node, field, at, reader);
  }
}

function readList(
  node: unknown,
  field: DescField & { fieldKind: "list" },
  at: Place,
  reader: DocumentReader,
): JsonValue | undefined {
  if (!isSeq(node)) {
    reader.report(at.line, at.written, "must be a list, such as [a, b]");
    return undefined;
  }
  return node.items.map((item, index) => {
    const value = resolved(item, reader);
    const place = {
      line: lineOf(item, reader) ?? at.line,
      path: `${at.path}[${index}]`,
      written: `${at.written}[${index}]`,
    };
    reader.places.record(place.path, { line: place.line, writtenPath: place.written });
    return readSingle(value, field, place, reader) ?? placeholder(field);
  });
}

/** Keeps the places of the other items; the document is refused anyway. */
function placeholder(field: DescField): JsonValue {
  return field.message === undefined ? "" : {};
}

/** The only maps of resources are from text to text. */
function readMap(node: unknown, at: Place, reader: DocumentReader): JsonValue | undefined {
  if (!isMap(node)) {
    reader.report(at.line, at.written, "must be a mapping, such as { app: demo }");
    return undefined;
  }
  const result: JsonObject = {};
  for (const pair of node.items) {
    const entry = readEntry(pair, at, reader);
    if (entry === undefined) continue;
    const path = join(at.path, entry.key);
    const place = { ...entry.at, path };
    reader.places.record(path, { line: place.line, writtenPath: place.written });
    if (Object.hasOwn(result, entry.key)) {
      reader.report(place.line, place.written, "is given twice");
      continue;
    }
    const value = readLeaf(entry.value, place, reader, (leaf) =>
      typeof leaf.value === "string"
        ? { value: leaf.value }
        : { problem: `must be text; put it in quotes: "${leaf.source ?? String(leaf.value)}"` },
    );
    Object.defineProperty(result, entry.key, { value: value ?? "", enumerable: true });
  }
  return result;
}

/** Reads one message, enum or scalar: a field of its own or one item of a list. */
function readSingle(
  node: unknown,
  field: DescField,
  at: Place,
  reader: DocumentReader,
): JsonValue | undefined {
  const { message, enum: descriptor, scalar } = field;
  if (message?.typeName === DurationSchema.typeName) {
    return readLeaf(node, at, reader, readDuration);
  }
  if (message?.typeName === TimestampSchema.typeName) {
    return readLeaf(node, at, reader, readTimestamp);
  }
  if (message !== undefined) return readMessage(node, message, at, reader);
  if (descriptor !== undefined) {
    return readLeaf(node, at, reader, (leaf) => readEnum(leaf, descriptor));
  }
  return readLeaf(node, at, reader, (leaf) =>
    scalar === undefined ? { problem: "can't be set in a manifest" } : readScalar(leaf, scalar),
  );
}

function readLeaf(
  node: unknown,
  at: Place,
  reader: DocumentReader,
  read: (leaf: Scalar) => ReadValue,
): JsonValue | undefined {
  if (node === null || (isScalar(node) && node.value === null)) {
    reader.report(at.line, at.written, "has no value; give it one or leave the field out");
    return undefined;
  }
  if (!isScalar(node)) {
    reader.report(at.line, at.written, "must be a single value, not a list or mapping");
    return undefined;
  }
  const result = read(node);
  if ("value" in result) return result.value;
  reader.report(at.line, at.written, result.problem);
  return undefined;
}

function resolved(node: unknown, reader: DocumentReader): unknown {
  return isAlias(node) ? node.resolve(reader.document) : node;
}

function lineOf(node: unknown, reader: DocumentReader): number | undefined {
  const start = (node as Node | null)?.range?.[0];
  return start === undefined ? undefined : reader.lines.linePos(start).line;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function withoutNulls(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
