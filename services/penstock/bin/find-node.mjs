import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { LaunchError } from "./launch-error.mjs";

const oldestMajorOfOwnNode = 26;

/**
 * The Node that runs the sources: the pinned one from the platform package, else the Node that
 * runs this file when it is new enough to take TypeScript unbuilt.
 */
export function findNode(root) {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const suffix = `${process.platform}-${process.arch}`;
  const platformPackage = Object.keys(optionalDependencies).find((name) => name.endsWith(suffix));
  if (platformPackage !== undefined) {
    const version = optionalDependencies[platformPackage];
    const virtualFolder = join(".pnpm", `${platformPackage}@${version}`, "node_modules");
    const candidates = [
      join(platformPackage, "bin", "node"),
      join(virtualFolder, platformPackage, "bin", "node"),
    ].map((path) => join(root, "node_modules", path));
    const found = candidates.find((path) => existsSync(path));
    if (found !== undefined && runsHere()) return realpathSync(found);
  }
  const ownMajor = Number(process.versions.node.split(".")[0]);
  if (ownMajor >= oldestMajorOfOwnNode) return process.execPath;
  throw new LaunchError(missingNode(suffix, platformPackage, Object.keys(optionalDependencies)));
}

// The Linux packages are built against glibc; on musl the file exists but cannot be executed.
function runsHere() {
  return (
    process.platform !== "linux" ||
    !existsSync(`/lib/ld-musl-${muslArchitecture()}.so.1`) ||
    hasGlibc()
  );
}

function muslArchitecture() {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}

function hasGlibc() {
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

function missingNode(suffix, platformPackage, packages) {
  const way = `Run it with Node ${oldestMajorOfOwnNode} or newer (this is ${process.versions.node}).`;
  if (platformPackage === undefined) {
    const platforms = packages.map((name) => name.replace(/^node-(bin-)?/, "")).join(", ");
    return `no Node is pinned for ${suffix} (there is one for ${platforms}). ${way} On Windows use WSL.`;
  }
  if (!runsHere()) return `the pinned Node needs glibc, and this system has musl. ${way}`;
  return `the pinned Node (${platformPackage}) was not installed. Delete node_modules and try again. ${way}`;
}
