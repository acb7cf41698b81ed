import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { takeInstallLock } from "./install-lock.mjs";
import { hasDevelopmentTools, hashOfInputs, readStamp, writeStamp } from "./install-stamp.mjs";
import { LaunchError } from "./launch-error.mjs";
import { startProgress } from "./show-progress.mjs";

// What npm adds for its own scripts would steer the npx inside: keep only what says how to reach
// the registry.
const npmSettingsToKeep =
  /^npm_config_(registry|cafile|ca|proxy|https?_proxy|noproxy|strict_ssl|userconfig|globalconfig|cache|fetch_.*|.*_auth.*|.*registry)$/i;
const notWritable = "The checkout and the home folder must be writable for the user who runs this.";
const stackLine = /^\s*(?:npm (?:error|ERR!))?\s+at /;
const keptOutputLines = 200;
const linesShownOnFailure = 30;

/** Makes node_modules fit the lockfile; does nothing, in milliseconds, when it does already. */
export async function installPackages(root, mode) {
  const wanted = hashOfInputs(root);
  if (satisfies(readStamp(root), wanted, mode)) return;
  makeModulesFolder(root);
  const release = await takeInstallLock(
    join(root, "node_modules", ".penstock-setup.lock"),
    (pid) => {
      process.stderr.write(
        `penstock: process ${pid ?? "?"} is installing already; waiting for it …\n`,
      );
    },
  );
  try {
    if (satisfies(readStamp(root), wanted, mode)) return;
    // Never take away the tools of a checkout that has them.
    const actualMode = mode === "full" || hasDevelopmentTools(root) ? "full" : "prod";
    await runPnpm(root, actualMode);
    writeStamp(root, { inputs: wanted, mode: actualMode });
  } finally {
    release();
  }
}

function makeModulesFolder(root) {
  try {
    mkdirSync(join(root, "node_modules"), { recursive: true });
  } catch (error) {
    throw new LaunchError(`node_modules could not be made: ${error.message}. ${notWritable}`);
  }
}

function satisfies(stamp, wanted, mode) {
  return stamp?.inputs === wanted && (stamp.mode === "full" || stamp.mode === mode);
}

async function runPnpm(root, mode) {
  const manager = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager;
  const what = mode === "full" ? "packages and development tools" : "packages";
  const progress = startProgress(
    `installing ${what} with ${manager} (once; takes about half a minute)`,
  );
  const parameters = ["-y", manager, "install", ...(mode === "prod" ? ["--prod"] : [])];
  parameters.push("--frozen-lockfile", "--prefer-offline", "--reporter=append-only");
  const result = await run(findNpx(), parameters, root, progress);
  if (result.code === 0) {
    progress.done();
    return;
  }
  progress.failed();
  const exitCode = result.signal ? 128 + constants.signals[result.signal] : 1;
  throw new LaunchError(explainFailure(result, [manager, ...parameters.slice(2)]), exitCode);
}

function findNpx() {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), dirname(process.execPath)];
  const found = folders.map((folder) => join(folder, "npx")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new LaunchError(
    "npx was not found. It comes with npm: install npm (Debian: apt-get install npm), then try again.",
  );
}

function environmentForNpx() {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_/i.test(name) || npmSettingsToKeep.test(name),
  );
  const environment = {
    ...Object.fromEntries(kept),
    CI: "true",
    npm_config_update_notifier: "false",
  };
  // pnpm no longer reads npm's variables; a registry set that way must hold for it too.
  const registry = environment["npm_config_registry"];
  if (registry !== undefined) environment["pnpm_config_registry"] ??= registry;
  return environment;
}

function run(command, parameters, cwd, progress) {
  return new Promise((resolve) => {
    const options = { cwd, env: environmentForNpx(), stdio: ["ignore", "pipe", "pipe"] };
    const child = spawn(command, parameters, options);
    const lines = [];
    const take = (line) => {
      lines.push(line);
      if (lines.length > keptOutputLines) lines.shift();
      progress.line(line);
    };
    forEachLine(child.stdout, take);
    forEachLine(child.stderr, take);
    const stop = (signal) => child.kill(signal);
    process.on("SIGINT", stop).on("SIGTERM", stop);
    child.on("error", (error) => resolve({ code: 1, lines: [error.message] }));
    child.on("close", (code, signal) => {
      process.off("SIGINT", stop).off("SIGTERM", stop);
      resolve({ code: code ?? 1, signal, lines });
    });
  });
}

function forEachLine(stream, take) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text) => {
    const parts = (rest + text).split(/\r?\n|\r/);
    rest = parts.pop();
    for (const part of parts) if (part.trim() !== "") take(part);
  });
  stream.on("end", () => {
    if (rest.trim() !== "") take(rest);
  });
}

function explainFailure(result, command) {
  if (result.signal)
    return `the installation was interrupted by ${result.signal}; run the command again.`;
  const output = result.lines
    .filter((line) => !stackLine.test(line))
    .slice(-linesShownOnFailure)
    .map((line) => `  | ${line}`);
  return [
    `installing failed (npx -y ${command.join(" ")}):`,
    ...output,
    adviceFor(result.lines.join("\n")),
  ].join("\n");
}

function adviceFor(output) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network|dns error|error sending request/i.test(
      output,
    )
  ) {
    return "The npm registry could not be reached: check the network, or proxy and registry in .npmrc.";
  }
  if (/FROZEN|OUTDATED_LOCKFILE/.test(output)) {
    return "pnpm-lock.yaml does not fit a package.json: run pnpm install and commit the lockfile.";
  }
  if (/EACCES|EPERM|EROFS/.test(output)) return notWritable;
  if (/ENOSPC/.test(output)) return "The disk is full; an installation needs about 600 MB.";
  return "Nothing was started. Delete node_modules and try again.";
}
