import { toJson } from "@bufbuild/protobuf";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Resource } from "@penstock/api";
import { ResourceSchema } from "@penstock/api";
import type { Command } from "commander";
import { listResources } from "../api/clients.ts";
import { plainName } from "../manifest/field-names.ts";
import type { ResourceKind } from "../manifest/resource-kinds.ts";
import {
  findKindByWord,
  kindOfValue,
  resourceKinds,
  wrapResource,
} from "../manifest/resource-kinds.ts";
import { writeManifest } from "../manifest/write-manifest.ts";
import { describeResource } from "../output/describe-resource.ts";
import { formatTime } from "../output/format-time.ts";
import { renderTable } from "../output/render-table.ts";
import { kindOfName } from "../output/resource-names.ts";
import type { CommandIo } from "./command-io.ts";
import {
  addExamples,
  addOutputOption,
  addTargetOptions,
  collectLabel,
  nameFor,
} from "./command-options.ts";
import type { CommandSession, TargetOptions } from "./command-session.ts";
import { withSession } from "./command-session.ts";
import { UsageError } from "../output/command-error.ts";

interface GetFlags extends TargetOptions {
  readonly label?: Record<string, string>;
  readonly output: string;
}

/** Adds `penstock get`. */
export function addGetCommand(program: Command, io: CommandIo, exit: (code: number) => void): void {
  const kinds = resourceKinds.map(({ collection }) => collection).join(", ");
  const command = program
    .command("get")
    .summary("show resources")
    .description(`Shows resources of a kind (all, or ${kinds}), or one of them by name.`)
    .argument("<kind>", "such as routes, Route, price-book, key; all; or a full name")
    .argument("[name]", "id or full name; <project>/<id> for keys")
    .option("-l, --label <key=value>", "only those with the label; repeatable", collectLabel);
  addOutputOption(addTargetOptions(command), ["table", "json", "yaml"]);
  addExamples(command, [
    "penstock get all",
    "penstock get route smart -o yaml",
    "penstock get projects/demo/virtualKeys/demo",
    "penstock get limits -l app=demo -o json",
  ]);
  command.action(async (kind: string, name: string | undefined, flags: GetFlags) => {
    exit(
      await withSession(io, flags, async (session) => {
        print(await read(session, kind, name, flags.label), flags.output, io);
      }),
    );
  });
}

async function read(
  session: CommandSession,
  word: string,
  name: string | undefined,
  labels: Record<string, string> | undefined,
): Promise<readonly Resource[]> {
  const named = kindOfName(word);
  if (named !== undefined && name !== undefined) {
    throw new UsageError(`${word} is a full name already; what is ${JSON.stringify(name)}?`);
  }
  if (labels !== undefined && (named ?? name) !== undefined) {
    throw new UsageError("-l is for lists: leave it out, or the name.");
  }
  if (named !== undefined) return [await readOne(session, named, word)];
  const kind = word === "all" ? undefined : findKindByWord(word);
  if (kind === undefined && word !== "all") {
    const known = resourceKinds.map(({ collection }) => collection).join(", ");
    throw new UsageError(`there is no kind "${word}"; kinds are all, ${known}.`);
  }
  if (name !== undefined) {
    if (kind === undefined) throw new UsageError("a name needs a kind: penstock get routes smart.");
    return [await readOne(session, kind, nameFor(kind.collection, name))];
  }
  const collections = kind === undefined ? [] : [kind.collection];
  const filter = { collections, labels: labels ?? {} };
  return (await listResources(session.control(), filter)).resources;
}

async function readOne(session: CommandSession, kind: ResourceKind, name: string) {
  return wrapResource(kind, await session.control().getResource(kind.kind, name));
}

function print(resources: readonly Resource[], format: string, io: CommandIo): void {
  if (format === "yaml") {
    io.out(writeManifest(inApplyOrder(resources)));
  } else if (format === "json") {
    io.out(`${JSON.stringify(resources.map(plain), undefined, 2)}\n`);
  } else if (resources.length === 0) {
    io.talk("none\n");
  } else {
    const columns = ["NAME", "WHAT", "REVISION", "CHANGED"].map((heading) => ({ heading }));
    const rows = resources.map((resource) => {
      const { value } = resource.resource;
      return [
        value?.name ?? "",
        clip(describeResource(resource)),
        String(value?.revision ?? ""),
        formatTime(value?.updateTime),
      ];
    });
    io.out(renderTable(columns, rows));
  }
}

/** Proto JSON with the kind, named as in manifests, but with all that the server sets. */
function plain(resource: Resource): JsonValue {
  const { value } = resource.resource;
  if (value === undefined) return null;
  const kind = kindOfValue(value);
  const json = toJson(kind.schema, value) as JsonObject;
  const fields = kind.schema.fields.flatMap((field) => {
    const fieldValue = json[field.jsonName];
    return fieldValue === undefined ? [] : [[plainName(kind.schema, field), fieldValue] as const];
  });
  return { kind: kind.kind, ...Object.fromEntries(fields) };
}

/** For people: what is referred to comes first. */
function inApplyOrder(resources: readonly Resource[]): Resource[] {
  const order = ResourceSchema.fields.map(({ localName }) => localName);
  const rank = (resource: Resource): number => order.indexOf(resource.resource.case ?? "");
  return resources.toSorted((left, right) => rank(left) - rank(right));
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
