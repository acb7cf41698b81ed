// A manifest is YAML: any number of documents, each the proto JSON of one resource with its kind,
// or a list of such, as `get -o json` writes it; what is in a list counts as documents.
//   text → documents (yaml, with positions)
//   document → proto JSON, field by field along the schema; every problem is noted with its line
//   proto JSON → Resource, kept together with the map from field paths to lines
// Problems do not end the reading: all of all documents are reported at once.
import type { DescMessage } from "@bufbuild/protobuf";
import { fromJson } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { parseResourceName } from "@penstock/rpc";
import { resourceNameRule } from "@penstock/snapshot";
import type { Document, ParsedNode, Range, YAMLError } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import type { ManifestProblem } from "./manifest-problem.ts";
import { readRootMessage } from "./read-message.ts";
import type { ResourceKind } from "./resource-kinds.ts";
import { findKind, isOutputOnly, resourceKinds, wrapResource } from "./resource-kinds.ts";
import { SourceMap } from "./source-map.ts";

/** A resource and where it was written. */
export interface ManifestResource {
  readonly name: string;
  readonly resource: Resource;
  readonly file: string;
  /** Place of its document in the file, from 1. */
  readonly document: number;
  readonly line: number;
  readonly places: SourceMap;
}

/** What a file holds. Resources with problems are there without the fields that are wrong. */
export interface Manifest {
  readonly resources: readonly ManifestResource[];
  readonly problems: readonly ManifestProblem[];
  /** Names that documents seem to have which could not be made into a resource at all. */
  readonly unreadNames: ReadonlySet<string>;
  /** Files with more than one document: there a line alone does not say which is meant. */
  readonly severalIn: ReadonlySet<string>;
}

/** The bound of one control-plane message; a larger file could not be applied anyway. */
export const manifestMaxBytes = 4 * 1_024 * 1_024;

type Found = [line: number, path: string, description: string];
type Report = (...problem: Found) => void;

/** Reads one file; `file` is only for messages. Never throws for what the text says. */
export function readManifest(text: string, file: string): Manifest {
  if (text.length > manifestMaxBytes) {
    return unreadFile(file, `is larger than ${manifestMaxBytes} bytes`, 1);
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: false,
    intAsBigInt: true,
    logLevel: "silent",
    prettyErrors: false,
  });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const problems: ManifestProblem[] = [];
  const resources: ManifestResource[] = [];
  const unreadNames = new Set<string>();
  const entries = documents.flatMap(entriesOf);
  entries.forEach((entry, at) => {
    const { document, node } = entry;
    const found: Found[] = [];
    const report: Report = (...problem) => void found.push(problem);
    for (const error of document.errors) reportSyntax(error, lines, report);
    const isGood = document.errors.length === 0 && (entry.isItem || !isEmpty(node));
    const source = { lines, report, file, document: at + 1 };
    const resource = isGood ? readEntry(node, document, source) : undefined;
    if (resource !== undefined) resources.push(resource);
    const seen = resource === undefined ? namesIn(entry, text) : [resource.name];
    if (resource === undefined) for (const name of seen) unreadNames.add(name);
    const name = seen.length === 1 ? (seen[0] ?? "") : "";
    for (const [line, path, description] of found) {
      problems.push({ file, document: at + 1, line, name, path, description });
    }
  });
  const severalIn = new Set(entries.length > 1 ? [file] : []);
  return { resources, problems, unreadNames, severalIn };
}

/** A file of which nothing could be read. `line` is 0 where there is none. */
export function unreadFile(file: string, description: string, line = 0): Manifest {
  const problems = [{ file, document: 0, line, name: "", path: "", description }];
  return { resources: [], problems, unreadNames: new Set(), severalIn: new Set() };
}

/**
 * What look like names of resources in a document that is none. Where a quote or bracket was not
 * closed it may have swallowed others, whose names are found as well.
 */
function namesIn({ document, node, range }: Entry, text: string): string[] {
  if (document.errors.length === 0 && isMap(node)) {
    const name = resolved(node.get("name", true), document);
    return isScalar(name) && typeof name.value === "string" ? [name.value] : [];
  }
  const written = text.slice(range[0], range[2]);
  return [...written.matchAll(nameForm)].map(([, name = ""]) => name);
}

