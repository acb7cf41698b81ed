import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { takeReplicaIdentity } from "./replica-identity.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "penstock-replica-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("takeReplicaIdentity", () => {
  it("keeps the name it made and counts starts", () => {
    const first = takeReplicaIdentity(folder, undefined);
    expect(first.replica).toMatch(/^replica-[0-9a-f]{8}$/);
    expect(takeReplicaIdentity(folder, undefined)).toEqual({ replica: first.replica, epoch: 2n });
    expect(() => takeReplicaIdentity(folder, "a.b")).toThrow(/PENSTOCK_REPLICA/);
    expect(takeReplicaIdentity(folder, "mine")).toEqual({ replica: "mine", epoch: 3n });
  });

  it("does not trust what stands in its files", () => {
    writeFileSync(join(folder, "replica"), "../x y\n");
    writeFileSync(join(folder, "starts"), "many");
    const { replica, epoch } = takeReplicaIdentity(folder, undefined);
    expect(replica).toMatch(/^replica-[0-9a-f]{8}$/);
    expect(epoch).toBe(1n);
  });
});
