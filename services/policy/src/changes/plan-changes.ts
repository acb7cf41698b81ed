import { clone, equals, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ResourceSchema } from "@penstock/api";
import { maxEntryBytes } from "@penstock/bus";
import { GatewayError } from "@penstock/errors";
import { applyFieldMask, computeEtag } from "@penstock/rpc";
import { checkReferences, resourceNameRule, validateResource } from "@penstock/snapshot";
import type { ResourceMessage } from "@penstock/snapshot";
import { kindOfName, kindOfResource } from "../resources/kinds.ts";
import { asResource } from "../resources/resource-kind.ts";
import type { ResourceKind } from "../resources/resource-kind.ts";
import { dropUnknownFields } from "./drop-unknown-fields.ts";
import type { DeleteIntent, EditIntent, Intent, PlannedChange, PutIntent } from "./intent.ts";
import { ProblemList } from "./problem-list.ts";
import type { ResourceView, StoredResource } from "./resource-table.ts";

/** What a plan is made of. Times and ids come from outside: planning has no effect. */
export interface PlanInput {
  readonly intents: readonly Intent[];
  readonly view: ResourceView;
  /** Revision that the changes will have. */
  readonly revision: bigint;
  readonly nowMs: number;
  newUid(): string;
}

/** The changes in the order of the intents, and everything wrong with them so far. */
export interface Plan {
  readonly changes: readonly PlannedChange[];
  readonly problems: ProblemList;
}

// Room for what surrounds the resource in a ConfigEntry: name, revision, traceparent, time.
const envelopeBytes = 1_024;

interface PlanContext extends PlanInput {
  /** Names of the resources that the request gives. */
  readonly given: ReadonlySet<string | undefined>;
}

/** Turns intents into changes of stored resources. Collects problems instead of throwing. */
export function planChanges(input: PlanInput): Plan {
  const problems = new ProblemList(input.intents.length > 1);
  const changes: PlannedChange[] = [];
  const seen = new Map<string, string>();
  const puts = input.intents.filter((intent) => intent.type === "put");
  const context = { ...input, given: new Set(puts.map((intent) => nameOf(intent))) };
  for (const intent of input.intents) {
    const name = intent.type === "put" ? nameOf(intent) : intent.name;
    const earlier = name ? seen.get(name) : undefined;
    if (earlier !== undefined) {
      problems.invalid(intent.field, `names ${name}, which ${earlier} names already`);
      continue;
    }
    if (name !== undefined) seen.set(name, intent.field);
    const change = planOne(intent, context, problems);
    if (change !== undefined) changes.push(change);
  }
  return { changes, problems };
}

function nameOf(intent: PutIntent): string | undefined {
  return intent.resource.resource.value?.name;
}

function planOne(
  intent: Intent,
  input: PlanContext,
  problems: ProblemList,
): PlannedChange | undefined {
  try {
    if (intent.type === "put") return planPut(intent, input, problems);
    return intent.type === "delete"
      ? planDelete(intent, input, problems)
      : planEdit(intent, input, problems);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    problems.add(intent.field, error);
    return undefined;
  }
}

function planPut(
  intent: PutIntent,
  input: PlanContext,
  problems: ProblemList,
): PlannedChange | undefined {
  const { field, mode } = intent;
  const kind = kindOfResource(intent.resource);
  const given = intent.resource.resource.value;
  if (kind === undefined || given === undefined) {
    problems.invalid(field, "must hold exactly one resource of a known kind");
    return undefined;
  }
  if (kindOfName(given.name) !== kind) {
    problems.invalid(`${field}.name`, `must be ${resourceNameRule(kind.collection)}`);
    if (mode !== "update") checkUnnamed(kind, intent, input, problems);
    return undefined;
  }
  const before = input.view.get(given.name);
  if (mode === "create" && before !== undefined) {
    problems.other(alreadyExists(given.name), field);
    return undefined;
  }
  if (mode === "update" && before === undefined && intent.allowMissing !== true) {
    problems.other(notFound(given.name), field);
    return undefined;
  }
  if (before !== undefined) {
    const required = mode === "update" && kind.etagRequired;
    checkEtag(before, given.etag, { field: `${field}.etag`, required }, problems);
  }
  const next = wanted(kind, intent, given, before);
  return settle({ name: given.name, field, kind, next, before }, input, intent, problems);
}

/** What else is wrong with a resource that can't be compiled, as its name is none. */
function checkUnnamed(
  kind: ResourceKind,
  intent: PutIntent,
  input: PlanContext,
  problems: ProblemList,
): void {
  const { resource, field } = intent;
  const given = resource.resource.value;
  if (given === undefined) return;
  const next = wanted(kind, intent, given, undefined);
  kind.keepOutputOnly(next, undefined);
  const whole = asResource(kind, next);
  const own = validateResource(whole);
  const fields = new Set(["name", ...own.map((problem) => problem.field)]);
  const missing = checkReferences(whole, (name) => {
    return input.given.has(name) || input.view.get(name) !== undefined;
  });
  for (const problem of [...own, ...missing.filter((one) => !fields.has(one.field))]) {
    if (problem.field === "name") continue;
    problems.invalid(`${field}.${problem.field}`, problem.description, problem.reason);
  }
}

