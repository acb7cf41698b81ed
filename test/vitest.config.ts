import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * Packages whose functions are pure: their test files cannot disturb one another, so they share
 * one module graph per worker, which saves most of the start-up time of small files.
 */
const purePackages = ["api", "errors", "formats", "limits", "pricing", "providers", "snapshot"];
const pureTests = purePackages.map((name) => `packages/${name}/**/*.test.ts`);
const allTests = ["packages/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts"];
const notTests = ["**/node_modules/**", "**/dist/**", "**/.types/**"];
const longTests = ["**/*.long.test.ts"];
const onlyLong = process.env["PENSTOCK_TEST_LONG"] === "1";

const twentySecondsMs = 20_000;
const tenMinutesMs = 600_000;
const limits = {
  testTimeout: onlyLong ? tenMinutesMs : twentySecondsMs,
  hookTimeout: onlyLong ? tenMinutesMs : twentySecondsMs,
  teardownTimeout: twentySecondsMs,
};

const longProject = {
  test: { ...limits, name: "long", include: longTests, exclude: notTests, pool: "forks" as const },
};
const pureProject = {
  test: {
    ...limits,
    name: "pure",
    include: pureTests,
    exclude: [...notTests, ...longTests],
    pool: "forks" as const,
    isolate: false,
  },
};
const isolatedProject = {
  test: {
    ...limits,
    name: "isolated",
    include: allTests,
    exclude: [...notTests, ...longTests, ...pureTests],
    pool: "forks" as const,
    isolate: true,
  },
};

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    projects: onlyLong ? [longProject] : [pureProject, isolatedProject],
    maxWorkers: 2,
    passWithNoTests: false,
  },
});
