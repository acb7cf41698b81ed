import type { LeaseReport, LeaseWant, SyncLeasesRequest } from "@penstock/api";
import { GatewayError } from "@penstock/errors";
import type { FieldViolation } from "@penstock/errors";
import { maximumQuotaKeyLength } from "@penstock/limits";

import type { LeaseReport as Report, Sync, Want } from "../leases/sync.ts";

const holderForm = /^[A-Za-z0-9_.-]{1,128}(\/[A-Za-z0-9_.-]{1,64})?$/;
const maximumViolations = 10;
/** Leases and wishes that one sync may name (lease_service.proto). */
const maximumItems = 10_000;
const maximumRetired = 1_000;

/** Collects what is wrong with the fields of a request. */
export class FieldProblems {
  readonly #violations: FieldViolation[] = [];

  check(fits: boolean, field: string, description: string): void {
    if (!fits && this.#violations.length < maximumViolations) {
      this.#violations.push({ field, description });
    }
  }

  /** Throws FIELD_INVALID with everything that was wrong. */
  throwIfAny(): void {
    if (this.#violations.length === 0) return;
    const fields = this.#violations.map(({ field, description }) => `${field} ${description}`);
    throw new GatewayError("FIELD_INVALID", `The request is malformed: ${fields.join("; ")}.`, {
      fieldViolations: this.#violations,
    });
  }
}

/** Checks and reads a sync. Throws FIELD_INVALID with all problems. */
export function readSync(request: SyncLeasesRequest): Sync {
  const problems = new FieldProblems();
  checkLife(request, problems);
  problems.check(request.sequence >= 1n, "sequence", "must be at least 1");
  problems.check(request.reports.length <= maximumItems, "reports", "must be at most 10,000");
  problems.check(request.wants.length <= maximumItems, "wants", "must be at most 10,000");
  const { retiredEpochs } = request;
  problems.check(retiredEpochs.length <= maximumRetired, "retired_epochs", "must be at most 1,000");
  for (const [index, { epoch, lastSequence }] of retiredEpochs.entries()) {
    const fits = epoch >= 0n && epoch < request.epoch && lastSequence >= 0n;
    problems.check(fits, `retired_epochs[${index}]`, "must be an earlier epoch and its last event");
  }
  const reports = readReports(request.reports, request.sequence, problems);
  const wants = request.wants.map((want, index) => readWant(want, `wants[${index}]`, problems));
  problems.throwIfAny();
  const { holder, epoch, sequence, revision } = request;
  return { holder, epoch, sequence, revision, reports, wants, retiredEpochs };
}

/** Checks and reads reports of the sync with this sequence. */
export function readReports(
  reports: readonly LeaseReport[],
  sequence: bigint,
  problems: FieldProblems,
): Report[] {
  return reports.map(({ leaseId, spent, reserved, closed }, index) => {
    const field = `reports[${index}]`;
    problems.check(/^[\w-]{1,64}$/.test(leaseId), `${field}.lease_id`, "must be the id of a lease");
    problems.check(spent >= 0n, `${field}.spent`, "must not be negative");
    problems.check(reserved >= 0n, `${field}.reserved`, "must not be negative");
    return { leaseId, spent, reserved, closed, sequence };
  });
}

/** Refuses a holder name that is none; for epochs of the far future see `farEpochs`. */
export function checkLife(
  { holder, epoch }: Pick<SyncLeasesRequest, "holder" | "epoch">,
  problems: FieldProblems,
): void {
  problems.check(holderForm.test(holder), "holder", "must be <replica>/<worker>");
  problems.check(epoch >= 0n, "epoch", "must not be negative");
}

function readWant(want: LeaseWant, field: string, problems: FieldProblems): Want {
  const { quota, needed, wanted, largestReservation, demandPerSecond } = want;
  const length = quota.length;
  problems.check(length > 0 && length <= maximumQuotaKeyLength, `${field}.quota`, "must be a key");
  problems.check(needed >= 0n, `${field}.needed`, "must not be negative");
  problems.check(wanted >= 0n, `${field}.wanted`, "must not be negative");
  problems.check(largestReservation >= 0n, `${field}.largest_reservation`, "must not be negative");
  const finite = Number.isFinite(demandPerSecond) && demandPerSecond >= 0;
  problems.check(finite, `${field}.demand_per_second`, "must be a number of at least 0");
  return { quota, needed, wanted, largestReservation, demandPerSecond };
}
