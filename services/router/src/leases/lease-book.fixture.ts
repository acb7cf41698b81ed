import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { GrantStatus, LeaseMode } from "@penstock/api";
import type { LeaseGrant, SyncLeasesRequest, SyncLeasesResponse } from "@penstock/api";
import type { GatewayError } from "@penstock/errors";
import { recordingObservability } from "@penstock/observability";
import { ManualClock } from "@penstock/runtime";
import type { CompiledQuota } from "@penstock/snapshot";
import { LeaseBook } from "./lease-book.ts";
import type { QuotaRefused, QuotaUse, Reserved } from "./lease-book.ts";
import { LeaseSync } from "./lease-sync.ts";

/** A limit of requests a minute, unless said otherwise. */
export function quota(name: string, overrides: Partial<CompiledQuota> = {}): CompiledQuota {
  return {
    name,
    revision: 1n,
    kind: "limit",
    unit: "requests",
    amount: 100n,
    period: "minute",
    timeZone: "UTC",
    onUnavailable: "deny",
    ...overrides,
  } as CompiledQuota;
}

/** How long a request waits for quota here. */
export const wait = { usualMs: 150, aliveMs: 500 };

/** One use of a quota. */
export const use = (of: CompiledQuota, amount = 1): QuotaUse => ({
  quota: of,
  key: of.name,
  amount,
});

/** Quota as far as a router sees it: one lease per instance and slot, exact to the unit. */
class FakeQuota {
  readonly limits = new Map<string, number>();
  readonly lent = new Map<string, number>();
  readonly requests: SyncLeasesRequest[] = [];
  readonly #answers = new Map<bigint, SyncLeasesResponse>();
  readonly spent = new Map<string, number>();
  mode: LeaseMode = LeaseMode.PRECISE;
  lifeMs = 10_000;
  status: GrantStatus | undefined;
  revoke: string[] = [];
  /** Of a later life of the holder. */
  newestEpoch = 0n;
  down = false;
  /** Why a sync is not taken; undefined: it is. */
  refuse: (request: SyncLeasesRequest) => GatewayError | undefined = () => undefined;
  hang = false;
  /** The answer to the next sync is kept back until this resolves. */
  gate: Promise<void> | undefined;
  readonly #clock: ManualClock;
  readonly #open = new Map<string, { id: string; endMs: number }>();
  #leases = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly sync = (request: SyncLeasesRequest): Promise<SyncLeasesResponse> => {
    this.requests.push(request);
    if (this.hang) return new Promise(() => undefined);
    if (this.down) return Promise.reject(new Error("no connection"));
    const refusal = this.refuse(request);
    if (refusal !== undefined) return Promise.reject(refusal);
    let answer = this.#answers.get(request.sequence);
    if (answer === undefined) {
      answer = this.#answer(request);
      this.#answers.set(request.sequence, answer);
    }
    const { gate } = this;
    this.gate = undefined;
    return gate === undefined ? Promise.resolve(answer) : gate.then(() => answer);
  };

  #answer(request: SyncLeasesRequest): SyncLeasesResponse {
    for (const { leaseId, spent, reserved, closed } of request.reports) {
      this.spent.set(leaseId, Number(spent));
      const name = leaseId.split("@")[0] ?? "";
      if (closed) this.#open.delete(name);
      if (closed && reserved === 0n) this.lent.set(name, this.#spentOf(name));
    }
    return {
      $typeName: "penstock.quota.v1.SyncLeasesResponse",
      grants: request.wants.map((want) => this.#grant(want.quota, want)),
      revokedLeaseIds: this.revoke,
      serverTime: timestampFromMs(this.#clock.wallMs()),
      newestEpoch: this.newestEpoch,
    };
  }

  /** The lease of the instance that is open, else a new one. */
  #lease(key: string): string {
    const nowMs = this.#clock.wallMs();
    const open = this.#open.get(key);
    const endMs = nowMs + this.lifeMs;
    if (open !== undefined && nowMs < open.endMs) {
      open.endMs = endMs;
      return open.id;
    }
    this.#leases += 1;
    const id = `${key}@${this.#leases}`;
    this.#open.set(key, { id, endMs });
    return id;
  }

  #spentOf(name: string): number {
    let sum = 0;
    for (const [id, spent] of this.spent) if (id.startsWith(`${name}@`)) sum += spent;
    return sum;
  }

  #grant(key: string, want: { needed: bigint; wanted: bigint }): LeaseGrant {
    const limit = this.limits.get(key) ?? 0;
    const lent = this.lent.get(key) ?? 0;
    const bulk = this.mode === LeaseMode.BULK && want.wanted > want.needed;
    const asked = Number(bulk ? want.wanted : want.needed);
    const amount = Math.min(asked, limit - lent);
    this.lent.set(key, lent + amount);
    const slot = Math.floor(this.#clock.wallMs() / 10_000) * 10_000;
    const exhausted = amount === 0 && asked > 0;
    return {
      $typeName: "penstock.quota.v1.LeaseGrant",
      quota: key,
      status: this.status ?? (exhausted ? GrantStatus.EXHAUSTED : GrantStatus.GRANTED),
      leaseId: amount > 0 && this.status === undefined ? this.#lease(key) : "",
      amount: BigInt(amount),
      periodStartTime: timestampFromMs(slot),
      periodEndTime: timestampFromMs(slot + 10_000),
      lifetime: durationFromMs(this.lifeMs),
      mode: this.mode,
      limit: BigInt(limit),
      available: BigInt(limit - lent - amount),
      ...(exhausted ? { resetTime: timestampFromMs(slot + 70_000) } : {}),
    };
  }
}

/** A book, its sync and a quota service on one clock. */
export class Harness {
  readonly clock = new ManualClock(1_767_225_600_000);
  readonly quotaService = new FakeQuota(this.clock);
  readonly book = new LeaseBook({ clock: this.clock, epoch: 7n });
  readonly returned: unknown[] = [];
  readonly observability = recordingObservability();
  readonly sync: LeaseSync;

  constructor(retiredEpochs = [{ epoch: 6n, lastSequence: 11n }]) {
    this.sync = new LeaseSync({
      book: this.book,
      holder: "r/0",
      epoch: 7n,
      call: this.quotaService.sync,
      returnLeases: (request) => {
        this.returned.push(request);
        return Promise.resolve({ $typeName: "penstock.quota.v1.ReturnLeasesResponse" });
      },
      clock: this.clock,
      observability: this.observability,
      revision: () => 3n,
      retiredEpochs,
    });
  }

  ask(uses: QuotaUse[]): Promise<Reserved | QuotaRefused> {
    return new Promise((resolve) => {
      const outcome = this.book.reserve(uses);
      if (outcome.kind !== "wait") resolve(outcome);
      else this.book.waitForGrant(uses, wait, { onGrantSettled: resolve });
    });
  }

  /** One request of 1 each on many quotas, which all wait at once. */
  askEach(quotas: readonly CompiledQuota[]): Promise<(Reserved | QuotaRefused)[]> {
    return Promise.all(quotas.map((of) => this.ask([use(of)])));
  }

  async settleDown(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}
