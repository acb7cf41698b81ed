import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestGateway } from "./src/test-gateway.ts";
import { makeCertificates } from "./src/test-certificates.ts";
import { startTestGateway } from "./src/test-gateway.ts";

const run = promisify(execFile);
const packageFolder = import.meta.dirname;
const repository = join(packageFolder, "../..");
const patienceMs = 120_000;
const examples = ["example.mjs", "openai.mjs", "tls.mjs"];

let folder: string;
let gateway: TestGateway;

/** The JavaScript block of the README that names the file. */
async function readmeExample(file: string): Promise<string> {
  const readme = await readFile(join(packageFolder, "README.md"), "utf8");
  const start = readme.indexOf(`// ${file}\n`);
  const example = readme.slice(start).split("```", 1)[0];
  if (start < 0 || example === undefined) throw new Error(`the README has no ${file}`);
  return example;
}

beforeAll(async () => {
  gateway = await startTestGateway();
  folder = await mkdtemp(join(tmpdir(), "penstock-client-"));
  const built = join(folder, "built");
  const options = { cwd: folder, timeout: patienceMs };
  await run(process.execPath, [join(packageFolder, "build.mjs"), built], options);
  await run("npm", ["pack", built, "--silent"], options);
  const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await rm(built, { recursive: true });
  await writeFile(join(folder, "package.json"), '{"private":true}');
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--silent"];
  await run("npm", ["install", `./${tarball}`, ...flags], options);
  for (const file of examples) await writeFile(join(folder, file), await readmeExample(file));
}, 3 * patienceMs);

afterAll(async () => {
  gateway.close();
  await rm(folder, { recursive: true, force: true });
});

describe("the packed client", () => {
  it("holds code, types, README and licence, and asks for two packages", async () => {
    const installed = join(folder, "node_modules/@penstock/client");
    const names = await readdir(installed, { recursive: true });
    for (const name of ["client/index.js", "client/index.d.ts", "README.md", "LICENSE"]) {
      expect(names).toContain(name);
    }
    expect(
      names.filter((name) => /\.test\.|test-gateway|test-certificates|(?<!\.d)\.ts$/.test(name)),
    ).toEqual([]);
    const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
      private?: boolean;
    };
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual([
      "@bufbuild/protobuf",
      "@grpc/grpc-js",
    ]);
    expect(manifest.private).toBeUndefined();
  });

  it("runs the example of the README from an empty folder", async () => {
    const env = { PENSTOCK_GRPC_ADDRESS: gateway.address, OPENAI_API_KEY: "psk_example" };
    const options = { cwd: folder, env, timeout: patienceMs };
    const { stdout, stderr } = await run(process.execPath, ["example.mjs"], options);
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual([
      "Say hello.",
      "by deployments/a request request-1",
      "Count to three. ",
      "tokens 3n",
      "smart",
      "",
    ]);
    expect(gateway.calls[0]?.metadata.get("authorization")).toEqual(["Bearer psk_example"]);
  });

  it("runs the example with the interface of the official client", async () => {
    const env = { PENSTOCK_GRPC_ADDRESS: gateway.address, OPENAI_API_KEY: "psk_example" };
    const options = { cwd: folder, env, timeout: patienceMs };
    const { stdout, stderr } = await run(process.execPath, ["openai.mjs"], options);
    expect(stderr).toBe("");
    expect(stdout).toBe("Count to three. \n404 MODEL_NOT_FOUND\n");
  });

  it(
    "runs the example with certificates",
    async () => {
      const certificates = makeCertificates(join(folder, "certificates"), ["gateway", "client"]);
      const ca = await readFile(join(certificates, "ca.crt"));
      const secure = await startTestGateway({
        certificate: await readFile(join(certificates, "gateway.crt")),
        privateKey: await readFile(join(certificates, "gateway.key")),
        clientAuthority: ca,
      });
      const address = secure.address.replace("127.0.0.1", "localhost");
      const own = { CERTIFICATES: certificates, OPENAI_API_KEY: "psk_example" };
      const env = { ...own, PENSTOCK_GRPC_ADDRESS: address };
      const options = { cwd: folder, env, timeout: patienceMs };
      const { stdout, stderr } = await run(process.execPath, ["tls.mjs"], options);
      secure.close();
      expect([stderr, stdout]).toEqual(["", "by deployments/a\n"]);
    },
    patienceMs,
  );

  it("has types that the examples pass", async () => {
    const compiler = join(repository, "node_modules/typescript/bin/tsc");
    const flags = "--noEmit --allowJs --checkJs --strict --module nodenext --target es2024";
    const lists = ["--lib", "es2024,esnext.disposable", "--types", "node", "--skipLibCheck"];
    const typeRoots = ["--typeRoots", join(repository, "node_modules/@types")];
    const args = [compiler, ...flags.split(" "), ...lists, ...typeRoots, ...examples];
    const checked = run(process.execPath, args, { cwd: folder, timeout: patienceMs });
    // The compiler writes its complaints on standard output and ends with a failure.
    const { stdout } = await checked.catch((error: { stdout: string }) => error);
    expect(stdout).toBe("");
  });
});
