import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const bin = resolve(import.meta.dirname, "../../../services/penstock/bin/node-options.mjs");
const launched = (await import(pathToFileURL(bin).href)) as {
  readonly nodeOptions: readonly string[];
};

/** Parameters with which the launcher starts Penstock's own Node; its programs are measured so. */
export const penstockNodeOptions = launched.nodeOptions;
