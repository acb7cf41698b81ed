import { sync, usageEvent, want } from "./test-ledger.ts";
import type { TestLedger } from "./test-ledger.ts";

interface HeldLease {
  readonly quota: string;
  granted: bigint;
  spent: bigint;
  reserved: bigint;
  closed: boolean;
  readonly validToMs: number;
  expireMs: number;
}

/** A router as far as quota sees it: it reserves only on leases that live, and settles later. */
export class SimulatedHolder {
  epoch = 1n;
  syncSequence = 0n;
  eventSequence = 0n;
  readonly leases = new Map<string, HeldLease>();
  readonly running: { quota: string; leaseId: string }[] = [];
  /** Requests on rates that it let in since its last sync. */
  #unheard = 0n;
  readonly #ledger: TestLedger;
  readonly #name: string;
  readonly admissions: { quota: string; atMs: number }[];
  readonly outbox: Uint8Array[];

  constructor(
    ledger: TestLedger,
    name: string,
    shared: { admissions: { quota: string; atMs: number }[]; outbox: Uint8Array[] },
  ) {
    this.#ledger = ledger;
    this.#name = name;
    this.admissions = shared.admissions;
    this.outbox = shared.outbox;
  }

  get replica(): string {
    return this.#name;
  }

  async sync(quota: string, needed: bigint, retired?: { epoch: bigint; lastSequence: bigint }) {
    this.syncSequence += 1n;
    this.#unheard = 0n;
    const nowMs = this.#ledger.clock.wallMs();
    for (const lease of this.leases.values()) {
      if (nowMs >= lease.expireMs || nowMs >= lease.validToMs) lease.closed = true;
    }
    const reports = [...this.leases].map(([leaseId, lease]) => ({
      leaseId,
      spent: lease.spent,
      reserved: lease.reserved,
      closed: lease.closed,
      sequence: this.syncSequence,
    }));
    const answer = await this.#ledger.queue.run(
      sync({
        holder: `${this.#name}/0`,
        epoch: this.epoch,
        sequence: this.syncSequence,
        reports,
        wants: needed === 0n ? [] : [want(quota, needed, { wanted: needed + 2n })],
        retiredEpochs: retired === undefined ? [] : [retired],
      }),
    );
    for (const { leaseId, closed, reserved } of reports) {
      if (closed && reserved === 0n) this.leases.delete(leaseId);
    }
    for (const id of answer.revokedLeaseIds) {
      const lease = this.leases.get(id);
      if (lease !== undefined) lease.closed = true;
    }
    for (const grant of answer.grants) {
      if (grant.leaseId === "") continue;
      const known = this.leases.get(grant.leaseId);
      const expireMs = nowMs + Number(grant.lifetime?.seconds ?? 0n) * 1_000;
      if (known === undefined) {
        this.leases.set(grant.leaseId, {
          quota: grant.quota,
          granted: grant.amount,
          spent: 0n,
          reserved: 0n,
          closed: false,
          validToMs: Number(grant.periodEndTime?.seconds ?? 0n) * 1_000,
          expireMs,
        });
      } else {
        known.granted += grant.amount;
        known.expireMs = expireMs;
      }
    }
  }

  admit(quota: string): void {
    const nowMs = this.#ledger.clock.wallMs();
    for (const [leaseId, lease] of this.leases) {
      const usable = !lease.closed && nowMs < lease.expireMs && nowMs < lease.validToMs;
      if (lease.quota !== quota || !usable) continue;
      if (lease.granted - lease.spent - lease.reserved < 1n) continue;
      lease.reserved += 1n;
      this.admissions.push({ quota, atMs: nowMs });
      if (quota.startsWith("limits/")) this.#unheard += 1n;
      this.running.push({ quota, leaseId });
      return;
    }
  }

  /** Ends a request that cost `over` more than was reserved for it; gives its quota. */
  settle(over = 0n): string | undefined {
    const request = this.running.shift();
    if (request === undefined) return undefined;
    const lease = this.leases.get(request.leaseId);
    if (lease !== undefined) {
      lease.reserved -= 1n;
      lease.spent += 1n + over;
    }
    this.#emit(request, 1n + over);
    return request.quota;
  }

  /**
   * Dies: what ran is charged by its spool, found at the start of the next life. Gives how many
   * requests on rates quota had not heard of.
   */
  async restart(): Promise<bigint> {
    const unheard = this.#unheard;
    for (const request of this.running.splice(0)) this.#emit(request);
    const ended = { epoch: this.epoch, lastSequence: this.eventSequence };
    this.epoch += 1n;
    this.syncSequence = 0n;
    this.eventSequence = 0n;
    this.leases.clear();
    await this.sync("", 0n, ended);
    return unheard;
  }

  #emit({ quota, leaseId }: { quota: string; leaseId: string }, settled = 1n): void {
    this.eventSequence += 1n;
    const { epoch, eventSequence: sequence, replica } = this;
    this.outbox.push(usageEvent({ replica, epoch, sequence }, [{ quota, settled, leaseId }]));
  }
}
