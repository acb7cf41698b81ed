import type { ServiceImpl } from "@connectrpc/connect";
import { RequestOutcome, RequestOutcomeSchema, UsageDimension } from "@penstock/api";
import type { UsageService } from "@penstock/api";
import { inTransaction } from "@penstock/database";

import type { RecordFilter } from "../storage/record-store.ts";
import { sumUsage } from "../storage/rollup-store.ts";
import type { GroupColumn, GroupSums } from "../storage/rollup-store.ts";
import type { RecordsDatabase } from "../storage/records-database.ts";
import { fieldInvalid, readFilter } from "./read-filter.ts";

const maximumRows = 10_000;
const maximumDimensions = 4;
const outcomes = { completed: RequestOutcome.COMPLETED, refused: RequestOutcome.REFUSED };

const columns = new Map<number, GroupColumn>([
  [UsageDimension.TEAM, "team"],
  [UsageDimension.PROJECT, "project"],
  [UsageDimension.VIRTUAL_KEY, "virtual_key"],
  [UsageDimension.MODEL, "model"],
  [UsageDimension.PROVIDER, "provider"],
  [UsageDimension.DEPLOYMENT, "deployment"],
  [UsageDimension.DAY, "day"],
  [UsageDimension.OUTCOME, "outcome"],
  [UsageDimension.END_USER, "end_user"],
  [UsageDimension.ROUTE, "route"],
  [UsageDimension.SERVICE_TIER, "service_tier"],
]);

/** Handles `QueryUsage`: the groups, and the total over all, also those left out. */
export function queryUsage(dependencies: {
  readonly db: RecordsDatabase;
}): ServiceImpl<typeof UsageService>["queryUsage"] {
  const { db } = dependencies;
  return async (request) => {
    const filter = readFilter(request.filter);
    const groupBy = readGroupBy(request.groupBy);
    const { sum, groups } = await sumBoth(db, filter, groupBy);
    if (groups === undefined) {
      return { rows: [toRow(sum, [])], total: toRow(sum, []), truncated: false };
    }
    return {
      rows: groups.slice(0, maximumRows).map((group) => toRow(group, groupBy)),
      total: toRow(sum, []),
      truncated: groups.length > maximumRows,
    };
  };
}

/** The total and, if there are dimensions, the groups: of one moment, so that they add up. */
function sumBoth(
  db: RecordsDatabase,
  filter: RecordFilter,
  groupBy: readonly GroupColumn[],
): Promise<{ sum: GroupSums; groups: GroupSums[] | undefined }> {
  return inTransaction(
    db,
    async (trx) => {
      const [sum] = await sumUsage(trx, filter, { groupBy: [], size: 1, outcomes });
      if (sum === undefined) throw new TypeError("a sum without groups gave no row");
      const query = { groupBy, size: maximumRows + 1, outcomes };
      return { sum, groups: groupBy.length === 0 ? undefined : await sumUsage(trx, filter, query) };
    },
    { isolation: "repeatable read" },
  );
}

function readGroupBy(dimensions: readonly UsageDimension[]): GroupColumn[] {
  if (dimensions.length > maximumDimensions) {
    throw fieldInvalid("group_by", "must have at most 4 dimensions");
  }
  if (new Set(dimensions).size < dimensions.length) {
    throw fieldInvalid("group_by", "must not name a dimension twice");
  }
  return dimensions.map((dimension, index) => {
    const column = columns.get(dimension);
    if (column === undefined) throw fieldInvalid(`group_by[${index}]`, "must be a dimension");
    return column;
  });
}

function toRow({ dimensions, ...sums }: GroupSums, groupBy: readonly GroupColumn[]) {
  const values = dimensions.map((value, index) =>
    groupBy[index] === "outcome" ? outcomeName(Number(value)) : value,
  );
  return { $typeName: "penstock.telemetry.v1.UsageRow" as const, dimensions: values, ...sums };
}

/** The name of an outcome without its prefix, such as COMPLETED. */
function outcomeName(outcome: number): string {
  const value = RequestOutcomeSchema.values.find(({ number }) => number === outcome);
  const name = value?.name ?? String(outcome);
  return name.replace(/^REQUEST_OUTCOME_/, "");
}
