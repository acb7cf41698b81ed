import { Role } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { Identity } from "@penstock/rpc";
import { hashKey, ManualClock } from "@penstock/runtime";
import { beforeEach, describe, expect, it } from "vitest";
import { TokenIdentities } from "./token-identities.ts";

const alice: Identity = { kind: "admin", name: "alice", roles: [Role.ADMIN] };
const token = "pat_of_alice";

let clock: ManualClock;
let asked: string[];
let isAway: boolean;
let answer: Identity | undefined;
let identities: TokenIdentities;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  isAway = false;
  answer = alice;
  const ask = async (sha256: Uint8Array): Promise<Identity | undefined> => {
    asked.push(Buffer.from(sha256).toString("hex"));
    if (isAway) throw new GatewayError("UNAVAILABLE", "away");
    return answer;
  };
  identities = new TokenIdentities(ask, clock);
});

describe("identities of tokens", () => {
  it("are asked for by hash, once for callers of the same moment, and again after 30 s", async () => {
    const both = await Promise.all([1, 2].map(() => identities.authenticate(token)));
    expect(both).toEqual([alice, alice]);
    expect(asked).toEqual([Buffer.from(hashKey(token)).toString("hex")]);
    clock.advance(29_000);
    await identities.authenticate(token);
    expect(asked).toHaveLength(1);
    answer = undefined;
    clock.advance(2_000);
    expect(await identities.authenticate(token)).toBeUndefined();
  });

  it("that are nobody's are asked about again after 5 s", async () => {
    answer = undefined;
    expect(await identities.authenticate(token)).toBeUndefined();
    answer = alice;
    expect(await identities.authenticate(token)).toBeUndefined();
    clock.advance(5_000);
    expect(await identities.authenticate(token)).toEqual(alice);
  });

  it("outlive a policy that is away by ten minutes, and strangers are told to try again", async () => {
    await identities.authenticate(token);
    isAway = true;
    clock.advance(599_000);
    expect(await identities.authenticate(token)).toEqual(alice);
    const before = asked.length;
    expect(await identities.authenticate(token)).toEqual(alice);
    expect(asked).toHaveLength(before);
    await expect(identities.authenticate("stranger")).rejects.toMatchObject({
      reason: "UNAVAILABLE",
    });
    clock.advance(2_000);
    await expect(identities.authenticate(token)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });

  it("are kept for a bounded number of tokens, and few questions are under way", async () => {
    for (let index = 0; index <= 1_000; index += 1) await identities.authenticate(`t${index}`);
    asked = [];
    await identities.authenticate("t1000");
    expect(asked).toHaveLength(0);
    await identities.authenticate("t0");
    expect(asked).toHaveLength(1);
    const crowd = Array.from({ length: 40 }, (_, index) => identities.authenticate(`x${index}`));
    const results = await Promise.allSettled(crowd);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(8);
  });
});
