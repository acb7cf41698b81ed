import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Stage, Step } from "./dockerfile-steps.ts";
import type { IsIgnored } from "./ignored-files.ts";

/** What a stage leaves behind. */
export interface BuiltStage {
  /** Stands for `/`. */
  readonly root: string;
  /** Of the stage's own ENV. */
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | undefined;
}

/** What is built, from what, and where to. */
export interface FolderBuild {
  readonly stages: readonly Stage[];
  /** The repository. */
  readonly context: string;
  readonly isIgnored: IsIgnored;
  readonly folder: string;
  /** Where `node` and `npx` are. */
  readonly path: string;
}

const runTimeoutMs = 120_000;
/** Say how the image is run, and change no file. */
const silent = new Set(["LABEL", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"]);

/**
 * Does the steps of a Dockerfile without an engine: every stage is a folder that stands for `/`,
 * and its commands run on this machine, where absolute paths of the image mean paths in the folder.
 * Base images are not fetched: the commands run with the programs of this machine.
 */
export function buildInFolders(build: FolderBuild): ReadonlyMap<string, BuiltStage> {
  const built = new Map<string, BuiltStage>();
  for (const stage of build.stages) {
    const root = join(build.folder, stage.name);
    mkdirSync(root, { recursive: true });
    chmodSync(root, 0o755);
    let workFolder = "/";
    let user: string | undefined;
    const environment: Record<string, string> = {};
    for (const step of stage.steps) {
      if (step.keyword === "WORKDIR") {
        workFolder = resolve(workFolder, step.parameters[0] ?? "");
        mkdirSync(join(root, workFolder), { recursive: true });
      } else if (step.keyword === "COPY") {
        copy(build, built, { step, root, workFolder });
      } else if (step.keyword === "RUN") {
        run(build, { step, root, workFolder });
      } else if (step.keyword === "ENV") {
        for (const [name, value] of step.parameters.map((one) => one.split("=", 2))) {
          environment[name ?? ""] = value ?? "";
        }
      } else if (step.keyword === "USER") {
        user = step.parameters[0];
      } else if (!silent.has(step.keyword)) {
        throw new Error(`what does ${step.keyword} do to the files?`);
      }
    }
    built.set(stage.name, { root, environment, user });
  }
  return built;
}

interface Place {
  readonly step: Step;
  readonly root: string;
  readonly workFolder: string;
}

function copy(
  { context, isIgnored }: FolderBuild,
  built: ReadonlyMap<string, BuiltStage>,
  { step, root, workFolder }: Place,
): void {
  const from = step.flags.get("from");
  const stage = from === undefined ? undefined : built.get(from);
  if (from !== undefined && stage === undefined) throw new Error(`there is no stage ${from}`);
  const target = join(root, resolve(workFolder, step.parameters.at(-1) ?? ""));
  for (const source of step.parameters.slice(0, -1)) {
    const path = join(stage?.root ?? context, source);
    const isFile = statSync(path).isFile();
    const toFolder = isFile && (step.parameters.at(-1) ?? "").endsWith("/");
    const options = { recursive: true, verbatimSymlinks: true };
    const destination = toFolder ? join(target, source) : target;
    if (stage === undefined) {
      const filter = (file: string): boolean => !isLeftOut(relative(context, file), isIgnored);
      if (isFile && !filter(path)) throw new Error(`${source} is kept from the builder`);
      cpSync(path, destination, { ...options, filter });
    } else {
      cpSync(path, destination, options);
    }
  }
}

// A folder that is left out may hold files that are not, which no pattern here does.
function isLeftOut(path: string, isIgnored: IsIgnored): boolean {
  return path !== "" && isIgnored(path);
}

function run({ path }: FolderBuild, { step, root, workFolder }: Place): void {
  const tops = readdirSync(root).join("|");
  const here =
    tops === "" ? [] : [new RegExp(String.raw`(?<=^|[\s'"=])/(?=(?:${tops}|data)\b)`, "g")];
  const command = here.reduce((text, form) => text.replaceAll(form, `${root}/`), step.text);
  execFileSync("bash", ["-euo", "pipefail", "-c", command], {
    cwd: join(root, workFolder),
    env: { ...process.env, PATH: `${path}:${dirname(process.execPath)}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: runTimeoutMs,
  });
}