/** The resource that the request describes, in a copy of our own. */
function wanted(
  kind: ResourceKind,
  intent: PutIntent,
  given: ResourceMessage,
  before: StoredResource | undefined,
): ResourceMessage {
  const masked =
    intent.mode === "update" && before !== undefined
      ? applyFieldMask(kind.schema, before.message, given, intent.mask)
      : clone(kind.schema, given);
  dropUnknownFields(kind.schema, masked);
  const next = masked as unknown as ResourceMessage;
  next.name = given.name;
  return next;
}

function planEdit(
  intent: EditIntent,
  input: PlanInput,
  problems: ProblemList,
): PlannedChange | undefined {
  const before = input.view.get(intent.name);
  if (before === undefined) {
    problems.other(notFound(intent.name), intent.field);
    return undefined;
  }
  checkEtag(before, intent.etag, { field: "etag", required: false }, problems);
  const { kind } = before;
  const next = clone(kind.schema, before.message) as unknown as ResourceMessage;
  intent.edit(next, input.nowMs);
  const subject = { name: intent.name, field: intent.field, kind, next, before, edited: true };
  return settle(subject, input, undefined, problems);
}

interface Subject {
  readonly name: string;
  readonly field: string;
  readonly kind: ResourceKind;
  readonly next: ResourceMessage;
  readonly before: StoredResource | undefined;
  /** True when the service itself changed what only it may set. */
  readonly edited?: boolean;
}

/** Sets what only the service sets, and sees whether anything changed at all. */
function settle(
  subject: Subject,
  input: PlanInput,
  intent: PutIntent | undefined,
  problems: ProblemList,
): PlannedChange {
  const { name, field, kind, next, before } = subject;
  const stored = before?.message;
  if (subject.edited !== true) kind.keepOutputOnly(next, stored);
  next.uid = stored?.uid ?? input.newUid();
  next.createTime = stored?.createTime ?? timestampFromMs(input.nowMs);
  if (stored !== undefined) {
    next.etag = stored.etag;
    next.revision = stored.revision;
    if (stored.updateTime === undefined) delete next.updateTime;
    else next.updateTime = stored.updateTime;
    if (equals(kind.schema, next, stored)) {
      return { name, field, change: "unchanged", before, after: before };
    }
  }
  intent?.finish?.(next, input.nowMs);
  next.updateTime = timestampFromMs(input.nowMs);
  next.revision = input.revision;
  next.etag = computeEtag(kind.schema, next);
  const resource = asResource(kind, next);
  const size = toBinary(ResourceSchema, resource).length + envelopeBytes;
  if (size > maxEntryBytes) {
    problems.invalid(field, `has ${size} bytes, at most ${maxEntryBytes} fit the bus`);
  }
  const change = before === undefined ? "created" : "updated";
  return { name, field, change, before, after: { kind, message: next, resource } };
}

function planDelete(
  intent: DeleteIntent,
  input: PlanInput,
  problems: ProblemList,
): PlannedChange | undefined {
  const { name, field } = intent;
  const before = input.view.get(name);
  if (before === undefined) {
    if (intent.single) problems.other(notFound(name), field);
    else problems.invalid(field, `names ${name.slice(0, 200)}, which does not exist`);
    return undefined;
  }
  const required = intent.single && before.kind.etagRequired;
  checkEtag(before, intent.etag, { field: "etag", required }, problems);
  return { name, field, change: "deleted", before, after: undefined };
}

/** `at`: where the etag must stand, and whether it may be left out. */
function checkEtag(
  { kind, message }: StoredResource,
  given: string,
  at: { readonly field: string; readonly required: boolean },
  problems: ProblemList,
): void {
  if (given === "" && at.required) {
    const description = `is required for ${kind.collection}: read ${message.name} and send its etag`;
    problems.invalid(at.field, description);
    return;
  }
  if (given !== "" && given !== message.etag) problems.stale(message.name, at.field);
}

function alreadyExists(name: string): GatewayError {
  return new GatewayError("ALREADY_EXISTS", `${name} exists already; update it instead.`, {
    resource: { type: kindOfName(name)?.collection ?? "", name },
  });
}

/** RESOURCE_NOT_FOUND with the name that was asked for. */
export function notFound(name: string): GatewayError {
  const shown = name.slice(0, 200);
  return new GatewayError("RESOURCE_NOT_FOUND", `There is no resource ${JSON.stringify(shown)}.`, {
    resource: { type: kindOfName(name)?.collection ?? "", name: shown },
  });
}
