import { expect, it } from "vitest";
import { madeUpProject, manifest } from "../source/made-up-project.ts";
import { formatViolation } from "../violation.ts";
import {
  fenceRule,
  layerRule,
  namedExportsRule,
  packageBoundaryRule,
  purityRule,
} from "./import-rules.ts";

const manifests = {
  "packages/bus/package.json": manifest("@penstock/bus"),
  "packages/errors/package.json": manifest("@penstock/errors"),
  "packages/limits/package.json": manifest("@penstock/limits"),
  "packages/runtime/package.json": manifest("@penstock/runtime"),
  "services/penstock/package.json": manifest("@penstock/penstock"),
  "services/quota/package.json": manifest("@penstock/quota"),
  "services/router/package.json": manifest("@penstock/router"),
  "test/support/package.json": manifest("@penstock/test-support"),
};

it("refuses imports that point up or sideways, and says what is allowed", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/errors/src/a.ts": 'import type { Bus } from "@penstock/bus";\n',
    "packages/runtime/src/clock.ts": 'import type { WallMs } from "@penstock/limits";\n',
    "services/router/src/a.ts":
      '// first\nimport {\n  createQuotaService,\n} from "@penstock/quota";\n',
    "services/penstock/src/a.ts": 'import { createQuotaService } from "@penstock/quota";\n',
  });
  expect(layerRule(project).map(formatViolation)).toEqual([
    "layers  packages/errors/src/a.ts:1  packages/errors may not import packages/bus → " +
      "it may import api; pass the rest in as an argument",
    expect.stringMatching(
      /^layers {2}services\/router\/src\/a\.ts:2 {2}services\/router may not import services\/quota → it may import api, errors, /,
    ),
  ]);
});

it("lets only tests import test/support, and nothing else of test/", () => {
  const project = madeUpProject({
    ...manifests,
    "services/router/src/a.ts": 'import { start } from "@penstock/test-support";\n',
    "services/router/src/a.test.ts": 'import { start } from "@penstock/test-support";\n',
  });
  expect(layerRule(project).map(formatViolation)).toEqual([
    "layers  services/router/src/a.ts:1  services/router imports test/support → " +
      "only tests may, and only @penstock/test-support",
  ]);
});

it("demands a layer for a new package", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/tokens/src/a.ts": 'import { x } from "@penstock/errors";\n',
  });
  expect(layerRule(project).map(formatViolation)).toEqual([
    "layers  packages/tokens/src/a.ts:1  packages/tokens is in no layer → " +
      "give it one in test/architecture/src/layers.ts",
  ]);
});

it("keeps packages closed: no paths into them, no relative way out, extensions in full", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/bus/src/a.ts": [
      'import { a } from "@penstock/errors/src/reasons.ts";',
      'import { b } from "../../errors/index.ts";',
      'import { c } from "./open-bus";',
      'import { d } from "@penstock/errors";',
    ].join("\n"),
  });
  expect(packageBoundaryRule(project).map(formatViolation)).toEqual([
    'package-boundary  packages/bus/src/a.ts:1  path into a package: "@penstock/errors/src/reasons.ts" → import "@penstock/errors" and export it there in index.ts',
    'package-boundary  packages/bus/src/a.ts:2  relative import leaves the package: "../../errors/index.ts" → import it by its name',
    'package-boundary  packages/bus/src/a.ts:3  "./open-bus" → add the extension .ts',
  ]);
});

it("wants one index.ts per package, with names", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/bus/index.ts":
      'export * from "./src/open-bus.ts";\nexport { a } from "./src/a.ts";\n',
    "packages/bus/src/nats/index.ts": "export const one = 1;\n",
  });
  expect(namedExportsRule(project).map(formatViolation)).toEqual([
    "one-index  packages/bus/src/nats/index.ts  index.ts in a subfolder → export from packages/bus/index.ts instead",
    'named-exports  packages/bus/index.ts:1  export * from "./src/open-bus.ts" → name what is exported',
  ]);
});

it("keeps third parties behind their fences", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/bus/src/nats/a.ts": 'import { connect } from "@nats-io/transport-node";\n',
    "packages/bus/src/memory/a.ts": 'import { connect } from "@nats-io/transport-node";\n',
    "services/router/src/upstream/a.ts": 'import { Pool } from "undici";\n',
    "services/router/src/pipeline/a.ts": 'import type { Dispatcher } from "undici";\n',
    "services/quota/src/service.ts": 'import type { ConnectRouter } from "@connectrpc/connect";\n',
    "services/quota/src/ledger/a.ts": 'import type { ConnectRouter } from "@connectrpc/connect";\n',
    "services/quota/src/ledger/b.ts": 'const load = () => import("pg");\n',
    "test/support/src/a.ts": 'import { Pool } from "undici";\n',
  });
  expect(fenceRule(project).map(formatViolation)).toEqual([
    'fences  packages/bus/src/memory/a.ts:1  NATS clients ("@nats-io/transport-node") outside of its room → move this code to packages/bus/src/nats/',
    'fences  services/router/src/pipeline/a.ts:1  undici ("undici") outside of its room → move this code to services/router/src/upstream/',
    'fences  services/quota/src/ledger/a.ts:1  Connect ("@connectrpc/connect") outside of its room → move this code to packages/rpc/ or the service\'s src/api/',
    'fences  services/quota/src/ledger/b.ts:1  pg and PGlite ("pg") outside of its room → move this code to packages/database/',
  ]);
});

it("lets wiring take types of Connect, but no values", () => {
  const project = madeUpProject({
    ...manifests,
    "services/quota/src/service.ts":
      'import { type Client, createClient } from "@connectrpc/connect";\n',
  });
  expect(fenceRule(project)).toHaveLength(1);
});

it("keeps layer 1 pure", () => {
  const project = madeUpProject({
    ...manifests,
    "packages/limits/src/a.ts": [
      'import { createHash } from "node:crypto";',
      "// Date.now() in a comment is fine, and so is new Date(wallMs):",
      "const text = `Date.now() ${Date.now()}`;",
      "const day = new Date(wallMs);",
      "const chance = Math.random();",
    ].join("\n"),
    "packages/limits/src/a.test.ts": 'import { readFileSync } from "node:fs";\n',
    "packages/bus/src/a.ts": 'import { createHash } from "node:crypto";\n',
  });
  expect(purityRule(project).map(formatViolation)).toEqual([
    'purity  packages/limits/src/a.ts:1  "node:crypto" in a pure package → pass the result in, or move this code to layer 2',
    "purity  packages/limits/src/a.ts:3  Date.now( reads a clock in a pure package → take it as an argument",
    "purity  packages/limits/src/a.ts:5  Math.random( draws randomness in a pure package → take it as an argument",
  ]);
});
