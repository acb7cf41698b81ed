import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const workspaceFolders = ["packages", "services", "test"];

/** A hash of everything that decides what an install would put into node_modules. */
export function hashOfInputs(root) {
  const hash = createHash("sha256");
  hash.update(`${process.platform} ${process.arch}\n`);
  for (const path of inputs(root)) {
    hash.update(`${path}\n`);
    hash.update(readFileSync(join(root, path)));
  }
  return hash.digest("hex");
}

function inputs(root) {
  const manifests = workspaceFolders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .sort()
      .map((name) => join(folder, name, "package.json")),
  );
  const all = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests];
  return all.filter((path) => existsSync(join(root, path)));
}

/** What the last install left: the hash of its inputs and its mode; undefined when unknown. */
export function readStamp(root) {
  try {
    return JSON.parse(readFileSync(stampFile(root), "utf8"));
  } catch {
    return undefined;
  }
}

/** Writes the stamp whole or not at all, so that a kill cannot leave a half one. */
export function writeStamp(root, stamp) {
  const draft = `${stampFile(root)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(stamp)}\n`);
  renameSync(draft, stampFile(root));
}

function stampFile(root) {
  return join(root, "node_modules", ".penstock-setup.json");
}

/** Whether node_modules has the development tools, by our stamp or by pnpm's own record. */
export function hasDevelopmentTools(root) {
  if (readStamp(root)?.mode === "full") return true;
  try {
    const record = JSON.parse(readFileSync(join(root, "node_modules", ".modules.yaml"), "utf8"));
    return record.included.devDependencies === true;
  } catch {
    return false;
  }
}
