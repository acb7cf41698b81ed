import { Code } from "@penstock/api";
import type { ErrorReason } from "@penstock/errors";
import { GatewayError, reasons } from "@penstock/errors";
import { describe, expect, it } from "vitest";
import { markNeighbourError, restateNeighbourError } from "./neighbour-error.ts";

/** The codes that gRFC A54 forbids to forward. */
const restricted: readonly number[] = [
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.FAILED_PRECONDITION,
  Code.ABORTED,
  Code.OUT_OF_RANGE,
  Code.DATA_LOSS,
  Code.UNAUTHENTICATED,
  Code.PERMISSION_DENIED,
];

describe("restateNeighbourError", () => {
  it.each(Object.keys(reasons) as ErrorReason[])("never forwards %s as it came", (reason) => {
    const error = markNeighbourError(new GatewayError(reason, "their words"), undefined);
    const restated = restateNeighbourError(error);
    expect(restated.message).not.toContain("their words");
    expect(restricted).not.toContain(reasons[restated.reason].grpcCode);
    expect(restated.cause).toBe(error);
  });

  it("leaves our own errors alone", () => {
    const error = new GatewayError("ETAG_MISMATCH", "ours");
    expect(restateNeighbourError(error)).toBe(error);
  });
});
