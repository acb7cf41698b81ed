/*
 * Builds what is published, a folder of its own: JavaScript and types of the client and of the two
 * packages it is made of, with a package.json that names only what comes from the registry.
 *   node build.mjs [folder]     the folder is dist unless named; it is emptied first
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";

const here = import.meta.dirname;
const repository = join(here, "../..");
const target = resolve(process.argv[2] ?? join(here, "dist"));

const compiler = join(repository, "node_modules/typescript/bin/tsc");
if (!existsSync(compiler)) {
  process.stderr.write(
    "The development tools are not installed: run `npm run check` in the root of the repository once.\n",
  );
  process.exit(1);
}
rmSync(target, { recursive: true, force: true });
compile();
for (const file of compiledFiles()) writeFileSync(file, withRelativeImports(file));
writeFileSync(join(target, "package.json"), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
cpSync(join(here, "README.md"), join(target, "README.md"));
cpSync(join(repository, "LICENSE"), join(target, "LICENSE"));

function compile() {
  const args = ["-p", join(here, "tsconfig.build.json"), "--outDir", target];
  execFileSync(process.execPath, [compiler, ...args], { stdio: ["ignore", "inherit", "inherit"] });
}

function compiledFiles() {
  return readdirSync(target, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js") || name.endsWith(".d.ts"))
    .map((name) => join(target, name));
}

/** The packages of the workspace stand beside one another; declarations still say `.ts`. */
function withRelativeImports(file) {
  const folder = dirname(file);
  return readFileSync(file, "utf8")
    .replaceAll(/(from |import\()"@penstock\/(\w+)"/g, (_text, before, name) => {
      const path = relative(folder, join(target, name, "index.js"));
      return `${before}"${path.startsWith(".") ? path : `./${path}`}"`;
    })
    .replaceAll(/(from |import\()"(\.{1,2}\/[^"]+)\.ts"/g, '$1"$2.js"');
}

function publishedManifest() {
  const { name, version, description, license, type, dependencies } = readJson("package.json");
  const outside = Object.keys(dependencies).filter((key) => !key.startsWith("@penstock/"));
  return {
    name,
    version,
    description,
    license,
    type,
    engines: { node: ">=22" },
    exports: { ".": { types: "./client/index.d.ts", default: "./client/index.js" } },
    sideEffects: false,
    dependencies: Object.fromEntries(outside.map((key) => [key, `^${catalogVersion(key)}`])),
  };
}

function readJson(path) {
  return JSON.parse(readFileSync(join(here, path), "utf8"));
}

function catalogVersion(name) {
  const workspace = readFileSync(join(repository, "pnpm-workspace.yaml"), "utf8");
  const version = new RegExp(`^ {2}"?${name}"?: (\\S+)$`, "m").exec(workspace)?.[1];
  if (version === undefined) throw new Error(`${name} is not in the catalog of versions`);
  return version;
}
