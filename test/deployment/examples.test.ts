import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";

const run = promisify(execFile);
const repository = join(import.meta.dirname, "../..");
const template = join(repository, "deploy/examples/buf.gen.yaml");
const programs = join(repository, "node_modules/.bin");

interface Template {
  readonly version: string;
  readonly plugins: readonly { readonly remote: string; readonly out: string }[];
}

describe("the template for further languages", () => {
  it("names plugins by exact versions and keeps what they write out of the repository", async () => {
    const { plugins } = parse(await readFile(template, "utf8")) as Template;
    const folders = new Set(plugins.map(({ out }) => out));
    expect([...folders].toSorted()).toEqual(["csharp/gen", "java/gen", "rust/gen"]);
    for (const { remote } of plugins) {
      expect(remote).toMatch(/^buf\.build\/[a-z]+\/[a-z-]+:v\d+\.\d+(?:\.\d+)?$/);
    }
  });

  // The plugins run at buf.build; in their place stands the one that is here.
  it("generates from the paths that its command names", async () => {
    const text = await readFile(template, "utf8");
    const paths = [...text.matchAll(/--path \S+/g)].flatMap(([flag]) => flag.split(" "));
    expect(paths).toHaveLength(8);
    const local = [{ local: join(programs, "protoc-gen-es"), out: "gen", opt: ["target=js"] }];
    const settings = stringify({ ...(parse(text) as Template), plugins: local });
    const out = await mkdtemp(join(tmpdir(), "penstock-examples-"));
    try {
      const args = ["generate", "--template", settings, "--output", out, ...paths];
      const options = { cwd: join(repository, "proto"), timeout: 30_000 };
      await run(join(programs, "buf"), args, options);
      const files = await readdir(join(out, "gen"), { recursive: true });
      for (const name of ["inference/v1/inference_service", "type/v1/token_usage"]) {
        expect(files).toContain(`penstock/${name}_pb.js`);
      }
      expect(files).toContain("google/rpc/status_pb.js");
    } finally {
      await rm(out, { recursive: true, force: true });
    }
  });
});
