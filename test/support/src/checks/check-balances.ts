import { TransferState } from "@penstock/api";
import type { Balance, Transfer } from "@penstock/api";
import type { Broken } from "./broken.ts";

/** I1, at any moment: every quota's parts fit into its limit. */
export function checkLimits(balances: readonly Balance[]): Broken[] {
  return balances.flatMap(({ quota, limit, posted, pending, leased, overshoot }) =>
    posted + pending + leased > limit + overshoot
      ? [
          {
            invariant: "I1",
            what: `${quota}: ${posted} + ${pending} + ${leased} is above its limit ${limit}`,
          },
        ]
      : [],
  );
}

/** I1 and I2 of a quiet gateway: nothing is pending, and the ledger tells how it came to all. */
export function checkBalances(
  balances: readonly Balance[],
  transfers: readonly Transfer[],
): Broken[] {
  const leaks = balances.flatMap((balance) => {
    const { quota, limit, posted, pending, leased, available } = balance;
    const broken: string[] = [];
    if (pending !== 0n) broken.push(`${quota}: ${pending} is still pending`);
    const since = balance.periodStartTime?.seconds ?? 0n;
    const sum = transfers
      .filter((transfer) => transfer.quota === quota && transfer.state === TransferState.POSTED)
      // A loan that has ended tells what was spent of it; the charges say so, too.
      .filter(({ id, leaseId }) => id !== leaseId)
      .filter((transfer) => (transfer.periodStartTime?.seconds ?? 0n) >= since)
      .reduce((total, { amount }) => total + amount, 0n);
    if (sum !== posted) broken.push(`${quota}: posted ${posted}, but its transfers sum to ${sum}`);
    const left = limit - posted - pending - leased;
    const isLeft = available === left || (left < 0n && available <= 0n);
    if (!isLeft) broken.push(`${quota}: ${available} is available where ${left} is left`);
    return broken.map((what): Broken => ({ invariant: "I2", what }));
  });
  return [...checkLimits(balances), ...leaks];
}
