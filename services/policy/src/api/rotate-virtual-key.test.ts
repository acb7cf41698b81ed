import { durationFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ResourceService, VirtualKeyService } from "@penstock/api";
import { createMemoryBus } from "@penstock/bus";
import { ManualClock, parseKey } from "@penstock/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failureOf } from "./failure-of.ts";
import type { PolicyHarness } from "./test-policy.ts";
import { startPolicyHarness } from "./test-policy.ts";
import { sampleResources } from "./sample-resources.ts";

const clock = new ManualClock();
let harness: PolicyHarness;

beforeAll(async () => {
  harness = await startPolicyHarness({ clock, bus: createMemoryBus() });
  await harness.client(ResourceService).applyResources({ resources: sampleResources() });
});
afterAll(() => harness.close());

const keys = () => harness.client(VirtualKeyService);
const keyName = (id: string) => `projects/shop/virtualKeys/${id}`;

async function credentialIds(name: string): Promise<string[]> {
  const { virtualKey } = await keys().getVirtualKey({ name });
  return virtualKey?.credentials.map(({ id }) => id) ?? [];
}

describe("virtual keys", () => {
  it("show their secret once, and never its hash", async () => {
    const request = { virtualKey: { name: keyName("once") }, requestId: "create-once" };
    const { secret, virtualKey } = await keys().createVirtualKey(request);
    const id = parseKey(secret)?.id;
    expect(virtualKey?.credentials).toMatchObject([{ id, sha256: new Uint8Array(0) }]);
    const repeated = await keys().createVirtualKey(request);
    expect(repeated).toMatchObject({ virtualKey, secret: "" });
    expect(await credentialIds(keyName("once"))).toEqual([id]);
  });

  it("make no secret when only validated", async () => {
    const { secret } = await keys().createVirtualKey({
      virtualKey: { name: keyName("dry") },
      validateOnly: true,
    });
    expect(secret).toBe("");
  });

  it("have at most two secrets, the old one for the overlap", async () => {
    const name = keyName("turning");
    const first = parseKey((await keys().createVirtualKey({ virtualKey: { name } })).secret)?.id;
    const overlap = durationFromMs(60_000);
    const rotated = await keys().rotateVirtualKey({ name, overlap });
    const second = parseKey(rotated.secret)?.id;
    const [old, fresh] = rotated.virtualKey?.credentials ?? [];
    expect([old?.id, fresh?.id]).toEqual([first, second]);
    const endMs = old?.expireTime === undefined ? 0 : timestampMs(old.expireTime);
    expect(endMs).toBe(clock.wallMs() + 60_000);
    expect(fresh?.expireTime).toBeUndefined();
    clock.advance(1_000);
    const third = parseKey((await keys().rotateVirtualKey({ name, overlap })).secret)?.id;
    expect(await credentialIds(name)).toEqual([second, third]);
    clock.advance(1_000);
    const { secret } = await keys().rotateVirtualKey({ name, overlap: durationFromMs(0) });
    expect(await credentialIds(name)).toEqual([parseKey(secret)?.id]);
  });

  it("turn once when a rotation is repeated, and the repetition tells no secret", async () => {
    const name = keyName("repeating");
    await keys().createVirtualKey({ virtualKey: { name } });
    clock.advance(1_000);
    const request = { name, overlap: durationFromMs(0), requestId: "rotate-once" };
    const { secret, virtualKey, revision } = await keys().rotateVirtualKey(request);
    clock.advance(1_000);
    expect(await keys().rotateVirtualKey(request)).toMatchObject({
      virtualKey,
      revision,
      secret: "",
    });
    expect(await credentialIds(name)).toEqual([parseKey(secret)?.id]);
    const other = await failureOf(keys().rotateVirtualKey({ ...request, name: keyName("web") }));
    expect(other.fieldViolations[0]?.field).toBe("request_id");
    const again = await keys().rotateVirtualKey({ ...request, requestId: "rotate-twice" });
    expect(await credentialIds(name)).toEqual([parseKey(again.secret)?.id]);
  });

  it("get their first secret by rotation when they were applied", async () => {
    expect(await credentialIds(keyName("web"))).toEqual([]);
    const { secret } = await keys().rotateVirtualKey({ name: keyName("web") });
    expect(await credentialIds(keyName("web"))).toEqual([parseKey(secret)?.id]);
  });

  it("stay revoked whatever is asked", async () => {
    const name = keyName("ended");
    await keys().createVirtualKey({ virtualKey: { name } });
    const { virtualKey } = await keys().revokeVirtualKey({ name, reason: "lost" });
    const revokeTime = virtualKey?.revokeTime;
    expect(revokeTime).toBeDefined();
    clock.advance(1_000);
    const again = await keys().revokeVirtualKey({ name });
    expect(again.virtualKey?.revokeTime).toEqual(revokeTime);
    const rotation = await failureOf(keys().rotateVirtualKey({ name }));
    expect(rotation.reason).toBe("FAILED_PRECONDITION");
    const revived = await keys().updateVirtualKey({
      virtualKey: { name, etag: virtualKey?.etag ?? "", credentials: [], displayName: "x" },
      updateMask: { paths: ["*"] },
    });
    expect(revived.virtualKey?.revokeTime).toEqual(revokeTime);
    expect(revived.virtualKey?.credentials).toHaveLength(1);
  });

  it("take no planted hash", async () => {
    const planted = { id: "aaaaaaaaaaaa", sha256: new Uint8Array(32).fill(7) };
    const { virtualKey } = await keys().createVirtualKey({
      virtualKey: { name: keyName("planted"), credentials: [planted] },
    });
    expect(virtualKey?.credentials.map(({ id }) => id)).not.toContain(planted.id);
  });

  it("refuse an overlap out of bounds and a stale etag", async () => {
    const name = keyName("web");
    const overlap = durationFromMs(31 * 24 * 3_600_000);
    const long = await failureOf(keys().rotateVirtualKey({ name, overlap }));
    expect(long.fieldViolations[0]?.field).toBe("overlap");
    const stale = await failureOf(keys().rotateVirtualKey({ name, etag: "AAAA" }));
    expect(stale.reason).toBe("ETAG_MISMATCH");
  });
});
