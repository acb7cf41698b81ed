import { expect, it } from "vitest";
import { madeUpProject, manifest } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import { catalogRule, dependencyRule, referencesRule } from "./workspace-rules.ts";

function references(...paths: string[]): string {
  return JSON.stringify({ references: paths.map((path) => ({ path })) });
}

it("compares references with dependencies, both ways", () => {
  const project = madeUpProject({
    "packages/api/package.json": manifest("@penstock/api"),
    "packages/api/tsconfig.json": references(),
    "packages/errors/package.json": manifest("@penstock/errors", {
      "@penstock/api": "workspace:*",
    }),
    "packages/errors/tsconfig.json": references("../../packages/api"),
    "services/router/package.json": manifest("@penstock/router", {
      "@penstock/api": "workspace:*",
    }),
    "services/router/tsconfig.json": references("../../packages/errors"),
    "services/quota/package.json": manifest("@penstock/quota"),
  });
  expect(referencesRule(project).map(formatViolation)).toEqual([
    "references  services/router/tsconfig.json  lacks ../../packages/api → add it to references",
    "references  services/router/tsconfig.json  references ../../packages/errors, no dependency of package.json → remove it or declare it",
    "references  services/quota/tsconfig.json  is missing → every workspace is type-checked",
  ]);
});

it("wants every dependency used, declared and from the catalog", () => {
  const project = madeUpProject({
    "packages/api/package.json": manifest("@penstock/api", { "@bufbuild/protobuf": "catalog:" }),
    "packages/api/src/gen/a_pb.ts": 'import { x } from "@bufbuild/protobuf/codegenv2";\n',
    "packages/database/package.json": manifest("@penstock/database", {
      "@types/pg": "catalog:",
      kysely: "catalog:",
      pg: "8.23.1",
    }),
    "packages/database/src/a.ts": 'import { Pool } from "pg";\nimport { z } from "zod";\n',
  });
  expect(dependencyRule(project).map(formatViolation)).toEqual([
    "dependencies  packages/database/package.json  kysely is not used → remove it",
    "dependencies  packages/database/package.json  zod is not declared → add it",
    'dependencies  packages/database/package.json  pg is "8.23.1" → catalog: (one version for all)',
  ]);
});

it("wants every entry of the catalog used", () => {
  const project = madeUpProject({
    "pnpm-workspace.yaml":
      'packages:\n  - packages/*\ncatalog:\n  "@grpc/grpc-js": 1.14.7\n  pg: 8.23.1\n  zod: 4.6.7\ncatalogMode: strict\n',
    "package.json": manifest("root", { "@grpc/grpc-js": "catalog:" }),
    "packages/database/package.json": manifest("@penstock/database", { pg: "catalog:" }),
  });
  expect(catalogRule(project).map(formatViolation)).toEqual([
    "catalog  pnpm-workspace.yaml:6  zod is used by no package.json → remove it from the catalog",
  ]);
});
