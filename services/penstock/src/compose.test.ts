import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabaseServer } from "@penstock/database";
import { prepareDatabaseFolder } from "@penstock/database/testing";
import { recordingObservability } from "@penstock/observability";
import { systemClock } from "@penstock/runtime";
import { afterEach, beforeEach, expect, it } from "vitest";
import { applyManifests } from "./apply-manifests.ts";
import { runProgram } from "./commands/program.ts";
import type { Composition } from "./compose.ts";
import { compose } from "./compose.ts";
import { readStartSettings } from "./settings.ts";
import { untilRevision } from "./wait-until.ts";

const patienceMs = 60_000;

let dataDir = "";
let composition: Composition | undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "penstock-compose-"));
});

afterEach(async () => {
  await composition?.stop(0);
  composition = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

/** Runs the command against the composition, in this process. */
async function applyAndAwait(manifest: string) {
  let talk = "";
  const exitCode = await runProgram(["apply", "--await", "-f", "-"], {
    out: () => {},
    talk: (text) => void (talk += text),
    readInput: () => manifest,
    environment: {
      PENSTOCK_CONTROL_URL: `http://127.0.0.1:${composition?.addresses.controlPort}`,
      PENSTOCK_ADMIN_TOKEN: composition?.adminToken,
    },
  });
  return { exitCode, talk };
}

it(
  "follows the configuration after the deadline of its start, and is missed once it does not",
  async () => {
    const anyPort = {
      httpPort: "0",
      grpcPort: "0",
      controlPort: "0",
      adminPort: "0",
      simulatorPort: "0",
    };
    await prepareDatabaseFolder(dataDir);
    const observability = recordingObservability();
    const { logger } = observability;
    const deadline = new AbortController();
    composition = await compose(
      {
        settings: readStartSettings({ ...anyPort, dataDir }, {}),
        database: openDatabaseServer({ dataDir, logger }),
        observability,
        clock: systemClock,
        knownAdminToken: undefined,
        prepare: async () => {},
      },
      deadline.signal,
    );
    deadline.abort(new Error("the deadline of the start"));
    const { clients, configuration } = composition;
    const text = "kind: Team\nname: teams/later\n";
    const { revision } = await applyManifests([{ file: "later.yaml", text }], clients);
    await untilRevision(configuration, revision, AbortSignal.timeout(10_000));
    expect(configuration.current()?.revision).toBe(revision);
    expect((await clients.rollout.listRouters({})).routers).toHaveLength(1);
    await configuration.close();
    const alone = await applyAndAwait(text.replace("later", "alone"));
    expect(alone).toMatchObject({ exitCode: 1 });
    expect(alone.talk).toContain("is not in use everywhere yet: no router was seen");
  },
  patienceMs,
);
