import type { ApplyResourcesResponse } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import { newUuidV7 } from "@penstock/runtime";
import { referencesOf } from "@penstock/snapshot";
import type { ControlClients } from "./api/clients.ts";
import type { ManifestProblem } from "./manifest/manifest-problem.ts";
import { formatInDocument, formatProblem, sortProblems } from "./manifest/manifest-problem.ts";
import { placeViolations } from "./manifest/place-violations.ts";
import type { Manifest } from "./manifest/read-manifest.ts";
import type { ManifestText } from "./manifest/read-manifests.ts";
import { readManifests } from "./manifest/read-manifests.ts";

/** What is done with the manifests. */
export interface ApplyOptions {
  readonly validateOnly?: boolean;
  /** Resources that carry all of these labels and are not listed are deleted; empty: none. */
  readonly pruneLabels?: Readonly<Record<string, string>>;
  /** Refuse texts without a resource, which somebody surely did not mean. */
  readonly refuseNone?: boolean;
}

/** The texts hold no resource; the message names them. Nothing was changed. */
export class NoResources extends Error {
  override readonly name = "NoResources";

  constructor(texts: readonly ManifestText[]) {
    const files = texts.map(({ file }) => (file === "-" ? "standard input" : file));
    const verb = files.length === 1 ? "holds" : "hold";
    super(`${files.join(", ")} ${verb} no resource; nothing was changed.`);
  }
}

/** Manifests that were refused: every problem, with file, document and line. Nothing was changed. */
export class ManifestsRefused extends Error {
  override readonly name = "ManifestsRefused";
  readonly problems: readonly ManifestProblem[];
  /** What is wrong beside what has a place in a file, as sentences. */
  readonly others: readonly string[];
  readonly #severalIn: ReadonlySet<string>;

  constructor(
    { problems, severalIn }: Pick<Manifest, "problems" | "severalIn">,
    others: readonly string[] = [],
  ) {
    const count = problems.length + others.length;
    super(`${count} ${count === 1 ? "problem" : "problems"}; nothing was changed`);
    this.problems = problems;
    this.others = others;
    this.#severalIn = severalIn;
  }

  /** One line per problem. */
  lines(): string[] {
    const lines = this.problems.map((problem) =>
      this.#severalIn.has(problem.file) ? formatInDocument(problem) : formatProblem(problem),
    );
    return [...lines, ...this.others];
  }
}

/**
 * Applies manifests in one revision. What the texts and what the service find wrong is reported
 * together: texts with problems are still sent to be validated, as far as they could be read.
 *
 * @throws ManifestsRefused with every problem; NoResources; GatewayError for everything else.
 */
export async function applyManifests(
  texts: readonly ManifestText[],
  clients: Pick<ControlClients, "resources">,
  options: ApplyOptions = {},
): Promise<ApplyResourcesResponse> {
  const manifest = readManifests(texts);
  const isSound = manifest.problems.length === 0;
  if (manifest.resources.length === 0) {
    if (!isSound) throw new ManifestsRefused(manifest);
    if (options.refuseNone === true) throw new NoResources(texts);
  }
  try {
    const response = await clients.resources.applyResources({
      resources: manifest.resources.map(({ resource }) => resource),
      pruneLabels: { ...options.pruneLabels },
      validateOnly: !isSound || options.validateOnly === true,
      requestId: newUuidV7(),
    });
    if (isSound) return response;
  } catch (thrown) {
    throw explain(thrown, texts, manifest);
  }
  throw new ManifestsRefused(manifest);
}

function explain(thrown: unknown, texts: readonly ManifestText[], manifest: Manifest): unknown {
  if (!(thrown instanceof GatewayError) || thrown.fieldViolations.length === 0) {
    // The problems of the files hold whatever the service says, or if nobody answers.
    if (manifest.problems.length === 0) return thrown;
    const why = thrown instanceof Error ? thrown.message : "unknown";
    return new ManifestsRefused(manifest, [`what only the service can find is not known: ${why}`]);
  }
  const { fieldViolations, metadata } = thrown;
  const again = fieldsGivenAgain(manifest);
  const violations = fieldViolations.filter(
    (one) => isCertain(one, manifest) && !again.has(one.field),
  );
  const placed = placeViolations(violations, manifest.resources, manifest.problems);
  const known = new Set(manifest.problems.map(placeOf));
  const further = placed.problems.filter((problem) => !known.has(placeOf(problem)));
  const others = placed.rest.map(({ field, description }) => `${field} ${description}`);
  // An error has to fit the headers of gRPC: the service tells a hundred, and how many there are.
  const untold = Number(metadata["problems"] ?? 0) - fieldViolations.length;
  if (untold > 0) others.push(`${untold} more were found; mend these first`);
  const files = texts.map(({ file }) => file);
  const problems = sortProblems([...manifest.problems, ...further], files);
  return new ManifestsRefused({ ...manifest, problems }, others);
}

/** What the service says of a resource that is given again, the problems of the files say already. */
function fieldsGivenAgain({ resources }: Manifest): Set<string> {
  const first = new Set<string>();
  return new Set(
    resources.flatMap(({ name }, index) => {
      if (name !== "" && first.has(name)) return [`resources[${index}]`];
      first.add(name);
      return [];
    }),
  );
}

/** What is missing may be what could not be read. */
function isCertain(
  { reason, field }: FieldViolation,
  { resources, unreadNames }: Manifest,
): boolean {
  if (reason !== "REFERENCE_MISSING" || unreadNames.size === 0) return true;
  const [, index = "", path = ""] = /^resources\[([0-9]{1,9})\]\.(.*)$/s.exec(field) ?? [];
  const resource = resources[Number(index)]?.resource;
  const references = resource === undefined ? [] : referencesOf(resource);
  const missing = references.find((reference) => reference.field === path)?.name;
  return missing === undefined || !unreadNames.has(missing);
}

/** A field that could not be read is missing for the service; it is wrong only once. */
function placeOf({ file, line, path }: ManifestProblem): string {
  return `${file}\0${line}\0${path}`;
}
