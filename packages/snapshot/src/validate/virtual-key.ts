import type { VirtualKey } from "@penstock/api";
import { MeteringFailureMode } from "@penstock/api";

import { durationMs, timestampMs } from "../duration.ts";
import { checkCount, checkEnum, checkRange } from "./check-text.ts";
import { checkDuration } from "./check-timeouts.ts";
import type { ProblemList } from "./field-problem.ts";

/** One in use and one that a rotation replaces. */
const maxCredentials = 2;
const credentialIdPattern = /^[a-z2-7]{12}$/;
const digestBytes = 32;
const keepaliveBoundsMs = [1_000, 60_000] as const;

/** Checks what only virtual keys have. A key whose secrets are still to be made has none. */
export function checkVirtualKey(problems: ProblemList, key: VirtualKey): void {
  if (checkCount(problems, "credentials", key.credentials.length, maxCredentials)) {
    checkCredentials(problems, key);
  }
  checkTime(problems, "expireTime", key.expireTime);
  checkTime(problems, "revokeTime", key.revokeTime);
  checkRange(problems, "maxConcurrentRequests", key.maxConcurrentRequests, [1, 10_000]);
  const { keepaliveInterval } = key;
  if (keepaliveInterval !== undefined && durationMs(keepaliveInterval) !== 0) {
    checkDuration(problems, "keepaliveInterval", keepaliveInterval, keepaliveBoundsMs);
  }
  checkEnum(problems, "meteringFailure", key.meteringFailure, MeteringFailureMode);
}

function checkCredentials(problems: ProblemList, key: VirtualKey): void {
  const ids = new Set<string>();
  for (const [index, credential] of key.credentials.entries()) {
    const field = `credentials[${index}]`;
    if (!credentialIdPattern.test(credential.id)) {
      problems.invalid(`${field}.id`, "must be 12 characters of base32 in lower case");
    }
    if (ids.has(credential.id)) problems.invalid(`${field}.id`, "is there twice");
    ids.add(credential.id);
    if (credential.sha256.length !== digestBytes) {
      problems.invalid(`${field}.sha256`, `must have ${digestBytes} bytes`);
    }
    checkTime(problems, `${field}.expireTime`, credential.expireTime);
  }
}

function checkTime(problems: ProblemList, field: string, time: VirtualKey["expireTime"]): void {
  if (time !== undefined && Number.isNaN(timestampMs(time))) {
    problems.invalid(field, "must be a time between the years 1 and 9999");
  }
}
