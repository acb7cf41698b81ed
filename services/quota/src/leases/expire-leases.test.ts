import { describe, expect, it } from "vitest";

import type { Lease } from "../ledger/lease.ts";
import { ageLease, quarantineMs, reportedQuarantineMs } from "./expire-leases.ts";

const lease: Lease = {
  id: "l",
  quota: "q",
  periodStartMs: 0,
  validFromMs: 0,
  validToMs: 10_000,
  rate: true,
  holder: "r/0",
  epoch: 1n,
  granted: 10n,
  spent: 4n,
  reserved: 3n,
  posted: 1n,
  heldLeased: 6n,
  heldPending: 3n,
  state: "open",
  reportSequence: 1n,
  createMs: 0,
  expireMs: 10_000,
};
const silent = { retired: false, seenMs: 0 };

describe("ageing a lease", () => {
  it("leaves it alone until the grace is over", () => {
    expect(ageLease(lease, silent, 11_999)).toBe(lease);
  });

  it("frees of a rate what was neither spent nor held by a running request", () => {
    const aged = ageLease(lease, silent, 12_000);
    expect(aged).toMatchObject({ state: "closed", heldLeased: 3n, heldPending: 3n });
    expect(ageLease(aged, silent, 69_999)).toBe(aged);
    expect(ageLease(aged, silent, 70_000)).toMatchObject({ state: "finished", heldPending: 0n });
  });

  it("finishes it at once when every event of its epoch is posted", () => {
    const aged = ageLease(lease, { retired: true, seenMs: 0 }, 0);
    expect(aged).toMatchObject({ state: "finished", heldLeased: 0n, heldPending: 0n });
  });

  it("keeps money for the quarantine, and what a living holder reported for a day", () => {
    const money = { ...lease, rate: false };
    const overMs = 10_000 + quarantineMs;
    expect(ageLease(money, silent, overMs - 1)).toBe(money);
    expect(ageLease(money, silent, overMs).state).toBe("finished");
    const living = { retired: false, seenMs: overMs };
    const reported = ageLease(money, living, overMs);
    expect(reported).toMatchObject({ state: "closed", heldLeased: 3n, heldPending: 3n });
    const dayOverMs = 10_000 + reportedQuarantineMs;
    expect(ageLease(reported, { ...living, seenMs: dayOverMs }, dayOverMs).state).toBe("finished");
  });
});
