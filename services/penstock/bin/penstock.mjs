#!/usr/bin/env node
// The door to everything: any Node from 18 on may run this file; it makes sure that the pinned
// Node and the pinned packages are installed and then hands over to them.
//   penstock.mjs <command> …       services/penstock/src/main.ts (production install)
//   penstock.mjs dev <task> …      test/tasks/src/<task>.ts      (full install)
// Packed for npm there is no workspace around it: then the built program beside it runs.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chooseEntry } from "./choose-entry.mjs";
import { findNode } from "./find-node.mjs";
import { installPackages } from "./install-packages.mjs";
import { LaunchError } from "./launch-error.mjs";
import { nodeOptions } from "./node-options.mjs";
import { runChild } from "./run-child.mjs";

const here = dirname(fileURLToPath(import.meta.url));

function findWorkspaceRoot() {
  const root = join(here, "..", "..", "..");
  const inWorkspace =
    existsSync(join(root, "pnpm-workspace.yaml")) &&
    join(root, "services", "penstock", "bin") === here;
  return inWorkspace ? root : undefined;
}

async function launch(parameters) {
  const root = findWorkspaceRoot();
  if (root === undefined) {
    return runChild(
      process.execPath,
      [...nodeOptions, join(here, "..", "dist", "main.js"), ...parameters],
      process.env,
    );
  }
  const entry = chooseEntry(root, parameters);
  await installPackages(root, entry.mode);
  const environment = {
    ...process.env,
    PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`,
  };
  return runChild(findNode(root), [...nodeOptions, entry.file, ...entry.parameters], environment);
}

try {
  process.exitCode = await launch(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  process.stderr.write(`penstock: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
