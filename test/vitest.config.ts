import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/**
 * Packages whose functions are pure: their test files cannot disturb one another, so they share
 * one module graph per worker, which saves most of the start-up time of small files.
 */
const purePackages = ["api", "errors", "formats", "limits", "pricing", "providers", "snapshot"];
const pureTests = purePackages.map((name) => `packages/${name}/**/*.test.ts`);
const allTests = ["packages/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts"];
/** Pure as they are, these replace modules, which a shared graph would have loaded already. */
const replacingTests = ["packages/snapshot/src/check-format.test.ts"];
const notTests = ["**/node_modules/**", "**/dist/**", "**/.types/**"];
const longTests = ["**/*.long.test.ts"];
/** What only separate processes can show: parts that die, hang and come back. */
const processTests = "test/integration/processes/*.test.ts";
const onlyLong = process.env["PENSTOCK_TEST_LONG"] === "1";
/** `npm test` sets it to 0 where NATS or PostgreSQL is not installed. */
const hasServers = process.env["PENSTOCK_TEST_SERVERS"] !== "0";

const twentySecondsMs = 20_000;
const oneMinuteMs = 60_000;
const tenMinutesMs = 600_000;
const limits = {
  testTimeout: onlyLong ? tenMinutesMs : twentySecondsMs,
  hookTimeout: onlyLong ? tenMinutesMs : oneMinuteMs,
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
    exclude: [...notTests, ...longTests, ...replacingTests],
    pool: "forks" as const,
    isolate: false,
  },
};
const replacingProject = {
  test: { ...limits, name: "replacing", include: replacingTests, pool: "forks" as const },
};
const isolatedProject = {
  test: {
    ...limits,
    name: "isolated",
    include: allTests,
    exclude: [...notTests, ...longTests, ...pureTests, processTests],
    pool: "forks" as const,
    isolate: true,
  },
};

/** They start what they need themselves, so that a second run of them would be the same again. */
const ownProcesses = [
  "all-servers",
  "database-tls",
  "mutual-tls",
  "policy-on-postgres",
  "policy-to-follower",
  "roles-as-processes",
  "router-bus-ack",
  "router-drain",
  "router-workers",
  "several-replicas",
  "show-2-demo-env",
  "show-7-kill",
].map((name) => `test/integration/${name}.test.ts`);
/** The integration tests once more: every role a process, two routers, NATS and PostgreSQL. */
const serversProject = {
  test: {
    ...limits,
    testTimeout: oneMinuteMs,
    name: "servers",
    include: ["test/integration/*.test.ts", processTests],
    exclude: [...notTests, ...longTests, ...ownProcesses],
    env: { PENSTOCK_TEST_SHAPE: "servers" },
    globalSetup: ["test/support/src/servers/shared-postgres.setup.ts"],
    pool: "forks" as const,
    isolate: true,
  },
};
const shortProjects = [
  pureProject,
  replacingProject,
  isolatedProject,
  ...(hasServers ? [serversProject] : []),
];

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    projects: onlyLong ? [longProject] : shortProjects,
    // The long ones hold times to bounds: nothing else runs beside them.
    maxWorkers: onlyLong ? 1 : 2,
    passWithNoTests: false,
  },
});
