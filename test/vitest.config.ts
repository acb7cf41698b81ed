import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const allTests = ["packages/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts"];
/** These replace modules, which a shared graph would have loaded already. */
const replacingTests = [
  "packages/snapshot/src/check-format.test.ts",
  "test/support/src/servers/server-lane.test.ts",
];
const notTests = ["**/node_modules/**", "**/dist/**", "**/.types/**"];
const longTests = ["**/*.long.test.ts"];
/** What only separate processes can show: parts that die, hang and come back. */
const processTests = "test/integration/processes/*.test.ts";
const onlyLong = process.env["PENSTOCK_TEST_LONG"] === "1";
/** `npm test` sets it to 0 where NATS or PostgreSQL is not installed. */
const hasServers = process.env["PENSTOCK_TEST_SERVERS"] !== "0";

const tenSecondsMs = 10_000;
const twoMinutesMs = 120_000;
const tenMinutesMs = 600_000;
/** For what hangs; a busy machine may take ten times as long as an idle one. */
const limits = {
  testTimeout: onlyLong ? tenMinutesMs : twoMinutesMs,
  hookTimeout: onlyLong ? tenMinutesMs : twoMinutesMs,
  teardownTimeout: tenSecondsMs,
  setupFiles: ["test/support/src/patient-waits.setup.ts"],
  expect: { poll: { timeout: 30_000, interval: 10 } },
  pool: "forks" as const,
};

/** One more than the two processors that are counted on, as many tests wait rather than work. */
const workers = 3;
/** Roles as processes have work for the processors without that. */
const serversWorkers = 2;

/** The long ones hold times to bounds: nothing else runs beside them. */
const longProject = {
  test: { ...limits, name: "long", include: longTests, exclude: notTests, maxWorkers: 1 },
};
/**
 * Test files clean up after themselves, so that they can share one module graph per worker: to
 * load it anew for each of them took most of the time of a run. A database that one has closed
 * serves the next.
 */
const sharedProject = {
  test: {
    ...limits,
    name: "shared",
    include: allTests,
    exclude: [...notTests, ...longTests, ...replacingTests, processTests],
    maxWorkers: workers,
    isolate: false,
  },
};
const replacingProject = {
  test: {
    ...limits,
    name: "replacing",
    include: replacingTests,
    maxWorkers: workers,
    isolate: true,
  },
};

/**
 * They start what they need themselves, so that a second run of them would be the same again, or
 * take most of a minute for a compiler.
 */
const ownProcesses = [
  "all-servers",
  "database-tls",
  "go-client",
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
    name: "servers",
    include: ["test/integration/*.test.ts", processTests],
    exclude: [...notTests, ...longTests, ...ownProcesses],
    env: { PENSTOCK_TEST_SHAPE: "servers" },
    globalSetup: ["test/support/src/servers/shared-postgres.setup.ts"],
    maxWorkers: serversWorkers,
    sequence: { groupOrder: 1 },
    isolate: false,
  },
};
const shortProjects = [sharedProject, replacingProject, ...(hasServers ? [serversProject] : [])];

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    projects: onlyLong ? [longProject] : shortProjects,
    passWithNoTests: false,
  },
});