/** Where a line begins or, in JSON, a field. */
const nameForm = /(?:^|[{,])[ \t]*["']?name["']?[ \t]*:[ \t]*["']?([\w./-]{1,300})/gm;

function isEmpty(node: ParsedNode | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** A document, or one item of the list that it is. */
interface Entry {
  readonly document: Document.Parsed;
  readonly node: ParsedNode | null;
  readonly range: Range;
  /** Nothing may stand for an empty document, but not for an item. */
  readonly isItem: boolean;
}

function entriesOf(document: Document.Parsed): Entry[] {
  const { contents, range, errors } = document;
  if (errors.length > 0 || !isSeq(contents)) {
    return [{ document, node: contents, range, isItem: false }];
  }
  return contents.items.map((item) => {
    const node = resolved(item, document) as ParsedNode | null;
    return { document, node, range: item.range, isItem: true };
  });
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? (node.resolve(document) ?? null) : node;
}

function reportSyntax(error: YAMLError, lines: LineCounter, report: Report): void {
  const description = `is not valid YAML: ${error.message.split("\n", 1)[0]}`;
  report(lines.linePos(error.pos[0]).line, "", description);
}

function readEntry(
  node: ParsedNode | null,
  document: Document.Parsed,
  source: {
    readonly lines: LineCounter;
    readonly report: Report;
    readonly file: string;
    readonly document: number;
  },
): ManifestResource | undefined {
  const { lines, report, file } = source;
  const line = lines.linePos(node?.range[0] ?? 0).line;
  if (!isMap(node)) {
    report(line, "", "must be a mapping with kind and name, one resource per document");
    return undefined;
  }
  const kind = readKind(resolved(node.get("kind", true), document), line, lines, report);
  if (kind === undefined) return undefined;
  const places = new SourceMap(line);
  const refuse = (schema: DescMessage, jsonName: string): string | undefined =>
    schema === kind.schema && isOutputOnly(kind, jsonName)
      ? "is set by the server; leave it out"
      : undefined;
  // JSON is what `get` wrote, with all that the server sets; by hand it would be a mistake.
  const passesOver = (jsonName: string): boolean =>
    node.flow === true && isOutputOnly(kind, jsonName);
  const reader = { document, lines, places, report, refuse, passesOver };
  const json = readRootMessage(node, kind.schema, reader);
  // Without a name the rest is still looked at: all that is wrong is told at once.
  const { name = node.has("name") ? undefined : "" } = json;
  if (typeof name !== "string") return undefined;
  if (name === "") report(line, "name", "is required");
  else checkName(name, kind, places, report);
  try {
    const value = fromJson(kind.schema, json);
    const resource = wrapResource(kind, value);
    return { name, resource, file, document: source.document, line, places };
  } catch (thrown) {
    // The reader above checks everything; what it overlooked is still told rather than thrown.
    report(line, "", `can't be read: ${thrown instanceof Error ? thrown.message : "unknown"}`);
    return undefined;
  }
}

function readKind(
  node: unknown,
  line: number,
  lines: LineCounter,
  report: Report,
): ResourceKind | undefined {
  const known = resourceKinds.map(({ kind }) => kind).join(", ");
  if (node === undefined) {
    report(line, "kind", `is required: one of ${known}`);
    return undefined;
  }
  const found = isScalar(node) && typeof node.value === "string" ? findKind(node.value) : undefined;
  if (found === undefined) {
    const start = isScalar(node) ? node.range?.[0] : undefined;
    const at = start === undefined ? line : lines.linePos(start).line;
    report(at, "kind", `must be one of ${known}`);
  }
  return found;
}

function checkName(name: string, kind: ResourceKind, places: SourceMap, report: Report): void {
  if (parseResourceName(name)?.collection === kind.collection) return;
  const description = `must be ${resourceNameRule(kind.collection)}; it is ${JSON.stringify(name)}`;
  report(places.find("name").line, "name", description);
}
