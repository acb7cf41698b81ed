import type { LeaseReport, ReturnLeasesRequest } from "@penstock/api";
import type { LeaseBook } from "./lease-book.ts";
import { maximumItems, report } from "./sync-exchange.ts";

/** Closes every lease of a book and says so with `send`, in as many calls as it takes. */
export async function returnAllLeases(
  book: LeaseBook,
  { holder, epoch }: Pick<ReturnLeasesRequest, "holder" | "epoch">,
  send: (request: ReturnLeasesRequest) => Promise<unknown>,
): Promise<void> {
  const reports: LeaseReport[] = [];
  for (const state of book.states().values()) {
    state.close();
    for (const held of state.retiring) reports.push(report(held));
  }
  for (let first = 0; first < reports.length; first += maximumItems) {
    await send({
      $typeName: "penstock.quota.v1.ReturnLeasesRequest",
      holder,
      epoch,
      reports: reports.slice(first, first + maximumItems),
    });
  }
}
