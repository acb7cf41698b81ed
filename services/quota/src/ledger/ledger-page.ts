import type { Account, PeriodName } from "./account.ts";
import type { Lease } from "./lease.ts";
import type { QuotaDefinition, UnitName } from "./quota-rule.ts";
import type { Transfer } from "./transfer.ts";

/** One quota instance: its rule as of now, or as last known when the resource is gone. */
export interface QuotaInstance {
  readonly quota: string;
  readonly resource: string;
  readonly unit: UnitName;
  readonly period: PeriodName;
  /** Undefined: never known, as for charges of a quota that was deleted before the first one. */
  readonly amount: bigint | undefined;
  /** Undefined: the resource does not exist in the current snapshot. */
  readonly definition: QuotaDefinition | undefined;
  /** When it was last used; older ones of sliding minutes are forgotten. */
  readonly usedMs: number;
}

/** What is loaded of the ledger under the locks of its instances. */
export interface LoadedLedger {
  readonly instances: readonly QuotaInstance[];
  readonly accounts: readonly Account[];
  readonly leases: readonly Lease[];
}

function accountKey(quota: string, periodStartMs: number): string {
  return `${periodStartMs} ${quota}`;
}

/**
 * A part of the ledger in memory, for one transaction: loaded under locks, changed by the rules of
 * this folder, saved as a whole. It keeps every account's sums equal to the holds of its leases.
 */
export class LedgerPage {
  readonly instances = new Map<string, QuotaInstance>();
  readonly #accounts = new Map<string, Account>();
  readonly #accountsOfQuota = new Map<string, Map<number, Account>>();
  readonly #leases = new Map<string, Lease>();
  readonly #leasesOfQuota = new Map<string, Map<string, Lease>>();
  readonly #changedAccounts = new Set<string>();
  readonly #changedLeases = new Set<string>();
  readonly transfers: Transfer[] = [];

  constructor(loaded: LoadedLedger) {
    for (const instance of loaded.instances) this.instances.set(instance.quota, instance);
    for (const account of loaded.accounts) this.#keepAccount(account);
    for (const lease of loaded.leases) this.#keepLease(lease);
  }

  lease(id: string): Lease | undefined {
    return this.#leases.get(id);
  }

  leasesOf(quota: string): Lease[] {
    return [...(this.#leasesOfQuota.get(quota)?.values() ?? [])];
  }

  account(quota: string, periodStartMs: number): Account | undefined {
    return this.#accounts.get(accountKey(quota, periodStartMs));
  }

  accountsOf(quota: string): Account[] {
    return [...(this.#accountsOfQuota.get(quota)?.values() ?? [])];
  }

  /** Puts an account in the place of the one with its quota and period. */
  putAccount(account: Account): void {
    this.#keepAccount(account);
    this.#changedAccounts.add(accountKey(account.quota, account.periodStartMs));
  }

  /**
   * Puts a lease in the place of the one with its id and moves the difference of its holds to
   * its account, which must be loaded.
   */
  putLease(next: Lease): void {
    const before = this.#leases.get(next.id);
    if (before === next) return;
    this.#keepLease(next);
    this.#changedLeases.add(next.id);
    const leased = next.heldLeased - (before?.heldLeased ?? 0n);
    const pending = next.heldPending - (before?.heldPending ?? 0n);
    if (leased === 0n && pending === 0n) return;
    const account = this.account(next.quota, next.periodStartMs);
    if (account === undefined) throw new TypeError(`account of lease ${next.id} is not loaded`);
    this.putAccount({
      ...account,
      leased: account.leased + leased,
      pending: account.pending + pending,
    });
  }

  changedAccounts(): Account[] {
    return [...this.#changedAccounts].flatMap((key) => this.#accounts.get(key) ?? []);
  }

  changedLeases(): Lease[] {
    return [...this.#changedLeases].flatMap((id) => this.#leases.get(id) ?? []);
  }

  #keepAccount(account: Account): void {
    this.#accounts.set(accountKey(account.quota, account.periodStartMs), account);
    putInner(this.#accountsOfQuota, account.quota, account.periodStartMs, account);
  }

  #keepLease(lease: Lease): void {
    this.#leases.set(lease.id, lease);
    putInner(this.#leasesOfQuota, lease.quota, lease.id, lease);
  }
}

function putInner<Key, Value>(
  map: Map<string, Map<Key, Value>>,
  quota: string,
  key: Key,
  value: Value,
): void {
  const inner = map.get(quota);
  if (inner === undefined) map.set(quota, new Map([[key, value]]));
  else inner.set(key, value);
}
